//! The code and the text of every refusal: the only place of this door that makes statuses.
//!
//! Clients of etcd know a refusal by its text, so the texts are etcd's wherever it has one. What etcd has no text for
//! is told in Conclave's own words. UNAVAILABLE is only what did nothing, and may be tried again.

use std::sync::Arc;

use conclave_core::Rejection;
use conclave_core::auth::AuthRejection;
use conclave_core::cluster::ClusterRejection;
use conclave_core::kv::KvRejection;
use conclave_core::lease::LeaseRejection;
use conclave_core::lock::LockRejection;
use conclave_door::NoPlace;
use conclave_node::{MembersRefusal, RequestError};
use tonic::{Code, Status};

use crate::MESSAGE_SIZE_BYTES_MAX;
use crate::refusal::{MemberRule, Refusal, Rule};

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        ours(match &refusal {
            Refusal::Rule(rule) => of_rule(*rule),
            Refusal::Rejection(rejection) => of_rejection(rejection),
            Refusal::Member(rule) => of_member_rule(*rule),
            Refusal::Members(refusal) => of_members(refusal),
            Refusal::Request(error) => of_request_error(error),
            Refusal::NoPlace(NoPlace { what, streams_max }) => Self::resource_exhausted(format!(
                "this node serves {streams_max} {what} already, the most it may: ask another one"
            )),
            Refusal::Deadline => {
                Self::invalid_argument("grpc-timeout is not 1 to 8 digits and a unit (H, M, S, m, u or n)")
            }
        })
    }
}

/// The source of all that is refused here: by it they are known from what tonic says by itself. It is not sent.
#[derive(Debug, thiserror::Error)]
#[error("this door has refused it")]
struct Refused;

fn ours(mut status: Status) -> Status {
    status.set_source(Arc::new(Refused));
    status
}

fn of_rule(rule: Rule) -> Status {
    let text = match rule {
        Rule::SessionExpired => return Status::unknown("mutex: session is expired"),
        Rule::NoLeader => return Status::unknown("election: no leader"),
        Rule::NotLeader => return Status::unknown("election: not leader"),
        Rule::LeaderMissing => return Status::unknown("\"leader\" field must be provided"),
        Rule::Compacted => return Status::out_of_range(COMPACTED),
        Rule::TtlTooLarge => return Status::out_of_range("etcdserver: too large lease TTL"),
        Rule::EmptyKey => "etcdserver: key is not provided",
        Rule::NoOperation => "etcdserver: key not found",
        Rule::ValueProvided => "etcdserver: value is provided",
        Rule::LeaseProvided => "etcdserver: lease is provided",
        Rule::TooManyOperations => "etcdserver: too many operations in txn request",
        Rule::DuplicateKey => "etcdserver: duplicate key given in txn request",
        Rule::SortOption => "etcdserver: invalid sort option",
        Rule::TooLarge => "etcdserver: request is too large",
        Rule::PermissionMissing => "etcdserver: permission not given",
        Rule::PasswordHashed => "a password is hashed here, with argon2id: give it as it is",
        Rule::HeldUnreadable => {
            "conclave-held is not NAME=TOKEN: give the name of a lock and the token of its grant, several of them with \
             commas between"
        }
        Rule::HeldMany => "conclave-held names more than 16 locks",
    };
    Status::invalid_argument(text)
}

fn of_rejection(rejection: &Rejection) -> Status {
    match rejection {
        Rejection::Kv(rejection) => of_kv(rejection),
        Rejection::Lease(rejection) => of_lease(rejection),
        Rejection::Auth(rejection) => of_auth(rejection),
        Rejection::Lock(LockRejection::TokenMismatch { .. }) => {
            Status::failed_precondition(rejection.to_string())
        }
        Rejection::Cluster(ClusterRejection::NoSpaceAlarm) => Status::resource_exhausted(NO_SPACE),
        // No command of this door is refused otherwise.
        rejection => Status::unknown(rejection.to_string()),
    }
}

