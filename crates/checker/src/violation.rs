//! Why a history does not pass, in words.

use std::fmt;

use crate::history::{History, Operation};
use crate::model::Model;
use crate::part::Part;
use crate::search::{Limits, Stuck};
use crate::shrink::shrink;

/// How many operations of a list are told in words.
const TOLD_MAX: usize = 10;

/// An operation of the history, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its place in the history.
    pub place: usize,
    /// Whose it was, when, what, and what came of it.
    pub text: String,
}

/// An operation that might have come next in the longest order, and why it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaced {
    /// Which.
    pub operation: Told,
    /// Whether it could have been told of the state there: then nothing that comes behind it explains the culprit.
    pub fits: bool,
}

/// No order of a key's operations explains what was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The key.
    pub key: String,
    /// All was well before this one ended.
    pub culprit: Told,
    /// Operations whose answers contradict each other, whatever was told of the others.
    pub core: Vec<Told>,
    /// The longest order that was found of what was called before the culprit ended.
    pub order: Vec<Told>,
    /// The state after it.
    pub state: String,
    /// What might have come next.
    pub unplaced: Vec<Unplaced>,
}

impl Violation {
    pub(crate) fn new<M: Model>(
        model: &M,
        history: &History<M::Call, M::Answer>,
        part: &Part<'_, M>,
        stuck: &Stuck<M::State>,
        limits: Limits,
    ) -> Self {
        let tell = |place: usize| Told { place, text: tell(model, &history.operations()[place]) };
        let unplaced = |number: &usize| {
            let op = &part.answered[*number];
            let fits = !model.step(&stuck.state, op.call, op.answer).is_empty();
            Unplaced { operation: tell(op.place), fits }
        };
        Self {
            key: part.key.to_string(),
            culprit: tell(part.answered[stuck.culprit].place),
            core: shrink(model, part, stuck.culprit, limits).into_iter().map(tell).collect(),
            order: stuck.order.iter().copied().map(tell).collect(),
            state: model.describe_state(&stuck.state),
            unplaced: stuck.choices.iter().map(unplaced).collect(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: no order of the operations explains what was told", self.key)?;
        writeln!(out, "all is well until {} ends", self.culprit)?;
        writeln!(out, "these contradict each other, whatever else was told:")?;
        tell_some(out, &self.core)?;
        writeln!(out, "the longest order has {} operations; it ends with", self.order.len())?;
        tell_some(out, &self.order[self.order.len().saturating_sub(TOLD_MAX)..])?;
        writeln!(out, "then the state is {}; next might come", self.state)?;
        for unplaced in self.unplaced.iter().take(TOLD_MAX) {
            let why = if unplaced.fits { "fits, but leads no further" } else { "does not fit" };
            writeln!(out, "  {}: {why}", unplaced.operation)?;
        }
        and_more(out, self.unplaced.len())
    }
}

impl std::error::Error for Violation {}

impl fmt::Display for Told {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "#{} {}", self.place, self.text)
    }
}

fn tell_some(out: &mut fmt::Formatter<'_>, told: &[Told]) -> fmt::Result {
    for operation in told.iter().take(TOLD_MAX) {
        writeln!(out, "  {operation}")?;
    }
    and_more(out, told.len())
}

fn and_more(out: &mut fmt::Formatter<'_>, len: usize) -> fmt::Result {
    match len.checked_sub(TOLD_MAX) {
        Some(more @ 1..) => writeln!(out, "  and {more} more"),
        _ => Ok(()),
    }
}

/// Whose an operation was, when, what, and what came of it.
fn tell<M: Model>(model: &M, operation: &Operation<M::Call, M::Answer>) -> String {
    let when = match operation.end.at_ns() {
        Some(at_ns) => format!("{} to {}", ms(operation.called_ns), ms(at_ns)),
        None => format!("from {}", ms(operation.called_ns)),
    };
    format!("client {}, {when} ms: {}", operation.client, model.describe(&operation.call, &operation.end))
}

/// Milliseconds with all their digits.
pub(crate) fn ms(ns: u64) -> String {
    let (whole, rest) = (ns / 1_000_000, ns % 1_000_000);
    let text = format!("{whole}.{rest:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A limit was reached before it was known whether there is an order of a key's operations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{key}: undecided after {steps} steps and {positions} remembered positions: raise the limits, or record fewer \
     operations at once for each key"
)]
pub struct Undecided {
    /// The key.
    pub key: String,
    /// How often the model was asked.
    pub steps: u64,
    /// How many positions were remembered.
    pub positions: usize,
}
