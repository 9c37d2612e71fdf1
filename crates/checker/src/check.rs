//! Checks a history against a model, key by key.

use crate::history::History;
use crate::model::Model;
use crate::part::Part;
use crate::search::{Cost, Found, Limits, search};
use crate::violation::{Undecided, Violation};

/// What a check that passed has looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Operations that were done or may have been.
    pub operations: usize,
    /// How many keys they were about.
    pub keys: usize,
    /// How often the model was asked.
    pub steps: u64,
}

/// Why a history did not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No order explains it.
    #[error(transparent)]
    Violation(#[from] Box<Violation>),
    /// Nobody knows: a limit was reached first. That is no pass.
    #[error(transparent)]
    Undecided(#[from] Undecided),
}

impl Failure {
    /// The violation, if there is one.
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violation(violation) => Some(violation),
            Self::Undecided(_) => None,
        }
    }
}

/// Whether there is an order of the operations that keeps real time and in which the model gives their answers.
///
/// Each key is searched by itself, within the limits. The first key that has no such order is told; if there is none,
/// the first that could not be decided.
///
/// # Errors
/// The history does not pass, or it could not be decided.
pub fn check<M: Model>(
    model: &M,
    history: &History<M::Call, M::Answer>,
    limits: Limits,
) -> Result<Checked, Failure> {
    let (mut checked, mut undecided) = (Checked::default(), None);
    for part in Part::of(model, history) {
        let (found, cost) = search(model, &part, limits);
        match found {
            Found::Order => checked.add(&part, cost),
            Found::Stuck(stuck) => {
                return Err(Box::new(Violation::new(model, history, &part, &stuck, limits)).into());
            }
            Found::Undecided => {
                let Cost { steps, positions } = cost;
                undecided = undecided.or(Some(Undecided { key: part.key.to_string(), steps, positions }));
            }
        }
    }
    undecided.map_or(Ok(checked), |undecided| Err(undecided.into()))
}

impl Checked {
    fn add<M: Model>(&mut self, part: &Part<'_, M>, cost: Cost) {
        self.operations += part.answered.len() + part.open.len();
        self.keys += 1;
        self.steps += cost.steps;
    }
}