fn of_kv(rejection: &KvRejection) -> Status {
    let (code, text) = match rejection {
        KvRejection::KeyNotFound => (Code::InvalidArgument, "etcdserver: key not found".to_owned()),
        KvRejection::LeaseNotFound { .. } => (Code::NotFound, LEASE_NOT_FOUND.to_owned()),
        KvRejection::Compacted { .. } => (Code::OutOfRange, COMPACTED.to_owned()),
        KvRejection::FutureRevision { .. } => {
            (Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision".to_owned())
        }
        KvRejection::Reserved { .. } => (Code::PermissionDenied, rejection.to_string()),
        KvRejection::TooManyChanges { .. } => (Code::InvalidArgument, rejection.to_string()),
        KvRejection::TooMuchToTell { .. } => (Code::ResourceExhausted, rejection.to_string()),
    };
    Status::new(code, text)
}

const NO_SPACE: &str = "etcdserver: mvcc: database space exceeded";
const LEASE_NOT_FOUND: &str = "etcdserver: requested lease not found";
const COMPACTED: &str = "etcdserver: mvcc: required revision has been compacted";

fn of_lease(rejection: &LeaseRejection) -> Status {
    match rejection {
        LeaseRejection::NotFound { .. } => Status::not_found(LEASE_NOT_FOUND),
        LeaseRejection::Exists { .. } => Status::failed_precondition("etcdserver: lease already exists"),
        LeaseRejection::Full { .. } => Status::resource_exhausted(rejection.to_string()),
        LeaseRejection::OtherTerm { .. } => Status::unknown(rejection.to_string()),
    }
}

fn of_auth(rejection: &AuthRejection) -> Status {
    let (code, text) = match rejection {
        AuthRejection::NotEnabled => (Code::FailedPrecondition, "authentication is not enabled"),
        AuthRejection::RootUserNotFound => (Code::FailedPrecondition, "root user does not exist"),
        AuthRejection::RootRoleNotGranted => (Code::FailedPrecondition, "root user does not have root role"),
        // Whoever does not say who he is has no name either.
        AuthRejection::UserNameEmpty | AuthRejection::NotAuthenticated => {
            (Code::InvalidArgument, "user name is empty")
        }
        AuthRejection::UserExists { .. } => (Code::FailedPrecondition, "user name already exists"),
        AuthRejection::UserNotFound { .. } => (Code::FailedPrecondition, "user name not found"),
        AuthRejection::RoleNameEmpty => (Code::InvalidArgument, "role name is empty"),
        AuthRejection::RoleExists { .. } => (Code::FailedPrecondition, "role name already exists"),
        AuthRejection::RoleNotFound { .. } => (Code::FailedPrecondition, "role name not found"),
        AuthRejection::RoleNotGranted { .. } => (Code::FailedPrecondition, "role is not granted to the user"),
        AuthRejection::PermissionNotGranted { .. } => {
            (Code::FailedPrecondition, "permission is not granted to the role")
        }
        AuthRejection::RangeInvalid | AuthRejection::RootProtected => {
            (Code::InvalidArgument, "invalid auth management")
        }
        AuthRejection::LimitReached { .. } => return Status::resource_exhausted(rejection.to_string()),
        AuthRejection::LoginFailed => {
            (Code::InvalidArgument, "authentication failed, invalid user ID or password")
        }
        AuthRejection::NoPassword { .. } => {
            return Status::unknown("auth: authentication failed, password was given for no password user");
        }
        AuthRejection::TokenInvalid => (Code::Unauthenticated, "invalid auth token"),
        AuthRejection::Outdated { .. } => (Code::InvalidArgument, "revision of auth store is old"),
        AuthRejection::PermissionDenied => (Code::PermissionDenied, "permission denied"),
    };
    Status::new(code, format!("etcdserver: {text}"))
}

fn of_request_error(error: &RequestError) -> Status {
    match error {
        RequestError::NoLeader { .. } => Status::unavailable("etcdserver: no leader"),
        // It may have been done: whoever tries again must know that. etcd tells it as UNAVAILABLE.
        RequestError::OutcomeUnknown | RequestError::ChangeOutcomeUnknown => {
            Status::deadline_exceeded("etcdserver: request timed out")
        }
        RequestError::Overloaded { .. } => Status::resource_exhausted("etcdserver: too many requests"),
        RequestError::NoSpace { .. } | RequestError::NoRoom { .. } => Status::resource_exhausted(NO_SPACE),
        RequestError::ShuttingDown { .. } => Status::unavailable("etcdserver: server stopped"),
        RequestError::Recovering { .. } => Status::unavailable(error.to_string()),
        RequestError::Corrupt { .. } => Status::data_loss("etcdserver: corrupt cluster"),
        RequestError::DeadlineExceeded => Status::deadline_exceeded("context deadline exceeded"),
        RequestError::NodeFailed { .. } => Status::internal(error.to_string()),
    }
}

fn of_member_rule(rule: MemberRule) -> Status {
    let (code, text) = match rule {
        MemberRule::NotFound => (Code::NotFound, "etcdserver: member not found"),
        MemberRule::NotALearner => {
            (Code::FailedPrecondition, "etcdserver: can only promote a learner member")
        }
        MemberRule::LearnerNotReady => (
            Code::FailedPrecondition,
            "etcdserver: can only promote a learner member which is in sync with leader",
        ),
        MemberRule::PeerUrlExists => (Code::FailedPrecondition, "etcdserver: Peer URLs already exists"),
        MemberRule::BadUrls => (Code::InvalidArgument, "etcdserver: given member URLs are invalid"),
        MemberRule::SeveralUrls => {
            (Code::InvalidArgument, "a node has one address for its peers: give one peer URL")
        }
        MemberRule::BadTransferee => (Code::FailedPrecondition, "etcdserver: bad leader transferee"),
        MemberRule::NotLeader => (Code::FailedPrecondition, "etcdserver: not leader"),
        MemberRule::NotHandedOver => {
            (Code::Unavailable, "etcdserver: request timed out, leader transfer took too long")
        }
        MemberRule::BadVersion => {
            (Code::InvalidArgument, "etcdserver: wrong downgrade target version format")
        }
        MemberRule::NoDowngrade => (Code::InvalidArgument, "etcdserver: invalid downgrade target version"),
        MemberRule::NoDowngradeUnderWay => {
            (Code::FailedPrecondition, "etcdserver: no inflight downgrade job")
        }
        MemberRule::UnknownMethod => (Code::Unknown, "etcdserver: unknown method"),
        MemberRule::AlarmByHand => (
            Code::FailedPrecondition,
            "a node finds out by itself that its data is wrong: only the alarm NOSPACE is raised by hand",
        ),
    };
    Status::new(code, text)
}

fn of_members(refusal: &MembersRefusal) -> Status {
    match refusal {
        MembersRefusal::NoSuchMember { .. }
        | MembersRefusal::Rejected(
            ClusterRejection::MemberUnknown { .. } | ClusterRejection::MemberRemoved { .. },
        ) => of_member_rule(MemberRule::NotFound),
        MembersRefusal::Rejected(ClusterRejection::AddressTaken { .. }) => {
            of_member_rule(MemberRule::PeerUrlExists)
        }
        MembersRefusal::NotAVoter { .. } => of_member_rule(MemberRule::BadTransferee),
        MembersRefusal::NotALearner { .. } => of_member_rule(MemberRule::NotALearner),
        MembersRefusal::Behind { .. } | MembersRefusal::Silent { .. } => {
            of_member_rule(MemberRule::LearnerNotReady)
        }
        MembersRefusal::NotHandedOver => of_member_rule(MemberRule::NotHandedOver),
        // The code is what etcd's server makes of it.
        MembersRefusal::QuorumLoss { .. } | MembersRefusal::LastVoter { .. } => {
            Status::unknown("etcdserver: re-configuration failed due to not enough started members")
        }
        MembersRefusal::ChangeUnderWay => Status::unavailable(refusal.to_string()),
        MembersRefusal::Rejected(_) | MembersRefusal::OtherCluster { .. } => {
            Status::failed_precondition(refusal.to_string())
        }
    }
}

/// The same of locks and elections: there etcd is a client of itself, and of its own refusals only the text is left.
pub(crate) fn of_recipe(status: &Status) -> Status {
    let is_refusal = matches!(
        status.code(),
        Code::NotFound | Code::InvalidArgument | Code::FailedPrecondition | Code::PermissionDenied
    );
    let code = if is_refusal { Code::Unknown } else { status.code() };
    ours(Status::new(code, status.message()))
}

/// A refusal within an answer: etcd tells its status there, as a text.
pub(crate) fn as_text(refusal: Refusal) -> String {
    let status = Status::from(refusal);
    format!("rpc error: code = {:?} desc = {}", status.code(), status.message())
}

/// What is told of a request that could not be decoded: etcd's server says the same of it.
pub(crate) fn undecodable(status: &Status) -> Status {
    Status::internal(format!("grpc: error unmarshalling request: {}", status.message()))
}

/// There is no such call.
pub(crate) fn unknown_method(method: &str, service: &str) -> Status {
    ours(Status::unimplemented(format!("unknown method {method} for service {service}")))
}

/// A request is larger than any may be. etcd tells its size too.
pub(crate) fn message_too_large() -> Status {
    let text = format!("grpc: received message larger than max ({MESSAGE_SIZE_BYTES_MAX})");
    ours(Status::resource_exhausted(text))
}

#[cfg(test)]
mod tests;
