//! The search for an order: depth first, one answered operation after the other (Wing and Gong, with Lowe's memory).
//!
//! Next may come what was called before any operation without a place had ended. An operation with an unknown outcome
//! is put in only directly before an answered one: it changes nothing that anybody sees until somebody looks. Those
//! with few of them are tried first, and what was reached with fewer is never tried with more ([`Seen`]).

use crate::done::Done;
use crate::model::Model;
use crate::part::{Op, Part};
use crate::seen::Seen;

/// How long a search may take and how much it may remember, for each key. What is not found within them is undecided.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How often the model may be asked.
    pub steps_max: u64,
    /// How many positions are remembered: each costs about as much as a state and 100 bytes.
    pub positions_max: usize,
}

impl Default for Limits {
    /// About a minute and a gigabyte at most, with small states, without optimisation.
    fn default() -> Self {
        Self { steps_max: 50_000_000, positions_max: 4_000_000 }
    }
}

/// How a search ended.
pub(crate) enum Found<S> {
    /// There is an order.
    Order,
    /// There is none.
    Stuck(Stuck<S>),
    /// It is not known whether there is one.
    Undecided,
}

/// The furthest that the search came.
pub(crate) struct Stuck<S> {
    /// The operation at whose end it was clear that there is no order. Numbers are those of the part's answered ones.
    pub(crate) culprit: usize,
    /// The longest order found before it: places in the history.
    pub(crate) order: Vec<usize>,
    /// The state after it.
    pub(crate) state: S,
    /// What might have come next.
    pub(crate) choices: Vec<usize>,
    reached: (u64, usize),
}

/// What a search has cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) steps: u64,
    pub(crate) positions: usize,
}

/// Looks for an order of the part's operations.
pub(crate) fn search<M: Model>(model: &M, part: &Part<'_, M>, limits: Limits) -> (Found<M::State>, Cost) {
    let mut search = Search { model, part, steps: 0, seen: Seen::new(), stuck: None };
    let found = search.run(limits);
    (found, Cost { steps: search.steps, positions: search.seen.len() })
}

struct Search<'p, M: Model> {
    model: &'p M,
    part: &'p Part<'p, M>,
    steps: u64,
    seen: Seen<(Done, M::State)>,
    stuck: Option<Stuck<M::State>>,
}

/// A position, and which ways on from it were tried.
struct Frame<S> {
    done: Done,
    /// What came last: places in the history.
    entered_by: Vec<usize>,
    /// The answered operations that may come next.
    choices: Vec<usize>,
    /// That of them which ends first, and when.
    deadline: (u64, usize),
    /// How many of the open operations may come next.
    open: usize,
    /// What the state may be before the next answered operation.
    before: Vec<Before<S>>,
    /// How many of those were taken on by another open operation.
    widened: usize,
    at: usize,
    choice: usize,
    /// The states after the choice that were not gone into yet.
    after: Vec<S>,
}

/// A state that is reached by open operations only.
struct Before<S> {
    state: S,
    /// All open operations that were ever used, ascending.
    used: Vec<usize>,
    /// Those of them that were used here, in their order.
    here: Vec<usize>,
    /// Nothing else need be tried from here.
    settled: bool,
}

