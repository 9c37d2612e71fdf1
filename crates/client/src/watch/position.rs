//! Where a watch stands: what must be asked for after a loss, and what was told already.
//!
//! One revision can hold versions of several targets, and the stream can break between them. The
//! watch then goes on *at* that revision, and leaves out the versions that it has told: those of a
//! namespace that is noted for exactly this revision. Nothing is left out by comparing contents.

use std::collections::BTreeSet;

/// A position between two versions of the watched history.
#[derive(Debug)]
pub(super) struct Position {
    /// The first revision that is not fully told. 0: a reset is still to come.
    next: u64,
    /// Namespaces whose version at `next` was told.
    told: BTreeSet<String>,
    /// Whether a revision is complete with one version, because only one namespace is watched.
    single: bool,
}

/// What to do with a version that arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is new.
    Tell,
    /// It was told before the stream was lost.
    Skip,
    /// It lies before the position: the node broke the protocol.
    Backwards,
}

impl Position {
    pub(super) fn new(start_revision: u64, targets: usize) -> Self {
        Self { next: start_revision, told: BTreeSet::new(), single: targets == 1 }
    }

    /// The first revision to ask a node for.
    pub(super) fn resume_revision(&self) -> u64 {
        self.next
    }

    pub(super) fn version(&mut self, namespace: &str, revision: u64) -> Arrival {
        if self.next == 0 || revision < self.next {
            return Arrival::Backwards;
        }
        if revision > self.next {
            self.move_to(revision);
        }
        if !self.told.insert(namespace.into()) {
            return Arrival::Skip;
        }
        if self.single {
            self.move_to(revision + 1);
        }
        Arrival::Tell
    }

    /// Whether a state of `revision` holds all that was told so far.
    pub(super) fn is_behind(&self, revision: u64) -> bool {
        revision.saturating_add(1) >= self.next
    }

    /// All up to and with `revision` was sent.
    pub(super) fn complete(&mut self, revision: u64) {
        if revision >= self.next {
            self.move_to(revision + 1);
        }
    }

    fn move_to(&mut self, next: u64) {
        self.next = next;
        self.told.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_target_resumes_after_its_version() {
        let mut position = Position::new(7, 1);
        assert_eq!(position.version("a", 7), Arrival::Tell);
        assert_eq!(position.resume_revision(), 8);
        assert_eq!(position.version("a", 7), Arrival::Backwards);
    }

    #[test]
    fn several_targets_resume_at_the_revision_and_skip_what_was_told() {
        let mut position = Position::new(7, 2);
        assert_eq!(position.version("a", 9), Arrival::Tell);
        assert_eq!(position.resume_revision(), 9);
        assert_eq!(position.version("a", 9), Arrival::Skip);
        assert_eq!(position.version("b", 9), Arrival::Tell);
        assert_eq!(position.version("a", 10), Arrival::Tell);
        assert_eq!(position.resume_revision(), 10);
    }

    #[test]
    fn heartbeats_complete_a_revision_and_never_go_back() {
        let mut position = Position::new(7, 2);
        position.version("a", 9);
        position.complete(8);
        assert_eq!(position.resume_revision(), 9);
        position.complete(9);
        assert_eq!(position.resume_revision(), 10);
        assert_eq!(position.version("a", 9), Arrival::Backwards);
    }

    #[test]
    fn a_version_before_the_first_reset_is_a_broken_protocol() {
        let mut position = Position::new(0, 1);
        assert_eq!(position.version("a", 1), Arrival::Backwards);
        position.complete(4);
        assert_eq!(position.version("a", 5), Arrival::Tell);
    }
}
