//! Why a request of etcd's API got no answer.

use conclave_core::Rejection;
use conclave_door::NoPlace;
use conclave_mvcc::MapError;
use conclave_node::{MembersRefusal, RequestError};

/// Why a request got no answer. `status.rs` has the code and the text of each, which clients compare.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    /// The request breaks one of the API's rules.
    Rule(Rule),
    /// The store's own answer, the same on all nodes.
    Rejection(Rejection),
    /// The request breaks a rule about the members.
    Member(MemberRule),
    /// A change of the members may not be made.
    Members(MembersRefusal),
    /// This node could not answer, this time.
    Request(RequestError),
    /// This node serves as many streams of a kind as it may.
    NoPlace(NoPlace),
    /// The deadline that the request came with cannot be read.
    Deadline,
}

/// A rule of the API that a request breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A key is empty.
    EmptyKey,
    /// An operation of a transaction is none.
    NoOperation,
    /// A put that is to keep the value names one.
    ValueProvided,
    /// A put that is to keep the lease names one.
    LeaseProvided,
    /// A transaction has too many operations or comparisons.
    TooManyOperations,
    /// A transaction would write a key twice.
    DuplicateKey,
    /// An order of sorting that is not known.
    SortOption,
    /// The request is too large.
    TooLarge,
    /// Whoever asked for a lock had no session any more when it came to him.
    SessionExpired,
    /// Nobody leads.
    NoLeader,
    /// Whoever speaks as a leader is none.
    NotLeader,
    /// A leader speaks, but not which.
    LeaderMissing,
    /// A role is granted a permission, but not which.
    PermissionMissing,
    /// A password comes as a hash.
    PasswordHashed,
    /// A revision is gone.
    Compacted,
    /// A lease is to live longer than any may.
    TtlTooLarge,
    /// A lock that is to be held is not named with a token.
    HeldUnreadable,
    /// Too many locks are to be held.
    HeldMany,
}

/// A rule about the members that a request breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberRule {
    /// There is no such member.
    NotFound,
    /// It votes already.
    NotALearner,
    /// It has not come yet, or has not caught up.
    LearnerNotReady,
    /// Another member has this URL.
    PeerUrlExists,
    /// The URLs are none.
    BadUrls,
    /// There are several URLs.
    SeveralUrls,
    /// Who is to lead has no vote, or is no member.
    BadTransferee,
    /// The node that was asked does not lead.
    NotLeader,
    /// Leadership was not taken over in time.
    NotHandedOver,
    /// The version to step down to is none.
    BadVersion,
    /// There is no older version to step down to.
    NoDowngrade,
    /// No step down is going on.
    NoDowngradeUnderWay,
    /// What is to be done is not known.
    UnknownMethod,
    /// An alarm that nobody raises by hand.
    AlarmByHand,
}

impl From<MemberRule> for Refusal {
    fn from(rule: MemberRule) -> Self {
        Self::Member(rule)
    }
}

impl From<MembersRefusal> for Refusal {
    fn from(refusal: MembersRefusal) -> Self {
        Self::Members(refusal)
    }
}

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        Self::Rule(rule)
    }
}

impl From<NoPlace> for Refusal {
    fn from(no_place: NoPlace) -> Self {
        Self::NoPlace(no_place)
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejection(rejection)
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<MapError> for Refusal {
    fn from(error: MapError) -> Self {
        Self::Request(error.into())
    }
}
