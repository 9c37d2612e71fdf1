//! Which answers of a history that does not pass contradict each other.
//!
//! An operation whose answer is forgotten may have been done or not, and may have told anything: that allows more. So
//! answers are forgotten, many at once and then fewer, as long as there is still no order. Those that remain are why.

use crate::model::Model;
use crate::part::{Op, Part};
use crate::search::{Found, Limits, search};

/// How often the model is asked, at most, for the sake of a short explanation.
const STEPS_MAX: u64 = 1_000_000;
/// And whether one piece can be forgotten: if that is not clear by then, it is kept.
const PIECE_STEPS_MAX: u64 = 50_000;

/// Places of operations whose answers contradict each other, in the order of their calls. `culprit` is that of the
/// part's answered operations at whose end it was clear that there is no order.
pub(crate) fn shrink<M: Model>(model: &M, part: &Part<'_, M>, culprit: usize, limits: Limits) -> Vec<usize> {
    let mut shrinking = Shrinking {
        model,
        key: &part.key,
        kept: part.answered.clone(),
        forgotten: part.open.clone(),
        limits: Limits { steps_max: PIECE_STEPS_MAX.min(limits.steps_max), ..limits },
        steps_left: STEPS_MAX,
    };
    shrinking.forget_after(part.answered[culprit].ended_ns);
    let mut size = shrinking.kept.len().div_ceil(2);
    while size > 0 {
        shrinking.forget_pieces(size);
        size /= 2;
    }
    shrinking.kept.iter().map(|op| op.place).collect()
}

struct Shrinking<'p, 'h, M: Model> {
    model: &'p M,
    key: &'p M::Key,
    kept: Vec<Op<'h, M>>,
    /// Those that may have been done, as far as is still known.
    forgotten: Vec<Op<'h, M>>,
    limits: Limits,
    steps_left: u64,
}

impl<'h, M: Model> Shrinking<'_, 'h, M> {
    /// Forgets what was called after a moment at which it was clear already that there is no order.
    fn forget_after(&mut self, at_ns: u64) {
        let after = self.kept.partition_point(|op| op.called_ns <= at_ns);
        self.forgotten.extend(self.kept.drain(after..).map(|op| without_answer(&op)));
    }

    /// Forgets the answers of each so many operations, if there is no order all the same. The last are tried first.
    fn forget_pieces(&mut self, size: usize) {
        let mut end = self.kept.len();
        while end > 0 {
            let start = end.saturating_sub(size);
            let (piece, rest) = (self.kept[start..end].to_vec(), self.without(start, end));
            let open: Vec<_> = self.forgotten.iter().chain(&piece).map(without_answer).collect();
            if self.has_no_order(rest.iter().chain(&open).copied().collect()) {
                (self.kept, self.forgotten) = (rest, open);
            }
            end = start;
        }
    }

    fn without(&self, start: usize, end: usize) -> Vec<Op<'h, M>> {
        self.kept[..start].iter().chain(&self.kept[end..]).copied().collect()
    }

    fn has_no_order(&mut self, ops: Vec<Op<'h, M>>) -> bool {
        let part = Part::new(self.model, self.key.clone(), ops);
        let steps_max = self.limits.steps_max.min(self.steps_left);
        let (found, cost) = search(self.model, &part, Limits { steps_max, ..self.limits });
        self.steps_left = self.steps_left.saturating_sub(cost.steps);
        matches!(found, Found::Stuck(_))
    }
}

fn without_answer<'h, M: Model>(op: &Op<'h, M>) -> Op<'h, M> {
    Op { ended_ns: u64::MAX, answer: None, shows: None, ..*op }
}
