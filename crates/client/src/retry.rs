//! How a call is tried again: at which node, after which wait, and when to give up.
//!
//! A round asks each node once, without waiting. Between rounds there is a wait that doubles up to
//! a maximum; half of it is random, so that many clients do not come back at the same moment.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{ClientError, reason};
use crate::options::ClientOptions;

/// Whether a call may change something, and under which id.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Effect<'a> {
    /// It changes nothing: it can be repeated at will.
    Read,
    /// It changes something: it can be repeated under this request id.
    Write(&'a str),
    /// It changes something, and asked twice it has the effect of once: it can be repeated at will.
    Change,
}

/// Waits that grow from round to round.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(options: &ClientOptions) -> Self {
        let min = Duration::from_millis(options.backoff_min_ms.max(1));
        let max = Duration::from_millis(options.backoff_max_ms).max(min);
        Self { min, max, next: min }
    }

    /// The wait before the next round, between half of the full wait and all of it.
    pub(crate) fn wait(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(self.max);
        rand::random_range(full / 2..=full)
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.min;
    }
}

/// Rounds of what is tried for as long as it takes, such as a stream: in each, every node is asked once.
#[derive(Debug)]
pub(crate) struct Rounds {
    nodes: usize,
    failed: usize,
    backoff: Backoff,
}

impl Rounds {
    pub(crate) fn new(options: &ClientOptions, nodes: usize) -> Self {
        Self { nodes, failed: 0, backoff: Backoff::new(options) }
    }

    /// The wait after a failure: none within a round.
    pub(crate) fn wait_after(&mut self, error: &ClientError) -> Duration {
        self.failed += 1;
        if self.failed < self.nodes {
            return Duration::ZERO;
        }
        self.failed = 0;
        self.backoff.wait().max(error.retry_after().unwrap_or_default())
    }

    /// It went well: the next failure begins anew.
    pub(crate) fn reset(&mut self) {
        self.failed = 0;
        self.backoff.reset();
    }
}

