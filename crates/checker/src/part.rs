//! What of a history is about one key, as the search wants it.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{End, History};
use crate::model::Model;

/// An operation that was done, or may have been.
pub(crate) struct Op<'h, M: Model> {
    /// Its place in the history.
    pub(crate) place: usize,
    pub(crate) called_ns: u64,
    /// When its answer was there; the end of time without one.
    pub(crate) ended_ns: u64,
    pub(crate) call: &'h M::Call,
    pub(crate) answer: Option<&'h M::Answer>,
    /// See [`Model::likely_order`].
    pub(crate) likely_order: u64,
    /// See [`Model::leaves`].
    pub(crate) leaves: Option<&'h str>,
    /// See [`Model::shows`].
    pub(crate) shows: Option<&'h str>,
}

impl<M: Model> Clone for Op<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Model> Copy for Op<'_, M> {}

/// The operations on one key.
pub(crate) struct Part<'h, M: Model> {
    pub(crate) key: M::Key,
    /// Those that were answered, by the time of their call.
    pub(crate) answered: Vec<Op<'h, M>>,
    /// Those that may have been done, by the time of their call.
    pub(crate) open: Vec<Op<'h, M>>,
    /// What answers show.
    shown: BTreeSet<&'h str>,
}

impl<'h, M: Model> Part<'h, M> {
    /// A part of these operations, in whatever order they are. One that may have been done and only looks tells
    /// nothing, and is left out.
    pub(crate) fn new(model: &M, key: M::Key, mut ops: Vec<Op<'h, M>>) -> Self {
        ops.sort_by_key(|op| (op.called_ns, op.ended_ns, op.place));
        let (answered, mut open): (Vec<_>, Vec<_>) = ops.into_iter().partition(|op| op.answer.is_some());
        open.retain(|op| !model.only_looks(op.call, None));
        let shown = answered.iter().filter_map(|op| op.shows).collect();
        Self { key, answered, open, shown }
    }

    /// Whether nobody was told that this open operation was done.
    pub(crate) fn is_unseen(&self, open: &Op<'h, M>) -> bool {
        open.leaves.is_none_or(|left| !self.shown.contains(left))
    }

    /// The history, taken apart by key.
    pub(crate) fn of(model: &M, history: &'h History<M::Call, M::Answer>) -> Vec<Self> {
        let mut by_key: BTreeMap<M::Key, Vec<Op<'h, M>>> = BTreeMap::new();
        for (place, operation) in history.operations().iter().enumerate() {
            let (ended_ns, answer) = match &operation.end {
                End::Answered { at_ns, answer } => (*at_ns, Some(answer)),
                End::NotDone { .. } => continue,
                End::Unknown => (u64::MAX, None),
            };
            let (called_ns, call) = (operation.called_ns, &operation.call);
            let likely_order = answer.map_or(0, |answer| model.likely_order(answer));
            let (leaves, shows) = (model.leaves(call), answer.and_then(|answer| model.shows(answer)));
            let op = Op { place, called_ns, ended_ns, call, answer, likely_order, leaves, shows };
            by_key.entry(model.key(call)).or_default().push(op);
        }
        by_key.into_iter().map(|(key, ops)| Self::new(model, key, ops)).collect()
    }
}
