//! Why a command failed: what is said, what to do next, and the exit code. Every error of the client
//! passes [`Failure::of_client`] here, and none is told anywhere else.

use std::fmt;
use std::io;

use conclave_client::{ClientError, Code, reason};

use super::exit::Exit;
use super::text;

/// A command that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Something went wrong, and must be told.
    Told {
        /// What scripts learn.
        exit: Exit,
        /// What was wrong.
        message: String,
        /// Each thing that was wrong, where there are several.
        details: Vec<String>,
        /// What to do next.
        hint: Option<String>,
    },
    /// Whoever read the output has gone, as `head` does when it has enough: there is nobody to tell.
    ReaderGone,
}

impl Failure {
    /// A failure that ends with `exit`.
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self::Told { exit, message: message.into(), details: Vec::new(), hint: None }
    }

    /// Wrong arguments or settings.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Wrong arguments or settings in several places.
    pub(super) fn mistakes(message: impl Into<String>, details: Vec<String>) -> Self {
        Self::Told { exit: Exit::Usage, message: message.into(), details, hint: None }
    }

    /// Says what to do next, in place of what was said before.
    pub(super) fn with_hint(self, text: impl Into<String>) -> Self {
        match self {
            Self::Told { exit, message, details, .. } => {
                Self::Told { exit, message, details, hint: Some(text.into()) }
            }
            Self::ReaderGone => self,
        }
    }

    /// A call that failed. Fields that break a rule are told by what `place` makes of their paths.
    pub(super) fn of_client(error: &ClientError, place: impl Fn(&str) -> String) -> Self {
        let violations = error.field_violations().iter();
        let mut details: Vec<String> =
            violations.map(|it| format!("{}: {}", place(&it.field), it.description)).collect();
        let message = match details.len() {
            0 => of_no_version_then(error).unwrap_or_else(|| error.to_string()),
            1 => details.remove(0),
            count => format!("{count} fields break a rule:"),
        };
        let exit = exit_of(error.reason(), error.code());
        Self::Told { exit, message, details, hint: hint_for(error) }
    }

    /// Says first what was being done.
    pub(super) fn during(self, what: &str) -> Self {
        match self {
            Self::Told { exit, message, details, hint } => {
                Self::Told { exit, message: format!("{what}: {message}"), details, hint }
            }
            Self::ReaderGone => self,
        }
    }

    /// The exit code. A reader that has gone has had enough: that is no failure.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Told { exit, .. } => *exit,
            Self::ReaderGone => Exit::Done,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Told { message, details, hint, .. } = self else { return Ok(()) };
        writeln!(f, "conclave: {}", text::lines(message))?;
        for detail in details {
            writeln!(f, "  {}", text::lines(detail))?;
        }
        match hint {
            Some(hint) => writeln!(f, "hint: {}", text::lines(hint)),
            None => Ok(()),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::of_client(&error, str::to_owned)
    }
}

/// Standard output cannot be written.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        Self::new(Exit::Failed, format!("the output cannot be written: {error}"))
    }
}