/// The attempts of one call.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    options: &'a ClientOptions,
    effect: Effect<'a>,
    deadline: Instant,
    made: u32,
    rounds: Rounds,
    write_is_open: bool,
    /// The last failure that a node answered with, and the number of its attempt.
    answered: Option<(u32, ClientError)>,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(options: &'a ClientOptions, effect: Effect<'a>, nodes: usize) -> Self {
        let deadline = Instant::now() + options.timeout();
        let rounds = Rounds::new(options, nodes);
        Self { options, effect, deadline, made: 0, rounds, write_is_open: false, answered: None }
    }

    /// How long the next attempt may take.
    pub(crate) fn begin(&mut self) -> Duration {
        self.made += 1;
        let left = self.deadline.saturating_duration_since(Instant::now());
        left.min(self.options.attempt_timeout()).max(Duration::from_millis(1))
    }

    /// Decides after a failure: how long to wait before the next attempt, or what to tell the caller.
    pub(crate) fn failed(&mut self, error: ClientError) -> Result<Duration, ClientError> {
        self.write_is_open |= !matches!(self.effect, Effect::Read) && error.leaves_write_open();
        if !error.is_transient() {
            // The change that is under way may be what an attempt before began.
            let own = self.write_is_open && error.reason() == reason::CHANGE_UNDER_WAY;
            return Err(self.named(if own { error.into_outcome_unknown() } else { error }));
        }
        if error.is_answer() {
            self.answered = Some((self.made, error.clone()));
        }
        let wait = self.rounds.wait_after(&error);
        if self.made >= self.options.attempts_max || Instant::now() + wait >= self.deadline {
            return Err(self.given_up(error));
        }
        Ok(wait)
    }

    /// What a node answered since each was last asked says more than that another cannot be reached.
    fn given_up(&self, error: ClientError) -> ClientError {
        let answered = self.answered.as_ref().filter(|_| error.is_not_sent());
        let error = match answered {
            Some((at, answered)) if ((self.made - at) as usize) < self.rounds.nodes => answered.clone(),
            _ => error,
        };
        self.named(if self.write_is_open { error.into_outcome_unknown() } else { error })
    }

    fn named(&self, error: ClientError) -> ClientError {
        match self.effect {
            Effect::Read | Effect::Change => error,
            Effect::Write(request_id) => error.under(request_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt as _};

    fn unreachable() -> ClientError {
        ClientError::local(Code::Unavailable, reason::UNREACHABLE, "cannot connect")
    }

    #[test]
    fn waits_double_up_to_the_maximum_and_are_jittered() {
        let options = ClientOptions { backoff_min_ms: 100, backoff_max_ms: 300, ..ClientOptions::default() };
        let mut backoff = Backoff::new(&options);
        for full_ms in [100, 200, 300, 300] {
            let wait = backoff.wait();
            assert!(wait >= Duration::from_millis(full_ms / 2) && wait <= Duration::from_millis(full_ms));
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_asks_every_node_before_it_waits() {
        let options = ClientOptions::default();
        let mut attempts = Attempts::new(&options, Effect::Read, 3);
        let waits: Vec<bool> = (0..6)
            .map(|_| {
                attempts.begin();
                attempts.failed(unreachable()).expect("the deadline is far").is_zero()
            })
            .collect();
        assert_eq!(waits, [true, true, false, true, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded() {
        let options = ClientOptions { attempts_max: 2, ..ClientOptions::default() };
        let mut attempts = Attempts::new(&options, Effect::Read, 1);
        attempts.begin();
        attempts.failed(unreachable()).expect("one attempt is left");
        attempts.begin();
        let error = attempts.failed(unreachable()).expect_err("no attempt is left");
        assert_eq!(error.reason(), reason::UNREACHABLE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_node_answered_in_the_last_round_is_told_before_what_cannot_be_reached() {
        let told = |attempts_max: u32, failures: Vec<ClientError>| {
            let options = ClientOptions { attempts_max, ..ClientOptions::default() };
            let mut attempts = Attempts::new(&options, Effect::Read, 2);
            let outcomes = failures.into_iter().map(|failure| {
                attempts.begin();
                attempts.failed(failure).err()
            });
            outcomes.last().flatten().expect("no attempt is left").reason().to_owned()
        };
        let no_leader = || {
            let details = ErrorDetails::with_error_info(reason::NO_LEADER, "conclave", []);
            ClientError::from_status(&Status::with_error_details(Code::Unavailable, "no leader", details))
        };
        assert_eq!(told(2, vec![no_leader(), unreachable()]), reason::NO_LEADER);
        assert_eq!(told(2, vec![unreachable(), no_leader()]), reason::NO_LEADER);
        assert_eq!(told(3, vec![no_leader(), unreachable(), unreachable()]), reason::UNREACHABLE);
    }

    #[tokio::test(start_paused = true)]
    async fn one_open_attempt_makes_the_outcome_unknown_until_a_node_settles_it() {
        let options = ClientOptions { attempts_max: 2, ..ClientOptions::default() };
        let mut attempts = Attempts::new(&options, Effect::Write("id-1"), 1);
        attempts.begin();
        attempts.failed(ClientError::no_answer(Duration::from_secs(1))).expect("one attempt is left");
        attempts.begin();
        let error = attempts.failed(unreachable()).expect_err("no attempt is left");
        assert!(error.is_outcome_unknown());
        assert_eq!(error.request_id(), Some("id-1"));

        let mut attempts = Attempts::new(&options, Effect::Write("id-1"), 1);
        attempts.begin();
        attempts.failed(ClientError::no_answer(Duration::from_secs(1))).expect("one attempt is left");
        attempts.begin();
        let rejected = ClientError::local(Code::FailedPrecondition, reason::VERSION_MISMATCH, "no");
        let error = attempts.failed(rejected).expect_err("a rejection is final");
        assert!(!error.is_outcome_unknown());
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_is_under_way_may_be_that_of_an_attempt_before() {
        let options = ClientOptions::default();
        let under_way = || ClientError::local(Code::FailedPrecondition, reason::CHANGE_UNDER_WAY, "no");
        let mut attempts = Attempts::new(&options, Effect::Change, 1);
        attempts.begin();
        let error = attempts.failed(under_way()).expect_err("a refusal is final");
        assert_eq!(error.reason(), reason::CHANGE_UNDER_WAY);

        let mut attempts = Attempts::new(&options, Effect::Change, 1);
        attempts.begin();
        attempts.failed(ClientError::no_answer(Duration::from_secs(1))).expect("attempts are left");
        attempts.begin();
        let error = attempts.failed(under_way()).expect_err("a refusal is final");
        assert!(error.is_outcome_unknown());
    }

    #[tokio::test(start_paused = true)]
    async fn a_quota_is_waited_for_in_time_and_leaves_nothing_open() {
        let options = ClientOptions { timeout_ms: 10_000, ..ClientOptions::default() };
        let mut attempts = Attempts::new(&options, Effect::Write("id-1"), 1);
        let exceeded = |wait_s| {
            let mut details = ErrorDetails::with_error_info(reason::QUOTA_EXCEEDED, "conclave", []);
            details.set_retry_info(Some(Duration::from_secs(wait_s)));
            let status = Status::with_error_details(Code::ResourceExhausted, "too many", details);
            ClientError::from_status(&status)
        };
        attempts.begin();
        assert_eq!(attempts.failed(exceeded(3)).expect("there is time"), Duration::from_secs(3));
        attempts.begin();
        let error = attempts.failed(exceeded(60)).expect_err("there is none");
        assert_eq!((error.reason(), error.message()), (reason::QUOTA_EXCEEDED, "too many"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_beyond_the_deadline_is_not_begun() {
        let options =
            ClientOptions { timeout_ms: 1_000, attempt_timeout_ms: 400, ..ClientOptions::default() };
        let mut attempts = Attempts::new(&options, Effect::Read, 1);
        assert_eq!(attempts.begin(), Duration::from_millis(400));
        tokio::time::advance(Duration::from_millis(900)).await;
        assert_eq!(attempts.begin(), Duration::from_millis(100));
        tokio::time::advance(Duration::from_millis(100)).await;
        attempts.failed(unreachable()).expect_err("no time is left");
    }
}
