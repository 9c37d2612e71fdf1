//! Every refusal, with what a client is told and the test that asks for it.
//!
//! A kind of refusal that is not listed here does not compile, and neither does one that is listed and is no more. Where
//! etcd has a text, the test that is named asks a real etcd for it; the others are asked of ours alone.

use std::fs;
use std::path::Path;
use std::time::Duration;

use conclave_core::auth::AuthLimit;

use super::*;

/// How it is known what a client is told.
#[derive(Debug, Clone, Copy)]
enum Known {
    /// A test asks for it: the file, below `crates`, and the function.
    Asked(&'static str, &'static str),
    /// No test can have it on a server; this says why.
    NotAsked(&'static str),
}

/// A refusal, its code, its text, and how that is known.
type Row = (Refusal, Code, &'static str, Known);

/// Rows, and a match that does not compile unless every kind is among them.
macro_rules! rows {
    ($kind:ty: $($pattern:pat = $refusal:expr => $code:ident $text:expr, $known:expr;)*) => {{
        let _every_kind = |kind: &$kind| match kind {
            $($pattern => (),)*
        };
        let rows: Vec<Row> = vec![$(($refusal.into(), Code::$code, $text, $known)),*];
        rows
    }};
}

/// Of the tests that ask two servers.
const fn compared(file: &'static str, test: &'static str) -> Known {
    Known::Asked(file, test)
}

const KV: &str = "conclave/tests/etcd/kv.rs";
const TXN: &str = "conclave/tests/etcd/txn.rs";
const LEASE: &str = "conclave/tests/etcd/lease.rs";
const AUTH: &str = "conclave/tests/etcd/auth.rs";
const REFUSED: &str = "conclave/tests/etcd/auth_refused.rs";
const ERRORS: &str = "conclave/tests/etcd/errors.rs";
const ELECTION: &str = "conclave/tests/etcd/election.rs";
const MAINTENANCE: &str = "conclave/tests/etcd/maintenance.rs";
const MEMBERS: &str = "conclave/tests/cluster/etcd_maintenance.rs";
const BAD: &str = "conclave/tests/cluster/etcd_bad_requests.rs";
const DOUBT: &str = "conclave/tests/cluster/etcd_doubt.rs";

const HELD: &str = "conclave/tests/cluster/etcd_held.rs";

const OF_A_MOMENT: Known = Known::NotAsked("it is of a moment that no client can bring about");

fn rules() -> Vec<Row> {
    let an_operation = compared(TXN, "one_bad_operation_refuses_all");
    rows! { Rule:
        Rule::EmptyKey = Rule::EmptyKey => InvalidArgument "etcdserver: key is not provided",
            compared(KV, "a_key_is_never_empty");
        Rule::NoOperation = Rule::NoOperation => InvalidArgument "etcdserver: key not found", an_operation;
        Rule::ValueProvided = Rule::ValueProvided => InvalidArgument "etcdserver: value is provided",
            compared(KV, "a_put_can_keep_the_value_or_the_lease");
        Rule::LeaseProvided = Rule::LeaseProvided => InvalidArgument "etcdserver: lease is provided",
            compared(KV, "a_put_can_keep_the_value_or_the_lease");
        Rule::TooManyOperations = Rule::TooManyOperations
            => InvalidArgument "etcdserver: too many operations in txn request",
            compared(TXN, "operations_are_counted");
        Rule::DuplicateKey = Rule::DuplicateKey
            => InvalidArgument "etcdserver: duplicate key given in txn request",
            compared(TXN, "a_key_is_changed_once");
        Rule::SortOption = Rule::SortOption => InvalidArgument "etcdserver: invalid sort option",
            Known::Asked(BAD, "what_newer_etcds_refuse");
        Rule::TooLarge = Rule::TooLarge => InvalidArgument "etcdserver: request is too large",
            compared(ERRORS, "a_request_can_be_too_large");
        Rule::SessionExpired = Rule::SessionExpired => Unknown "mutex: session is expired",
            compared("conclave/tests/etcd/lock.rs", "whose_lease_ends_while_they_wait_has_no_lock");
        Rule::NoLeader = Rule::NoLeader => Unknown "election: no leader",
            compared(ELECTION, "what_is_missing_is_told");
        Rule::NotLeader = Rule::NotLeader => Unknown "election: not leader",
            compared(ELECTION, "who_is_elected_is_told_until_they_resign");
        Rule::LeaderMissing = Rule::LeaderMissing => Unknown "\"leader\" field must be provided",
            compared(ELECTION, "what_is_missing_is_told");
        Rule::PermissionMissing = Rule::PermissionMissing => InvalidArgument "etcdserver: permission not given",
            Known::Asked(BAD, "what_newer_etcds_refuse");
        Rule::PasswordHashed = Rule::PasswordHashed
            => InvalidArgument "a password is hashed here, with argon2id: give it as it is",
            Known::Asked(BAD, "what_only_conclave_refuses");
        Rule::HeldUnreadable = Rule::HeldUnreadable
            => InvalidArgument "conclave-held is not NAME=TOKEN: give the name of a lock and the token of its grant, \
                several of them with commas between",
            Known::Asked(HELD, "what_names_no_lock_is_refused");
        Rule::HeldMany = Rule::HeldMany => InvalidArgument "conclave-held names more than 16 locks",
            Known::Asked(HELD, "what_names_no_lock_is_refused");
        Rule::Compacted = Rule::Compacted
            => OutOfRange "etcdserver: mvcc: required revision has been compacted",
            compared("conclave/tests/etcd/compact.rs", "history_is_dropped_once_and_not_ahead_of_time");
        Rule::TtlTooLarge = Rule::TtlTooLarge => OutOfRange "etcdserver: too large lease TTL",
            compared(LEASE, "a_time_is_neither_too_short_nor_too_long");
    }
}

fn rejections() -> Vec<Row> {
    let kv = rows! { KvRejection:
        KvRejection::KeyNotFound = Rejection::from(KvRejection::KeyNotFound)
            => InvalidArgument "etcdserver: key not found",
            compared(KV, "a_put_can_keep_the_value_or_the_lease");
        KvRejection::LeaseNotFound { .. } = Rejection::from(KvRejection::LeaseNotFound { id: 7 })
            => NotFound "etcdserver: requested lease not found",
            compared(KV, "a_put_names_a_lease_that_is_there");
        KvRejection::Compacted { .. } = Rejection::from(KvRejection::Compacted { asked: 2, compacted: 3 })
            => OutOfRange "etcdserver: mvcc: required revision has been compacted",
            compared(KV, "the_past_is_read_as_it_was");
        KvRejection::FutureRevision { .. } = Rejection::from(KvRejection::FutureRevision { asked: 3, newest: 2 })
            => OutOfRange "etcdserver: mvcc: required revision is a future revision",
            compared(KV, "the_past_is_read_as_it_was");
        KvRejection::Reserved { .. } = Rejection::from(KvRejection::Reserved { key: "conclave/x".into() })
            => PermissionDenied "key \"conclave/x\" belongs to Conclave: items are changed by the API of the \
                configuration (conclave.config.v1), nothing else under \"conclave/\" at all",
            Known::Asked("conclave/tests/cluster/etcd_keys.rs", "items_are_read_as_keys_and_never_written");
        KvRejection::TooManyChanges { .. } = Rejection::from(KvRejection::TooManyChanges { keys_max: 5 })
            => InvalidArgument "more than 5 keys would change in one step: delete less at a time",
            Known::NotAsked("it takes a million keys");
        KvRejection::TooMuchToTell { .. } = Rejection::from(KvRejection::TooMuchToTell { size_bytes_max: 5 })
            => ResourceExhausted "the answer would take more than 5 bytes: read less at a time, with a limit",
            Known::NotAsked("it takes 256 MiB");
    };
    let lease = rows! { LeaseRejection:
        LeaseRejection::NotFound { .. } = Rejection::from(LeaseRejection::NotFound { id: 7 })
            => NotFound "etcdserver: requested lease not found",
            compared(LEASE, "its_keys_go_with_it_in_one_revision");
        LeaseRejection::Exists { .. } = Rejection::from(LeaseRejection::Exists { id: 7 })
            => FailedPrecondition "etcdserver: lease already exists",
            compared(LEASE, "an_id_is_given_once");
        LeaseRejection::Full { .. } = Rejection::from(LeaseRejection::Full { leases_max: 5 })
            => ResourceExhausted "there are 5 sessions, as many as there may be: close those that are not needed",
            Known::NotAsked("it takes a million leases");
        LeaseRejection::OtherTerm { .. } = Rejection::from(LeaseRejection::OtherTerm { term: 5 })
            => Unknown "term 5 is over: whoever leads now measures anew",
            Known::NotAsked("no command of this door is of a term");
    };
    let space: Row = (
        Rejection::from(ClusterRejection::NoSpaceAlarm).into(),
        Code::ResourceExhausted,
        "etcdserver: mvcc: database space exceeded",
        compared(MAINTENANCE, "an_alarm_that_is_raised_stops_what_takes_room"),
    );
    let mismatch = LockRejection::TokenMismatch { name: "l".into(), token: 3, held_token: 6 };
    let lock: Row = (
        Rejection::from(mismatch).into(),
        Code::FailedPrecondition,
        "lock \"l\" is not held with token 3, but with 6 (0: by nobody): it was lost; stop, and acquire it anew",
        Known::Asked(HELD, "keys_change_only_while_the_lock_is_held"),
    );
    [kv, lease, vec![space, lock]].concat()
}

fn about_users() -> Vec<Row> {
    let of = |rejection: AuthRejection| Rejection::from(rejection);
    let (user, role) = (|| "ann".to_owned(), || "r".to_owned());
    rows! { AuthRejection:
        AuthRejection::NotEnabled = of(AuthRejection::NotEnabled)
            => FailedPrecondition "etcdserver: authentication is not enabled",
            compared(AUTH, "authentication_needs_a_user_root_and_is_off_before");
        AuthRejection::RootUserNotFound = of(AuthRejection::RootUserNotFound)
            => FailedPrecondition "etcdserver: root user does not exist",
            compared(AUTH, "authentication_needs_a_user_root_and_is_off_before");
        AuthRejection::RootRoleNotGranted = of(AuthRejection::RootRoleNotGranted)
            => FailedPrecondition "etcdserver: root user does not have root role",
            compared(REFUSED, "root_needs_its_role");
        AuthRejection::UserNameEmpty = of(AuthRejection::UserNameEmpty)
            => InvalidArgument "etcdserver: user name is empty",
            compared(AUTH, "users_come_and_go");
        AuthRejection::UserExists { .. } = of(AuthRejection::UserExists { user: user() })
            => FailedPrecondition "etcdserver: user name already exists",
            compared(AUTH, "users_come_and_go");
        AuthRejection::UserNotFound { .. } = of(AuthRejection::UserNotFound { user: user() })
            => FailedPrecondition "etcdserver: user name not found",
            compared(AUTH, "users_come_and_go");
        AuthRejection::RoleNameEmpty = of(AuthRejection::RoleNameEmpty)
            => InvalidArgument "etcdserver: role name is empty",
            compared(AUTH, "roles_come_and_go_and_are_given_to_users");
        AuthRejection::RoleExists { .. } = of(AuthRejection::RoleExists { role: role() })
            => FailedPrecondition "etcdserver: role name already exists",
            compared(AUTH, "roles_come_and_go_and_are_given_to_users");
        AuthRejection::RoleNotFound { .. } = of(AuthRejection::RoleNotFound { role: role() })
            => FailedPrecondition "etcdserver: role name not found",
            compared(AUTH, "roles_are_allowed_ranges");
        AuthRejection::RoleNotGranted { .. } = of(AuthRejection::RoleNotGranted { user: user(), role: role() })
            => FailedPrecondition "etcdserver: role is not granted to the user",
            compared(AUTH, "roles_come_and_go_and_are_given_to_users");
        AuthRejection::PermissionNotGranted { .. } = of(AuthRejection::PermissionNotGranted { role: role() })
            => FailedPrecondition "etcdserver: permission is not granted to the role",
            compared(AUTH, "roles_are_allowed_ranges");
        AuthRejection::RangeInvalid = of(AuthRejection::RangeInvalid)
            => InvalidArgument "etcdserver: invalid auth management",
            Known::Asked(BAD, "what_newer_etcds_refuse");
        AuthRejection::RootProtected = of(AuthRejection::RootProtected)
            => InvalidArgument "etcdserver: invalid auth management",
            compared(REFUSED, "root_stays_while_callers_are_asked");
        AuthRejection::LimitReached { .. } = of(AuthRejection::LimitReached { limit: AuthLimit::Users, allowed: 5 })
            => ResourceExhausted "there may be at most 5 users",
            Known::Asked(BAD, "what_only_conclave_refuses");
        AuthRejection::LoginFailed = of(AuthRejection::LoginFailed)
            => InvalidArgument "etcdserver: authentication failed, invalid user ID or password",
            compared(REFUSED, "who_cannot_log_in_is_told_why");
        AuthRejection::NoPassword { .. } = of(AuthRejection::NoPassword { user: user() })
            => Unknown "auth: authentication failed, password was given for no password user",
            compared(REFUSED, "who_cannot_log_in_is_told_why");
        AuthRejection::NotAuthenticated = of(AuthRejection::NotAuthenticated)
            => InvalidArgument "etcdserver: user name is empty",
            compared(AUTH, "callers_are_asked_who_they_are_once_it_is_enabled");
        AuthRejection::TokenInvalid = of(AuthRejection::TokenInvalid)
            => Unauthenticated "etcdserver: invalid auth token",
            compared(AUTH, "only_root_administers_and_whoever_ends_a_lease_needs_its_keys");
        AuthRejection::Outdated { .. } = of(AuthRejection::Outdated { of: 1, now: 2 })
            => InvalidArgument "etcdserver: revision of auth store is old", OF_A_MOMENT;
        AuthRejection::PermissionDenied = of(AuthRejection::PermissionDenied)
            => PermissionDenied "etcdserver: permission denied",
            compared(AUTH, "callers_are_asked_who_they_are_once_it_is_enabled");
    }
}

fn about_members() -> Vec<Row> {
    let step_down = compared(MAINTENANCE, "a_step_down_that_cannot_be_is_refused");
    let joins = Known::Asked(MEMBERS, "a_member_is_added_joins_is_promoted_and_removed");
    let moves = Known::Asked(MEMBERS, "leadership_is_moved_by_the_leader_to_a_voter");
    rows! { MemberRule:
        MemberRule::NotFound = MemberRule::NotFound => NotFound "etcdserver: member not found",
            compared("conclave/tests/etcd/cluster.rs", "who_is_no_member_cannot_be_promoted");
        MemberRule::NotALearner = MemberRule::NotALearner
            => FailedPrecondition "etcdserver: can only promote a learner member", joins;
        MemberRule::LearnerNotReady = MemberRule::LearnerNotReady
            => FailedPrecondition "etcdserver: can only promote a learner member which is in sync with leader", joins;
        MemberRule::PeerUrlExists = MemberRule::PeerUrlExists
            => FailedPrecondition "etcdserver: Peer URLs already exists", joins;
        MemberRule::BadUrls = MemberRule::BadUrls
            => InvalidArgument "etcdserver: given member URLs are invalid",
            compared("conclave/tests/etcd/cluster.rs", "a_learner_is_added_and_must_come_before_it_is_promoted");
        MemberRule::SeveralUrls = MemberRule::SeveralUrls
            => InvalidArgument "a node has one address for its peers: give one peer URL",
            Known::Asked(BAD, "what_only_conclave_refuses");
        MemberRule::BadTransferee = MemberRule::BadTransferee
            => FailedPrecondition "etcdserver: bad leader transferee", moves;
        MemberRule::NotLeader = MemberRule::NotLeader => FailedPrecondition "etcdserver: not leader", moves;
        MemberRule::NotHandedOver = MemberRule::NotHandedOver
            => Unavailable "etcdserver: request timed out, leader transfer took too long",
            Known::Asked(DOUBT, "leadership_is_not_handed_to_who_does_not_answer");
        MemberRule::BadVersion = MemberRule::BadVersion
            => InvalidArgument "etcdserver: wrong downgrade target version format", step_down;
        MemberRule::NoDowngrade = MemberRule::NoDowngrade
            => InvalidArgument "etcdserver: invalid downgrade target version", step_down;
        MemberRule::NoDowngradeUnderWay = MemberRule::NoDowngradeUnderWay
            => FailedPrecondition "etcdserver: no inflight downgrade job", step_down;
        MemberRule::UnknownMethod = MemberRule::UnknownMethod => Unknown "etcdserver: unknown method", step_down;
        MemberRule::AlarmByHand = MemberRule::AlarmByHand
            => FailedPrecondition "a node finds out by itself that its data is wrong: only the alarm NOSPACE is \
                raised by hand",
            Known::Asked(BAD, "what_only_conclave_refuses");
    }
}

fn changes_of_members() -> Vec<Row> {
    let quorum = Known::Asked(MEMBERS, "members_that_are_needed_stay");
    let as_the_rule = Known::NotAsked("the rule of the same text is looked at before, and asked for");
    rows! { MembersRefusal:
        MembersRefusal::Rejected(_) = MembersRefusal::Rejected(ClusterRejection::IdsUsedUp)
            => FailedPrecondition "no ids are left: the highest that there is was given out",
            Known::NotAsked("it takes all the ids that there are");
        MembersRefusal::ChangeUnderWay = MembersRefusal::ChangeUnderWay
            => Unavailable "another change of the members is under way: wait until it is done", OF_A_MOMENT;
        MembersRefusal::OtherCluster { .. }
            = MembersRefusal::OtherCluster { name: "main".into(), told: "other".into() }
            => FailedPrecondition "this is the cluster \"main\", but the node means to join \"other\": mend its \
                cluster_name, or the addresses that it joins by. Its token is still good",
            Known::NotAsked("clients of etcd let nobody in");
        MembersRefusal::NoSuchMember { .. } = MembersRefusal::NoSuchMember { id: 9 }
            => NotFound "etcdserver: member not found", as_the_rule;
        MembersRefusal::NotAVoter { .. } = MembersRefusal::NotAVoter { id: 9 }
            => FailedPrecondition "etcdserver: bad leader transferee", as_the_rule;
        MembersRefusal::NotALearner { .. } = MembersRefusal::NotALearner { id: 9 }
            => FailedPrecondition "etcdserver: can only promote a learner member", as_the_rule;
        MembersRefusal::Behind { .. } = MembersRefusal::Behind { id: 9, lag_entries: 7, lag_entries_max: 5 }
            => FailedPrecondition "etcdserver: can only promote a learner member which is in sync with leader",
            as_the_rule;
        MembersRefusal::Silent { .. } = MembersRefusal::Silent { id: 9 }
            => FailedPrecondition "etcdserver: can only promote a learner member which is in sync with leader",
            as_the_rule;
        MembersRefusal::QuorumLoss { .. } = MembersRefusal::QuorumLoss { voters: 2, healthy: 1, needed: 2 }
            => Unknown "etcdserver: re-configuration failed due to not enough started members", quorum;
        MembersRefusal::LastVoter { .. } = MembersRefusal::LastVoter { id: 1 }
            => Unknown "etcdserver: re-configuration failed due to not enough started members", quorum;
        MembersRefusal::NotHandedOver = MembersRefusal::NotHandedOver
            => Unavailable "etcdserver: request timed out, leader transfer took too long", as_the_rule;
    }
}

fn of_the_moment() -> Vec<Row> {
    let retry_after = Duration::ZERO;
    let alone = Known::Asked(DOUBT, "without_a_majority_nothing_is_made_up");
    rows! { RequestError:
        RequestError::NoLeader { .. } = RequestError::NoLeader { retry_after }
            => Unavailable "etcdserver: no leader", alone;
        RequestError::OutcomeUnknown = RequestError::OutcomeUnknown
            => DeadlineExceeded "etcdserver: request timed out",
            Known::Asked(DOUBT, "what_may_have_been_done_is_not_done_again");
        RequestError::ChangeOutcomeUnknown = RequestError::ChangeOutcomeUnknown
            => DeadlineExceeded "etcdserver: request timed out", OF_A_MOMENT;
        RequestError::Overloaded { .. } = RequestError::Overloaded { retry_after }
            => ResourceExhausted "etcdserver: too many requests", OF_A_MOMENT;
        RequestError::NoSpace { .. } = RequestError::NoSpace { retry_after }
            => ResourceExhausted "etcdserver: mvcc: database space exceeded",
            Known::Asked(
                "conclave/tests/cluster/full_disk_freed.rs",
                "what_gives_room_back_is_done_until_half_of_the_reserve_is_used",
            );
        RequestError::NoRoom { .. } = RequestError::NoRoom { needed_bytes: 2, free_bytes: 1 }
            => ResourceExhausted "etcdserver: mvcc: database space exceeded", OF_A_MOMENT;
        RequestError::ShuttingDown { .. } = RequestError::ShuttingDown { retry_after }
            => Unavailable "etcdserver: server stopped",
            Known::Asked("door-etcd/src/watch/tests.rs", "a_stream_that_needs_a_leader_ends_without_one");
        RequestError::Recovering { .. } = RequestError::Recovering { retry_after }
            => Unavailable "the node has just started and does not know yet what is committed: ask another one",
            OF_A_MOMENT;
        RequestError::Corrupt { .. } = RequestError::Corrupt { retry_after }
            => DataLoss "etcdserver: corrupt cluster", OF_A_MOMENT;
        RequestError::DeadlineExceeded = RequestError::DeadlineExceeded
            => DeadlineExceeded "context deadline exceeded", alone;
        RequestError::NodeFailed { .. } = RequestError::NodeFailed { cause: "I/O".into() }
            => Internal "the node has stopped itself: I/O", OF_A_MOMENT;
    }
}

fn of_this_door() -> Vec<Row> {
    // Those that are not here are in a list of their own.
    let _every_kind = |refusal: &Refusal| match refusal {
        Refusal::Rule(_) | Refusal::Rejection(_) | Refusal::Member(_) => (),
        Refusal::Members(_) | Refusal::Request(_) | Refusal::NoPlace(_) | Refusal::Deadline => (),
    };
    let streams: Row = (
        NoPlace { what: "streams of watches", streams_max: 5 }.into(),
        Code::ResourceExhausted,
        "this node serves 5 streams of watches already, the most it may: ask another one",
        Known::Asked(BAD, "streams_are_counted"),
    );
    let deadline: Row = (
        Refusal::Deadline,
        Code::InvalidArgument,
        "grpc-timeout is not 1 to 8 digits and a unit (H, M, S, m, u or n)",
        Known::Asked(BAD, "what_only_conclave_refuses"),
    );
    vec![streams, deadline]
}

fn all() -> Vec<Row> {
    let of_the_store = [rules(), rejections(), about_users()].concat();
    let of_nodes = [about_members(), changes_of_members(), of_the_moment(), of_this_door()].concat();
    [of_the_store, of_nodes].concat()
}

#[test]
fn every_refusal_has_its_code_and_its_text() {
    for (refusal, code, text, _) in all() {
        let status = Status::from(refusal.clone());
        assert_eq!((status.code(), status.message()), (code, text), "{refusal:?}");
    }
}

#[test]
fn every_text_is_asked_for_by_a_test_that_is_there() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it lies beside the others");
    for (refusal, _, _, known) in all() {
        match known {
            Known::Asked(file, test) => {
                let source = fs::read_to_string(crates.join(file)).unwrap_or_default();
                assert!(source.contains(&format!("fn {test}(")), "{refusal:?}: {file} has no test {test}");
            }
            Known::NotAsked(why) => assert!(!why.is_empty(), "{refusal:?}"),
        }
    }
}

/// What did something, or may have, is never told as what may be tried again.
#[test]
fn only_what_did_nothing_may_be_tried_again() {
    let in_doubt = [RequestError::OutcomeUnknown, RequestError::ChangeOutcomeUnknown];
    for (refusal, code, ..) in all() {
        let is_in_doubt = matches!(&refusal, Refusal::Request(error) if in_doubt.contains(error));
        assert!(!is_in_doubt || code != Code::Unavailable, "{refusal:?}");
    }
}
