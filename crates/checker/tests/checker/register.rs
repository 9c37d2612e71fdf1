//! A register without revisions: answers leave much open, so that the search has something to do.

use conclave_checker::{End, Model};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Read,
    Write(u8),
    /// From a value to a value.
    Swap(u8, u8),
    /// Adds one, or two: nobody knows.
    Bump,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Value(u8),
    Done,
    Refused,
}

pub(crate) struct Register;

impl Model for Register {
    type Call = Call;
    type Answer = Answer;
    type Key = u8;
    type State = u8;

    fn key(&self, _: &Call) -> u8 {
        0
    }

    fn initial(&self, _: &u8) -> u8 {
        0
    }

    fn step(&self, state: &u8, call: &Call, answer: Option<&Answer>) -> Vec<u8> {
        match (*call, answer) {
            (Call::Read, Some(Answer::Value(value))) if value == state => vec![*state],
            (Call::Write(value), None | Some(Answer::Done)) => vec![value],
            (Call::Swap(from, to), None | Some(Answer::Done)) if from == *state => vec![to],
            (Call::Swap(from, _), Some(Answer::Refused)) if from != *state => vec![*state],
            (Call::Bump, None | Some(Answer::Done)) => vec![(state + 1) % 4, (state + 2) % 4],
            _ => Vec::new(),
        }
    }

    fn only_looks(&self, call: &Call, answer: Option<&Answer>) -> bool {
        *call == Call::Read || answer == Some(&Answer::Refused)
    }

    fn describe(&self, call: &Call, end: &End<Answer>) -> String {
        format!("{call:?} {end:?}")
    }

    fn describe_state(&self, state: &u8) -> String {
        state.to_string()
    }
}
