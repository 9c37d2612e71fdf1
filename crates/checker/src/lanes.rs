//! Where the bars of a timeline lie.

use std::collections::BTreeMap;

use crate::history::Operation;

/// Where an operation's bar lies: moments are counted, not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bar {
    /// The operation's place in the history.
    pub(crate) place: usize,
    pub(crate) client: u64,
    /// The row within the client's lane.
    pub(crate) row: usize,
    pub(crate) from: usize,
    /// The end is in it. None: there is none.
    pub(crate) to: Option<usize>,
}

/// The bars of operations, and how many moments there are. What would cover another bar of its client gets a row of its
/// own.
pub(crate) fn lay_out<'a, C: 'a, A: 'a>(
    operations: impl Iterator<Item = (usize, &'a Operation<C, A>)> + Clone,
) -> (Vec<Bar>, usize) {
    let moments = moments(operations.clone().map(|(_, operation)| operation));
    let moment = |at_ns: u64| moments[&at_ns];
    let mut rows: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut sorted: Vec<_> = operations.collect();
    sorted.sort_by_key(|(_, operation)| operation.called_ns);
    let bars = sorted.into_iter().map(|(place, operation)| {
        let (client, from) = (operation.client, moment(operation.called_ns));
        let to = operation.end.at_ns().map(moment);
        let free_from = rows.entry(client).or_default();
        let row = free_from.iter().position(|free| *free <= from).unwrap_or(free_from.len());
        if row == free_from.len() {
            free_from.push(0);
        }
        free_from[row] = to.map_or(usize::MAX, |to| to + 1);
        Bar { place, client, row, from, to }
    });
    (bars.collect(), moments.len())
}

/// Every time at which something happened, numbered.
fn moments<'a, C: 'a, A: 'a>(operations: impl Iterator<Item = &'a Operation<C, A>>) -> BTreeMap<u64, usize> {
    let mut times: BTreeMap<u64, usize> = BTreeMap::new();
    for operation in operations {
        times.insert(operation.called_ns, 0);
        times.extend(operation.end.at_ns().map(|at_ns| (at_ns, 0)));
    }
    times.values_mut().enumerate().for_each(|(number, moment)| *moment = number);
    times
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::End;

    #[test]
    fn bars_of_a_client_never_cover_each_other() {
        let operation = |client, called_ns, at_ns: Option<u64>| {
            let end = at_ns.map_or(End::Unknown, |at_ns| End::Answered { at_ns, answer: () });
            Operation { client, called_ns, call: (), end }
        };
        let operations = [
            operation(1, 100, Some(900)),
            operation(1, 200, None),
            operation(2, 100, Some(200)),
            operation(1, 950, Some(960)),
            operation(2, 200, Some(300)),
        ];
        let (bars, moments) = lay_out(operations.iter().enumerate());
        let bar = |place, client, row, from, to| Bar { place, client, row, from, to };
        let expected = [
            bar(0, 1, 0, 0, Some(3)),
            bar(2, 2, 0, 0, Some(1)),
            bar(1, 1, 1, 1, None),
            bar(4, 2, 1, 1, Some(2)),
            bar(3, 1, 0, 4, Some(5)),
        ];
        assert_eq!((bars.as_slice(), moments), (expected.as_slice(), 6));
    }
}