/// The exit code for a reason, or for the code of an answer that gave no reason known here.
fn exit_of(reason: &str, code: Code) -> Exit {
    match reason {
        reason::NAMESPACE_NOT_FOUND
        | reason::KEY_NOT_FOUND
        | reason::VERSION_NOT_FOUND
        | reason::REVISION_NOT_FOUND
        | reason::VERSION_DROPPED
        | reason::REVISION_DROPPED
        | reason::NO_VERSION_THEN
        | reason::TAG_NOT_FOUND
        | reason::SNAPSHOT_NOT_FOUND
        | reason::NOT_IN_SNAPSHOT
        | reason::MEMBER_NOT_FOUND
        | reason::SESSION_NOT_FOUND
        | reason::LOCK_NOT_FOUND => Exit::NotFound,
        reason::NAMESPACE_EXISTS
        | reason::VERSION_MISMATCH
        | reason::ITEM_REVISION_MISMATCH
        | reason::REQUEST_ID_REUSED
        | reason::TAG_EXISTS
        | reason::SNAPSHOT_EXISTS
        | reason::CHANGE_UNDER_WAY
        | reason::QUORUM_LOSS
        | reason::LOCK_CAPACITY_MISMATCH
        | reason::LOCK_KIND_MISMATCH
        | reason::LOCK_MODE_CHANGE
        | reason::LOCK_NOT_HELD
        | reason::LOCK_TOKEN_MISMATCH
        | reason::ACQUIRE_ID_REUSED => Exit::Conflict,
        reason::NO_LEADER
        | reason::OVERLOADED
        | reason::SHUTTING_DOWN
        | reason::RECOVERING
        | reason::CORRUPT
        | reason::DEADLINE_EXCEEDED
        | reason::NODE_FAILED
        | reason::UNREACHABLE
        | reason::STREAM_BROKEN => Exit::Unavailable,
        reason::OUTCOME_UNKNOWN => Exit::OutcomeUnknown,
        reason::INVALID_ARGUMENT
        | reason::PAGE_TOKEN_INVALID
        | reason::QUOTA_EXCEEDED
        | reason::CHANGE_TOO_LARGE
        | reason::SESSIONS_FULL
        | reason::LOCK_QUEUE_FULL
        | reason::LOCK_HOLDERS_FULL
        | reason::SESSION_TICKETS_FULL => Exit::Invalid,
        reason::LOCK_HELD | reason::LOCK_WAIT_OVER => Exit::NotGranted,
        reason::SESSION_LOST => Exit::Lost,
        reason::INVALID_OPTIONS => Exit::Usage,
        reason::EVENT_TOO_LARGE => Exit::Failed,
        _ => exit_of_code(code),
    }
}

fn exit_of_code(code: Code) -> Exit {
    match code {
        Code::NotFound => Exit::NotFound,
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => Exit::Conflict,
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted => Exit::Unavailable,
        Code::InvalidArgument | Code::OutOfRange => Exit::Invalid,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::PermissionDenied
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss
        | Code::Unauthenticated => Exit::Failed,
    }
}

/// What to do next, if that is more than the message says.
fn hint_for(error: &ClientError) -> Option<String> {
    let named = |name: &str, otherwise: &str| {
        error.metadata().get(name).map_or_else(|| otherwise.to_owned(), Clone::clone)
    };
    let namespace = named("namespace", "NAMESPACE");
    let hint = match error.reason() {
        reason::NAMESPACE_NOT_FOUND => format!(
            "`conclave config create {namespace}` makes it, as does --create-namespace with put and import; \
             `conclave config list` shows what is there"
        ),
        reason::NAMESPACE_EXISTS => {
            format!("`conclave config get {namespace}` shows what is in it; `config put` needs no creation")
        }
        reason::KEY_NOT_FOUND => format!("`conclave config get {namespace}` lists its keys"),
        reason::VERSION_NOT_FOUND => format!("`conclave config history {namespace}` lists its versions"),
        reason::VERSION_MISMATCH | reason::ITEM_REVISION_MISMATCH => format!(
            "somebody committed in between: look at `conclave config history {namespace}`, then decide again"
        ),
        reason::VERSION_DROPPED | reason::REVISION_DROPPED | reason::NO_VERSION_THEN => format!(
            "`conclave config history {namespace}` lists what is kept, `config describe` says for how long"
        ),
        reason::TAG_NOT_FOUND => format!("`conclave config tags {namespace}` lists its tags"),
        reason::TAG_EXISTS => "--move lets it name this version".into(),
        reason::SNAPSHOT_NOT_FOUND => "`conclave snapshot list` lists them".into(),
        reason::NOT_IN_SNAPSHOT => {
            format!("`conclave snapshot show {}` lists what is in it", named("snapshot", "SNAPSHOT"))
        }
        reason::LOCK_HELD
        | reason::LOCK_WAIT_OVER
        | reason::LOCK_CAPACITY_MISMATCH
        | reason::LOCK_KIND_MISMATCH
        | reason::LOCK_QUEUE_FULL
        | reason::LOCK_HOLDERS_FULL
        | reason::LOCK_TOKEN_MISMATCH => {
            format!("`conclave lock show {}` shows who holds it, and who waits", named("name", "NAME"))
        }
        reason::LOCK_NOT_FOUND => "`conclave lock list` lists those that somebody holds or waits for".into(),
        reason::SESSION_NOT_FOUND | reason::SESSIONS_FULL => "`conclave session list` lists them".into(),
        reason::QUOTA_EXCEEDED => hint_for_quota(error),
        reason::REQUEST_ID_REUSED => "leave --request-id out, or take a new one".into(),
        reason::OUTCOME_UNKNOWN => format!(
            "the same command again with --request-id {} settles it, and applies it once at most",
            error.request_id().unwrap_or("ID")
        ),
        reason::UNREACHABLE => {
            "name the nodes with --endpoints, CONCLAVE_ENDPOINTS or a client config file, and check that they run".into()
        }
        reason::NO_LEADER => {
            "most of the nodes must run and reach one another: `conclave cluster status` shows who does".into()
        }
        reason::DEADLINE_EXCEEDED => "try again, or give it more time with --timeout".into(),
        reason::OVERLOADED | reason::RECOVERING | reason::SHUTTING_DOWN => "try again in a moment".into(),
        reason::CORRUPT => {
            "name other nodes with --endpoints; `conclave cluster doctor` says what to do about this one".into()
        }
        "" if error.code() == Code::Unimplemented => {
            "--endpoints names the ports for clients (4101 by default), not those of the nodes among themselves (4201)"
                .into()
        }
        "" => format!("what answered gives no reason as a node does: is {} one's port for clients?", error.endpoint()),
        reason::NODE_FAILED => "name other nodes with --endpoints; the log of this one says why it stopped".into(),
        _ => return None,
    };
    Some(hint)
}