impl<M: Model> Search<'_, M> {
    fn run(&mut self, limits: Limits) -> Found<M::State> {
        let Some(first) = self.frame(Done::default(), self.model.initial(&self.part.key), Vec::new()) else {
            return Found::Order;
        };
        let mut frames = vec![first];
        while let Some(frame) = frames.last_mut() {
            if self.steps > limits.steps_max || self.seen.len() > limits.positions_max {
                return Found::Undecided;
            }
            match self.next_position(frame) {
                Some((done, state, used, entered_by)) => {
                    if !self.seen.insert((done.clone(), state.clone()), &used) {
                        continue;
                    }
                    match self.frame(done, state, used) {
                        Some(next) => frames.push(Frame { entered_by, ..next }),
                        None => return Found::Order,
                    }
                }
                None => {
                    self.note_stuck(&frames);
                    frames.pop();
                }
            }
        }
        Found::Stuck(self.stuck.take().expect("the first frame is noted when it is left"))
    }

    /// A position from which nothing was tried; none if everything has its place.
    fn frame(&self, done: Done, state: M::State, used: Vec<usize>) -> Option<Frame<M::State>> {
        let (choices, deadline) = self.choices(&done)?;
        let open = self.part.open.partition_point(|op| op.called_ns <= deadline.0);
        let before = vec![Before { state, used, here: Vec::new(), settled: false }];
        let (entered_by, after) = (Vec::new(), Vec::new());
        Some(Frame { done, entered_by, choices, deadline, open, before, widened: 0, at: 0, choice: 0, after })
    }

    /// What may come next: called before any other without a place had ended. Those that ended first come first.
    fn choices(&self, done: &Done) -> Option<(Vec<usize>, (u64, usize))> {
        let answered = &self.part.answered;
        let mut deadline = (u64::MAX, usize::MAX);
        let mut choices = Vec::new();
        for (number, op) in answered.iter().enumerate().skip(done.first_missing()) {
            if op.called_ns > deadline.0 {
                break;
            }
            if !done.contains(number) {
                deadline = deadline.min((op.ended_ns, number));
                choices.push(number);
            }
        }
        choices.sort_by_key(|number| answered[*number].ended_ns);
        (!choices.is_empty()).then_some((choices, deadline))
    }

    /// The next position that can be reached from the frame's.
    #[expect(clippy::type_complexity, reason = "taken apart at once")]
    fn next_position(
        &mut self,
        frame: &mut Frame<M::State>,
    ) -> Option<(Done, M::State, Vec<usize>, Vec<usize>)> {
        loop {
            if let Some(state) = frame.after.pop() {
                let (number, before) = (frame.choices[frame.choice - 1], &frame.before[frame.at]);
                let open = before.here.iter().map(|open| self.part.open[*open].place);
                let entered_by = open.chain([self.part.answered[number].place]).collect();
                return Some((frame.done.with(number), state, before.used.clone(), entered_by));
            }
            let settled = frame.before[frame.at].settled;
            if !settled && frame.choice < frame.choices.len() {
                self.choose(frame);
            } else if frame.at + 1 < frame.before.len() || self.widen(frame) {
                (frame.at, frame.choice) = (frame.at + 1, 0);
            } else {
                return None;
            }
        }
    }

    /// Puts the next choice behind the state that is looked at.
    fn choose(&mut self, frame: &mut Frame<M::State>) {
        let before = &mut frame.before[frame.at];
        let op = &self.part.answered[frame.choices[frame.choice]];
        frame.choice += 1;
        frame.after = self.step(&before.state, op);
        // What only looks and fits where the state is as it is can come at once: that takes nothing from the others.
        before.settled = frame.after.len() == 1
            && frame.after[0] == before.state
            && self.model.only_looks(op.call, op.answer);
    }

    /// Takes the states before the next answered operation on by one open operation, until there is another one.
    fn widen(&mut self, frame: &mut Frame<M::State>) -> bool {
        let known = frame.before.len();
        while frame.widened < frame.before.len() && frame.before.len() == known {
            let from = frame.widened;
            frame.widened += 1;
            if !frame.before[from].settled {
                self.widen_from(frame, from);
            }
        }
        frame.before.len() > known
    }

    fn widen_from(&mut self, frame: &mut Frame<M::State>, from: usize) {
        for open in 0..frame.open {
            let before = &frame.before[from];
            let Err(at) = before.used.binary_search(&open) else { continue };
            let mut used = before.used.clone();
            used.insert(at, open);
            let here: Vec<_> = before.here.iter().copied().chain([open]).collect();
            for state in self.step(&before.state, &self.part.open[open]) {
                let known = |other: &Before<M::State>| {
                    other.state == state && other.used.iter().all(|number| used.binary_search(number).is_ok())
                };
                if !frame.before.iter().any(known) {
                    let (used, here) = (used.clone(), here.clone());
                    frame.before.push(Before { state, used, here, settled: false });
                }
            }
        }
    }

    fn step(&mut self, state: &M::State, op: &Op<'_, M>) -> Vec<M::State> {
        self.steps += 1;
        self.model.step(state, op.call, op.answer)
    }

    /// Remembers the last frame if none came as far: until a later end, and with more operations placed.
    fn note_stuck(&mut self, frames: &[Frame<M::State>]) {
        let frame = frames.last().expect("there is one that is left");
        let reached = (frame.deadline.0, frame.done.len());
        if self.stuck.as_ref().is_none_or(|stuck| stuck.reached < reached) {
            let (culprit, choices) = (frame.deadline.1, frame.choices.clone());
            let (order, state) = (order_of(frames), frame.before[0].state.clone());
            self.stuck = Some(Stuck { culprit, order, state, choices, reached });
        }
    }
}

fn order_of<S>(frames: &[Frame<S>]) -> Vec<usize> {
    frames.iter().flat_map(|frame| &frame.entered_by).copied().collect()
}
