//! Which open operations help which others, looked up once for each.

use std::rc::Rc;

use crate::model::Model;
use crate::part::{Op, Part};

/// Lists of open operations by whom they help directly, made when they are asked for.
pub(crate) struct Help<'p, M: Model> {
    model: &'p M,
    part: &'p Part<'p, M>,
    begin: M::State,
    of_answered: Vec<Option<Rc<[usize]>>>,
    of_open: Vec<Option<Rc<[usize]>>>,
}

impl<'p, M: Model> Help<'p, M> {
    /// `begin` is where the search begins.
    pub(crate) fn new(model: &'p M, part: &'p Part<'p, M>, begin: M::State) -> Self {
        let (of_answered, of_open) = (vec![None; part.answered.len()], vec![None; part.open.len()]);
        Self { model, part, begin, of_answered, of_open }
    }

    /// The first `open` open operations, as far as they help the answered one, or one that does: first those that it
    /// shows, then those that nobody has seen.
    pub(crate) fn with(&mut self, answered: usize, open: usize) -> Vec<usize> {
        let mut helpful = Vec::new();
        let mut known = vec![false; open];
        let mut lists = vec![self.of_answered(answered)];
        while let Some(list) = lists.pop() {
            for number in list.iter().copied().take_while(|number| *number < open) {
                if !known[number] {
                    known[number] = true;
                    helpful.push(number);
                    lists.push(self.of_open(number));
                }
            }
        }
        let shows = self.part.answered[answered].shows;
        helpful.sort_by_key(|number| {
            let open = &self.part.open[*number];
            let shown_here = open.leaves.is_some() && open.leaves == shows;
            (!shown_here, !self.part.is_unseen(open), *number)
        });
        helpful
    }

    fn of_answered(&mut self, number: usize) -> Rc<[usize]> {
        if self.of_answered[number].is_none() {
            self.of_answered[number] = Some(self.direct(&self.part.answered[number]));
        }
        self.of_answered[number].clone().expect("it was just made")
    }

    fn of_open(&mut self, number: usize) -> Rc<[usize]> {
        if self.of_open[number].is_none() {
            self.of_open[number] = Some(self.direct(&self.part.open[number]));
        }
        self.of_open[number].clone().expect("it was just made")
    }

    /// The open operations that help this one directly, ascending.
    fn direct(&self, op: &Op<'_, M>) -> Rc<[usize]> {
        let helps =
            |open: &usize| self.model.helps(&self.begin, self.part.open[*open].call, (op.call, op.answer));
        (0..self.part.open.len()).filter(helps).collect()
    }
}
