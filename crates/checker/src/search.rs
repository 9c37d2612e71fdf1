//! The search for an order: depth first, one answered operation after the other (Wing and Gong, with Lowe's memory).
//!
//! Next may come what was called before any operation without a place had ended. An operation with an unknown outcome
//! is put in only directly before an answered one that it helps: nobody sees it until somebody looks. Orders with few of
//! them are tried first, and what was reached with fewer is never tried with more ([`Seen`]).

use crate::done::Done;
use crate::help::Help;
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

/// How many open operations may come one directly after the other: few at first, which finds most orders soon, and any
/// number at last.
const RUNS_MAX: [usize; 3] = [1, 2, usize::MAX];

/// Looks for an order of the part's operations.
pub(crate) fn search<M: Model>(model: &M, part: &Part<'_, M>, limits: Limits) -> (Found<M::State>, Cost) {
    let mut answered = part.answered.iter().filter_map(|op| op.answer.map(|answer| (op.call, answer)));
    let begin = model.begin(&part.key, &mut answered);
    let mut cost = Cost::default();
    for run_max in RUNS_MAX {
        let help = Help::new(model, part, begin.clone());
        let steps = cost.steps;
        let mut search =
            Search { model, part, help, run_max, cut: false, steps, seen: Seen::new(), stuck: None };
        // Most of the steps are left for the last.
        let share = if run_max == usize::MAX { 1 } else { 8 };
        let steps_max = steps + (limits.steps_max - steps) / share;
        let found = search.run(begin.clone(), Limits { steps_max, ..limits });
        cost = Cost { steps: search.steps.min(limits.steps_max), positions: search.seen.len() };
        match found {
            Found::Order => return (found, cost),
            Found::Stuck(_) if !search.cut => return (found, cost),
            Found::Stuck(_) | Found::Undecided => {}
        }
    }
    (Found::Undecided, cost)
}

struct Search<'p, M: Model> {
    model: &'p M,
    part: &'p Part<'p, M>,
    help: Help<'p, M>,
    /// See [`RUNS_MAX`].
    run_max: usize,
    /// Whether a longer run might have led further.
    cut: bool,
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
    /// Which choice is tried: each by itself, and then each again, behind open operations that help it.
    trying: usize,
    /// What the state may be before that choice: first as it is here, then behind open operations.
    before: Vec<Before<S>>,
    at: usize,
    /// All of those states, and what was used to come there.
    tried: Seen<S>,
    /// The open operations that help the choice.
    helpful: Vec<usize>,
    /// How many of `before` were taken on by them.
    widened: usize,
    /// The states after the choice that were not gone into yet.
    after: Vec<S>,
    /// Nothing else need be tried.
    settled: bool,
}

/// A state that is reached by open operations only.
struct Before<S> {
    state: S,
    /// All open operations that were ever used, ascending.
    used: Vec<usize>,
    /// Those of them that were used here, in their order.
    here: Vec<usize>,
}

/// Where a frame leads, and what comes next there: places in the history.
struct Position<S> {
    done: Done,
    state: S,
    used: Vec<usize>,
    entered_by: Vec<usize>,
}

