//! What goes into which commit: as few as the limits of a commit allow, and a namespace in one of them if it fits.

use conclave_client::config::{Edit, NamespaceEdits};

use super::super::import_plan::{self, CommitBounds};

/// What is to be done to one namespace.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Work {
    pub(super) namespace: String,
    /// The version that was compared.
    pub(super) version: u64,
    /// It does not exist yet.
    pub(super) creates: bool,
    pub(super) edits: Vec<Edit>,
}

/// The commits, in the order in which they are to be made. Only the first edits of a namespace expect a version:
/// that of what follows in a later commit is known when the first has been made.
pub(super) fn pack(work: Vec<Work>, bounds: CommitBounds) -> Vec<Vec<NamespaceEdits>> {
    let mut commits: Vec<Commit> = Vec::new();
    for work in work {
        let Work { namespace, version, creates, edits } = work;
        let parts = if edits.is_empty() { vec![edits] } else { import_plan::split(edits, bounds) };
        let is_whole = parts.len() == 1;
        for (at, edits) in parts.into_iter().enumerate() {
            let cost = Cost::of(&edits);
            let expected_version = (at == 0).then_some(version);
            let part = NamespaceEdits {
                namespace: namespace.clone(),
                edits,
                expected_version,
                create_if_missing: creates,
            };
            match commits.iter_mut().find(|commit| is_whole && commit.cost.and(cost).fits(bounds)) {
                Some(commit) => commit.add(part, cost),
                None => commits.push(Commit { parts: vec![part], cost }),
            }
        }
    }
    commits.into_iter().map(|commit| commit.parts).collect()
}

struct Commit {
    parts: Vec<NamespaceEdits>,
    cost: Cost,
}

impl Commit {
    fn add(&mut self, part: NamespaceEdits, cost: Cost) {
        self.parts.push(part);
        self.cost = self.cost.and(cost);
    }
}

/// What edits take of a commit. A namespace without edits counts as one.
#[derive(Clone, Copy)]
struct Cost {
    edits: usize,
    size_bytes: usize,
}

impl Cost {
    fn of(edits: &[Edit]) -> Self {
        Self { edits: edits.len().max(1), size_bytes: edits.iter().map(import_plan::size_bytes).sum() }
    }

    fn and(self, other: Self) -> Self {
        Self { edits: self.edits + other.edits, size_bytes: self.size_bytes + other.size_bytes }
    }

    fn fits(self, bounds: CommitBounds) -> bool {
        self.edits <= bounds.edits_max && self.size_bytes <= bounds.size_bytes_max
    }
}

#[cfg(test)]
mod tests {
    use conclave_client::edits;

    use super::*;

    const BOUNDS: CommitBounds = CommitBounds { edits_max: 10, size_bytes_max: 1_000 };

    fn work(namespace: &str, edits: usize, size_bytes: usize) -> Work {
        let edit = |at: usize| edits::put(format!("k{at}"), "x".repeat(size_bytes));
        let edits = (0..edits).map(edit).collect();
        Work { namespace: namespace.into(), version: 3, creates: false, edits }
    }

    /// Namespaces with how many edits each commit holds of them, and whether a version is expected.
    fn told(work: Vec<Work>) -> Vec<Vec<(String, usize, bool)>> {
        let part = |part: &NamespaceEdits| {
            (part.namespace.clone(), part.edits.len(), part.expected_version == Some(3))
        };
        pack(work, BOUNDS).iter().map(|commit| commit.iter().map(part).collect()).collect()
    }

    fn part(namespace: &str, edits: usize, expects: bool) -> (String, usize, bool) {
        (namespace.into(), edits, expects)
    }

    #[test]
    fn what_fits_is_one_commit() {
        let commits = told(vec![work("a", 4, 1), work("b", 5, 1), work("c", 0, 1)]);
        assert_eq!(commits, [vec![part("a", 4, true), part("b", 5, true), part("c", 0, true)]]);
        assert!(told(Vec::new()).is_empty());
    }

    #[test]
    fn a_namespace_that_fits_is_whole_and_gaps_are_filled() {
        let commits = told(vec![work("a", 6, 1), work("b", 6, 1), work("c", 4, 1), work("d", 3, 1)]);
        let expected =
            [vec![part("a", 6, true), part("c", 4, true)], vec![part("b", 6, true), part("d", 3, true)]];
        assert_eq!(commits, expected);
    }

    #[test]
    fn a_namespace_that_is_too_much_takes_several_in_order() {
        let commits = told(vec![work("a", 23, 1), work("b", 5, 1)]);
        let expected = [
            vec![part("a", 10, true)],
            vec![part("a", 10, false)],
            vec![part("a", 3, false), part("b", 5, true)],
        ];
        assert_eq!(commits, expected);
    }

    #[test]
    fn bytes_count_as_edits_do() {
        let commits = told(vec![work("a", 2, 300), work("b", 2, 300), work("c", 1, 300)]);
        let expected = [vec![part("a", 2, true), part("c", 1, true)], vec![part("b", 2, true)]];
        assert_eq!(commits, expected);
    }
}
