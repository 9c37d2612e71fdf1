//! What the store is supposed to do, as a machine without concurrency.

use std::fmt::Display;
use std::hash::Hash;

use crate::history::End;

/// A sequential machine: the clients' view of a store that does one operation after the other.
///
/// A history is linearizable if its operations can be put in an order that keeps real time and in which this machine
/// gives their answers. Calls with different keys must not concern each other: each key is a machine of its own.
pub trait Model {
    /// What is asked for.
    type Call;
    /// What is told.
    type Answer;
    /// What a call is about.
    type Key: Clone + Ord + Display;
    /// The machine's state. Equal states must behave alike for ever.
    type State: Clone + Eq + Hash;

    /// What the call is about.
    fn key(&self, call: &Self::Call) -> Self::Key;

    /// How the machine of a key begins.
    fn initial(&self, key: &Self::Key) -> Self::State;

    /// How the machine of a key begins, for a search among these answered calls. What is told later may settle what is
    /// left open before: a state may remember it, as long as that does not make equal states differ.
    fn begin(
        &self,
        key: &Self::Key,
        answered: &mut dyn Iterator<Item = (&Self::Call, &Self::Answer)>,
    ) -> Self::State {
        let _ = answered;
        self.initial(key)
    }

    /// The states after the call gave this answer; none if it cannot give it. Without an answer: after the call was
    /// done, whatever it would have told; several if that is open.
    fn step(&self, state: &Self::State, call: &Self::Call, answer: Option<&Self::Answer>)
    -> Vec<Self::State>;

    /// Whether the call, with this answer, only looks. It may narrow down what the state can be, but must make nothing
    /// possible that was not. Without an answer, such a call tells nothing at all and is left out.
    fn only_looks(&self, call: &Self::Call, answer: Option<&Self::Answer>) -> bool;

    /// Whether an operation of unknown outcome, done directly before, may be why a call could give this answer. If it is
    /// not, nothing becomes possible by it that is not possible by the call alone, or by the call and then it. Without an
    /// answer: why it could be done. The search began in this state. This makes the search short; true is never wrong.
    fn helps(
        &self,
        begin: &Self::State,
        open: &Self::Call,
        (call, answer): (&Self::Call, Option<&Self::Answer>),
    ) -> bool {
        let _ = (begin, open, call, answer);
        true
    }

    /// A number that grows with the store's, if the answer tells one: smaller ones most likely came first. This makes
    /// the search short; no number is wrong.
    fn likely_order(&self, answer: &Self::Answer) -> u64 {
        let _ = answer;
        0
    }

    /// What the call leaves behind by which it is known again, such as the value that it writes. With
    /// [`shows`](Self::shows) this makes the search short: where several operations of unknown outcome would do, those
    /// that nobody has seen are taken first.
    fn leaves<'a>(&self, call: &'a Self::Call) -> Option<&'a str> {
        let _ = call;
        None
    }

    /// What the answer shows that some call has left.
    fn shows<'a>(&self, answer: &'a Self::Answer) -> Option<&'a str> {
        let _ = answer;
        None
    }

    /// The call and what came of it, in a few words.
    fn describe(&self, call: &Self::Call, end: &End<Self::Answer>) -> String;

    /// The state, in a few words.
    fn describe_state(&self, state: &Self::State) -> String;
}