impl<M: Model> Search<'_, M> {
    fn run(&mut self, state: M::State, limits: Limits) -> Found<M::State> {
        let Some(first) =
            self.frame(Position { done: Done::default(), state, used: Vec::new(), entered_by: Vec::new() })
        else {
            return Found::Order;
        };
        let mut frames = vec![first];
        while let Some(frame) = frames.last_mut() {
            if self.steps > limits.steps_max || self.seen.len() > limits.positions_max {
                return Found::Undecided;
            }
            let Some(next) = self.next_position(frame) else {
                self.note_stuck(&frames);
                frames.pop();
                continue;
            };
            if self.seen.insert((next.done.clone(), next.state.clone()), &next.used) {
                match self.frame(next) {
                    Some(frame) => frames.push(frame),
                    None => return Found::Order,
                }
            }
        }
        Found::Stuck(self.stuck.take().expect("the first frame is noted when it is left"))
    }

    /// A position from which nothing was tried; none if everything has its place.
    fn frame(&self, position: Position<M::State>) -> Option<Frame<M::State>> {
        let Position { done, state, used, entered_by } = position;
        let (choices, deadline) = self.choices(&done)?;
        Some(Frame {
            done,
            entered_by,
            choices,
            deadline,
            open: self.part.open.partition_point(|op| op.called_ns <= deadline.0),
            trying: 0,
            before: vec![Before { state, used, here: Vec::new() }],
            at: 0,
            tried: Seen::new(),
            helpful: Vec::new(),
            widened: 0,
            after: Vec::new(),
            settled: false,
        })
    }

    /// What may come next: called before any other without a place had ended. The likeliest come first.
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
        choices.sort_by_key(|number| (answered[*number].likely_order, answered[*number].ended_ns));
        (!choices.is_empty()).then_some((choices, deadline))
    }

    /// The next position that can be reached from the frame's.
    fn next_position(&mut self, frame: &mut Frame<M::State>) -> Option<Position<M::State>> {
        let choices = frame.choices.len();
        loop {
            if let Some(state) = frame.after.pop() {
                return Some(self.position(frame, state));
            }
            if frame.settled {
                return None;
            }
            if frame.at + 1 < frame.before.len() || (frame.trying > choices && self.widen(frame)) {
                frame.at += 1;
            } else if frame.trying == 2 * choices {
                return None;
            } else {
                self.try_next(frame);
                if frame.trying > choices {
                    continue;
                }
            }
            self.put_choice(frame);
        }
    }

    fn position(&self, frame: &Frame<M::State>, state: M::State) -> Position<M::State> {
        let (number, before) = (frame.choice(), &frame.before[frame.at]);
        let open = before.here.iter().map(|open| self.part.open[*open].place);
        let entered_by = open.chain([self.part.answered[number].place]).collect();
        Position { done: frame.done.with(number), state, used: before.used.clone(), entered_by }
    }

    /// Goes on to the next choice; the second time round, also looks for what helps it.
    fn try_next(&mut self, frame: &mut Frame<M::State>) {
        frame.trying += 1;
        frame.before.truncate(1);
        (frame.at, frame.widened) = (0, 0);
        if frame.trying > frame.choices.len() {
            frame.helpful = self.help.with(frame.choice(), frame.open);
            frame.tried = Seen::new();
            frame.tried.insert(frame.before[0].state.clone(), &frame.before[0].used);
        }
    }

    /// Puts the choice behind the state that is looked at.
    fn put_choice(&mut self, frame: &mut Frame<M::State>) {
        let before = &frame.before[frame.at].state;
        let op = &self.part.answered[frame.choice()];
        frame.after = self.step(before, op);
        // What only looks and fits where the state is as it is can come at once: that takes nothing from the others.
        frame.settled = frame.at == 0
            && frame.after.len() == 1
            && frame.after[0] == *before
            && self.model.only_looks(op.call, op.answer);
    }

    /// Takes the states before the choice on by one open operation, until there is another one.
    fn widen(&mut self, frame: &mut Frame<M::State>) -> bool {
        let known = frame.before.len();
        while frame.widened < frame.before.len() && frame.before.len() == known {
            if frame.before[frame.widened].here.len() < self.run_max {
                self.widen_from(frame, frame.widened);
            } else {
                self.cut = true;
            }
            frame.widened += 1;
        }
        frame.before.len() > known
    }

    fn widen_from(&mut self, frame: &mut Frame<M::State>, from: usize) {
        for open in &frame.helpful {
            let before = &frame.before[from];
            let Err(at) = before.used.binary_search(open) else { continue };
            let (mut used, mut here) = (before.used.clone(), before.here.clone());
            used.insert(at, *open);
            here.push(*open);
            for state in self.step(&before.state, &self.part.open[*open]) {
                if frame.tried.insert(state.clone(), &used) {
                    frame.before.push(Before { state, used: used.clone(), here: here.clone() });
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

impl<S> Frame<S> {
    /// The answered operation that is tried.
    fn choice(&self) -> usize {
        self.choices[(self.trying - 1) % self.choices.len()]
    }
}

fn order_of<S>(frames: &[Frame<S>]) -> Vec<usize> {
    frames.iter().flat_map(|frame| &frame.entered_by).copied().collect()
}
