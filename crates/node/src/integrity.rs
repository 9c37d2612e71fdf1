//! Whether a member has applied what the others have.
//!
//! Every node notes a digest of all that it has applied, at the same indexes as all others. As of one index most
//! voters have the same; a member that has another one holds wrong data. Where no digest is that of most, although
//! most voters tell one, nobody can say who is right: then all count as wrong.

use std::collections::{BTreeMap, BTreeSet};

use conclave_raft::NodeStatus;

/// Whether a member has applied what the others have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// It cannot be compared with most voters at the moment.
    Unknown,
    /// Its digest is that of most voters.
    Agrees,
    /// It is not.
    Differs,
}

/// Digests by index and member.
type Digests<'a> = BTreeMap<u64, BTreeMap<u64, &'a str>>;

/// Of each member, whether it has applied what most voters have.
pub(crate) fn agreements(
    members: &BTreeMap<u64, NodeStatus>,
    voters: &BTreeSet<u64>,
) -> BTreeMap<u64, Agreement> {
    let mut digests = Digests::new();
    for (id, status) in members {
        for point in &status.digests {
            digests.entry(point.index).or_default().insert(*id, &point.digest);
        }
        digests.entry(status.applied_index).or_default().insert(*id, &status.digest);
    }
    members.keys().map(|id| (*id, agreement(*id, &digests, voters))).collect()
}

/// As of the last index of which this member and most voters tell a digest. One voter alone has nobody to differ
/// from.
fn agreement(id: u64, digests: &Digests<'_>, voters: &BTreeSet<u64>) -> Agreement {
    let is_most = |count: usize| count * 2 > voters.len();
    let of_voters = |told: &BTreeMap<u64, &str>| told.keys().filter(|id| voters.contains(id)).count();
    let comparable =
        |told: &&BTreeMap<u64, &str>| told.len() > 1 && told.contains_key(&id) && is_most(of_voters(told));
    let Some(told) = digests.values().rev().find(comparable) else { return Agreement::Unknown };
    let own = told[&id];
    let same = told.iter().filter(|(id, digest)| voters.contains(id) && **digest == own).count();
    if is_most(same) { Agreement::Agrees } else { Agreement::Differs }
}

#[cfg(test)]
mod tests {
    use conclave_raft::DigestPoint;

    use super::Agreement::{Agrees, Differs, Unknown};
    use super::*;
    use crate::status::tests::status;

    fn told(id: u64, applied: u64, digest: &str, points: &[(u64, &str)]) -> (u64, NodeStatus) {
        let point =
            |(index, digest): &(u64, &str)| DigestPoint { index: *index, digest: (*digest).to_owned() };
        let digests = points.iter().map(point).collect();
        (id, NodeStatus { digest: digest.to_owned(), digests, ..status(id, applied, applied) })
    }

    fn judged<const N: usize>(voters: u64, members: [(u64, NodeStatus); N]) -> Vec<Agreement> {
        agreements(&members.into(), &(1..=voters).collect()).into_values().collect()
    }

    #[test]
    fn the_odd_one_of_three_differs() {
        let three = [told(1, 9, "a", &[]), told(2, 9, "b", &[]), told(3, 9, "a", &[])];
        assert_eq!(judged(3, three), [Agrees, Differs, Agrees]);
    }

    #[test]
    fn they_are_compared_where_most_have_been() {
        let three = [
            told(1, 700, "d", &[(256, "a"), (512, "b")]),
            told(2, 600, "c", &[(256, "a"), (512, "b")]),
            told(3, 300, "x", &[(256, "x")]),
        ];
        assert_eq!(judged(3, three), [Agrees, Agrees, Differs]);
        let apart = [told(1, 700, "d", &[(512, "b")]), told(2, 300, "x", &[(256, "x")])];
        assert_eq!(judged(2, apart), [Unknown, Unknown]);
    }

    #[test]
    fn one_wrong_learner_says_nothing_of_voters() {
        let members = [
            told(1, 700, "d", &[(512, "b")]),
            told(2, 699, "c", &[(512, "b")]),
            told(3, 701, "e", &[(512, "b")]),
            told(4, 700, "x", &[(512, "y")]),
        ];
        assert_eq!(judged(3, members), [Agrees, Agrees, Agrees, Differs]);
    }

    #[test]
    fn a_minority_of_the_voters_decides_nothing() {
        assert_eq!(judged(3, [told(1, 9, "a", &[]), told(4, 9, "b", &[])]), [Unknown, Unknown]);
        assert_eq!(judged(1, [told(1, 9, "a", &[])]), [Unknown]);
        assert_eq!(judged(1, [told(1, 9, "a", &[]), told(2, 9, "b", &[])]), [Agrees, Differs]);
    }

    #[test]
    fn where_no_digest_is_that_of_most_nobody_is_right() {
        assert_eq!(judged(3, [told(1, 9, "a", &[]), told(2, 9, "b", &[])]), [Differs, Differs]);
        let four = [told(1, 9, "a", &[]), told(2, 9, "b", &[]), told(3, 9, "a", &[]), told(4, 9, "b", &[])];
        assert_eq!(judged(4, four), [Differs; 4]);
    }
}