/// The bounds are a namespace's, or the store's; and some quotas are of a minute.
fn hint_for_quota(error: &ClientError) -> String {
    let namespace = error.metadata().get("namespace").map_or("", String::as_str);
    if namespace.is_empty() {
        return "`conclave config defaults` shows the bounds of the store, `config defaults set` changes them".into();
    }
    let wait = match error.retry_after() {
        Some(wait) => format!("it may be tried again in {}; ", text::duration(wait.as_secs().max(1))),
        None => String::new(),
    };
    format!(
        "{wait}`conclave config describe {namespace}` shows the bounds, `config update` and `config defaults set` \
         change them"
    )
}

/// The message with times as people write them: the node tells milliseconds.
fn of_no_version_then(error: &ClientError) -> Option<String> {
    let moment = |name: &str| error.metadata().get(name)?.parse().ok().map(text::time);
    let namespace = error.metadata().get("namespace")?;
    (error.reason() == reason::NO_VERSION_THEN).then_some(())?;
    Some(format!(
        "namespace {namespace:?} has no version that was committed by {}: the oldest that is kept is of {}",
        moment("time_ms")?,
        moment("oldest_ms")?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reason that the SDK knows, with the code that scripts get.
    const REASONS: [(&str, Exit); 50] = [
        (reason::INVALID_ARGUMENT, Exit::Invalid),
        (reason::NAMESPACE_NOT_FOUND, Exit::NotFound),
        (reason::NAMESPACE_EXISTS, Exit::Conflict),
        (reason::KEY_NOT_FOUND, Exit::NotFound),
        (reason::VERSION_NOT_FOUND, Exit::NotFound),
        (reason::REVISION_NOT_FOUND, Exit::NotFound),
        (reason::VERSION_MISMATCH, Exit::Conflict),
        (reason::ITEM_REVISION_MISMATCH, Exit::Conflict),
        (reason::REQUEST_ID_REUSED, Exit::Conflict),
        (reason::NO_LEADER, Exit::Unavailable),
        (reason::OUTCOME_UNKNOWN, Exit::OutcomeUnknown),
        (reason::OVERLOADED, Exit::Unavailable),
        (reason::SHUTTING_DOWN, Exit::Unavailable),
        (reason::RECOVERING, Exit::Unavailable),
        (reason::CORRUPT, Exit::Unavailable),
        (reason::DEADLINE_EXCEEDED, Exit::Unavailable),
        (reason::NODE_FAILED, Exit::Unavailable),
        (reason::PAGE_TOKEN_INVALID, Exit::Invalid),
        (reason::UNREACHABLE, Exit::Unavailable),
        (reason::STREAM_BROKEN, Exit::Unavailable),
        (reason::EVENT_TOO_LARGE, Exit::Failed),
        (reason::INVALID_OPTIONS, Exit::Usage),
        (reason::VERSION_DROPPED, Exit::NotFound),
        (reason::REVISION_DROPPED, Exit::NotFound),
        (reason::NO_VERSION_THEN, Exit::NotFound),
        (reason::TAG_NOT_FOUND, Exit::NotFound),
        (reason::TAG_EXISTS, Exit::Conflict),
        (reason::SNAPSHOT_NOT_FOUND, Exit::NotFound),
        (reason::SNAPSHOT_EXISTS, Exit::Conflict),
        (reason::NOT_IN_SNAPSHOT, Exit::NotFound),
        (reason::QUOTA_EXCEEDED, Exit::Invalid),
        (reason::CHANGE_TOO_LARGE, Exit::Invalid),
        (reason::CHANGE_UNDER_WAY, Exit::Conflict),
        (reason::MEMBER_NOT_FOUND, Exit::NotFound),
        (reason::QUORUM_LOSS, Exit::Conflict),
        (reason::SESSION_NOT_FOUND, Exit::NotFound),
        (reason::SESSIONS_FULL, Exit::Invalid),
        (reason::LOCK_NOT_FOUND, Exit::NotFound),
        (reason::LOCK_HELD, Exit::NotGranted),
        (reason::LOCK_WAIT_OVER, Exit::NotGranted),
        (reason::LOCK_QUEUE_FULL, Exit::Invalid),
        (reason::LOCK_HOLDERS_FULL, Exit::Invalid),
        (reason::SESSION_TICKETS_FULL, Exit::Invalid),
        (reason::LOCK_CAPACITY_MISMATCH, Exit::Conflict),
        (reason::LOCK_KIND_MISMATCH, Exit::Conflict),
        (reason::LOCK_MODE_CHANGE, Exit::Conflict),
        (reason::LOCK_NOT_HELD, Exit::Conflict),
        (reason::LOCK_TOKEN_MISMATCH, Exit::Conflict),
        (reason::ACQUIRE_ID_REUSED, Exit::Conflict),
        (reason::SESSION_LOST, Exit::Lost),
    ];

    #[test]
    fn every_reason_has_its_exit_code() {
        for (reason, exit) in REASONS {
            assert_eq!(exit_of(reason, Code::Unknown), exit, "{reason}");
        }
    }

    #[test]
    fn an_answer_without_a_known_reason_goes_by_its_code() {
        assert_eq!(exit_of("", Code::NotFound), Exit::NotFound);
        assert_eq!(exit_of("made-up-later", Code::FailedPrecondition), Exit::Conflict);
        assert_eq!(exit_of("", Code::Unimplemented), Exit::Failed);
    }

    #[tokio::test]
    async fn an_error_of_the_client_says_what_was_wrong() {
        let options = conclave_client::ClientOptions::new(["nowhere"]);
        let error = conclave_client::Client::connect(options).expect_err("it has no port");
        let failure = Failure::from(error);
        assert_eq!(failure.exit(), Exit::Usage);
        let expected = "conclave: endpoint \"nowhere\" is not of the form host:port or http://host:port\n";
        assert_eq!(failure.to_string(), expected);
    }

    #[test]
    fn details_and_hint_come_below_the_message() {
        let failure = Failure::mistakes("these are wrong:", vec!["a: no".into(), "b: no\u{1b}".into()]);
        let failure = failure.with_hint("mend them").during("checking");
        let expected = "conclave: checking: these are wrong:\n  a: no\n  b: no\\u{1b}\nhint: mend them\n";
        assert_eq!(failure.to_string(), expected);
        assert_eq!(failure.exit(), Exit::Usage);
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        let gone = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((gone.exit(), gone.to_string()), (Exit::Done, String::new()));
        assert_eq!(Failure::from(io::Error::other("disk full")).exit(), Exit::Failed);
    }
}
