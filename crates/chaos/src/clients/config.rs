//! Teams that publish configuration by the SDK: commits with and without an expected version, rollbacks, reads.
//!
//! The SDK tries a change again under one request id, elsewhere too. What it says was not done must never show.

use std::collections::BTreeMap;
use std::time::Duration;

use conclave_checker::config::{Answer, Call};
use conclave_checker::{History, Pending, Recorder};
use conclave_client::config::{
    At, Authorship, CommitRequest, GetRequest, NamespaceEdits, RollbackRequest, at::Moment,
};
use conclave_client::{Client as Sdk, ClientError, edits, reason};

use super::Client;

/// What was asked and told about configuration.
pub(crate) type ConfigHistory = History<Call, Answer>;
pub(crate) type ConfigRecorder = Recorder<Call, Answer>;

/// So many namespaces are worked with at a time.
const NAMESPACES: u64 = 2;
/// The one item of a namespace: its value is the content.
pub(crate) const ITEM: &str = "all";
/// So many epochs a run has at most: all namespaces must go into one watch.
const EPOCHS_MAX: u32 = 100;
const EPOCH_MIN: Duration = Duration::from_secs(30);

/// The namespaces of a run, some for each epoch: a watch wants to be told at its beginning.
#[derive(Clone, Copy)]
pub(crate) struct Namespaces {
    epoch: Duration,
    epochs: u32,
}

impl Namespaces {
    /// Those of a run that takes so long.
    pub(crate) fn of(run: Duration) -> Self {
        let epoch = (run / EPOCHS_MAX).max(EPOCH_MIN);
        let epochs = u32::try_from(run.as_nanos().div_ceil(epoch.as_nanos())).unwrap_or(EPOCHS_MAX).max(1);
        Self { epoch, epochs }
    }

    /// All of them.
    pub(crate) fn all(self) -> Vec<String> {
        let epochs = 0..u64::from(self.epochs);
        epochs.flat_map(|epoch| (1..=NAMESPACES).map(move |number| name(epoch, number))).collect()
    }

    fn draw(self, client: &mut Client) -> String {
        let epoch = client.site.epoch(self.epoch).min(u64::from(self.epochs) - 1);
        name(epoch, client.dice.within(1..=NAMESPACES))
    }
}

fn name(epoch: u64, number: u64) -> String {
    format!("team/e{epoch}-n{number}")
}

/// Makes the first version of each namespace, before anything breaks.
pub(crate) async fn begin(client: Client, recorder: ConfigRecorder, namespaces: Namespaces) {
    let sdk = client.sdk();
    for namespace in namespaces.all() {
        let call = Call::Commit { content: format!("first of {namespace}"), namespace, expected: None };
        let pending = recorder.call(client.id, call.clone());
        note(pending, ask(&sdk, &call).await);
    }
}

/// Publishes, until the run is over.
pub(crate) async fn work(mut client: Client, recorder: ConfigRecorder, namespaces: Namespaces) {
    let (mut sdk, mut known) = (client.sdk(), BTreeMap::new());
    for number in 0_u64.. {
        client.pause(1..=150).await;
        if client.site.is_over() {
            return;
        }
        if client.dice.happens(10) {
            sdk = client.sdk();
        }
        let call = draw(&mut client, namespaces, number, &known);
        let pending = recorder.call(client.id, call.clone());
        let newest = note(pending, ask(&sdk, &call).await);
        known.extend(newest.map(|version| (call.namespace().to_owned(), version)));
    }
}

fn draw(client: &mut Client, namespaces: Namespaces, number: u64, known: &BTreeMap<String, u64>) -> Call {
    let namespace = namespaces.draw(client);
    let seen = known.get(&namespace).copied().unwrap_or(0);
    let expected = client.dice.happens(40).then_some(seen);
    match client.dice.within(1..=100) {
        1..=50 => Call::Commit { namespace, expected, content: format!("{}-{number}", client.id) },
        51..=65 if seen > 1 => Call::Rollback { namespace, expected, to: client.dice.within(1..=seen) },
        66..=75 if seen > 0 => Call::Get { namespace, version: Some(client.dice.within(1..=seen + 1)) },
        _ => Call::Get { namespace, version: None },
    }
}

/// Makes a call.
pub(crate) async fn ask(sdk: &Sdk, call: &Call) -> Result<Answer, ClientError> {
    match call.clone() {
        Call::Commit { namespace, expected, content } => {
            let authorship = Some(Authorship { message: content.clone(), ..Default::default() });
            let edits = NamespaceEdits {
                namespace,
                edits: vec![edits::put(ITEM, content)],
                expected_version: expected,
                create_if_missing: true,
            };
            let request = CommitRequest { namespaces: vec![edits], authorship, ..Default::default() };
            let done = sdk.commit(request).await?;
            Ok(Answer::Committed { version: done.versions.first().map_or(0, |made| made.version) })
        }
        Call::Rollback { namespace, expected, to } => {
            let request = RollbackRequest {
                namespace,
                to_version: to,
                expected_version: expected,
                ..Default::default()
            };
            let done = sdk.rollback(request).await?;
            Ok(Answer::Committed { version: done.committed.map_or(0, |made| made.version) })
        }
        Call::Get { namespace, version } => {
            let at = version.map(|version| At { moment: Some(Moment::Version(version)) });
            let found = sdk.get(GetRequest { namespace, key: ITEM.into(), at, ..Default::default() }).await?;
            let value = found.item.map(|item| item.value).unwrap_or_default();
            let content = String::from_utf8_lossy(&value).into_owned();
            Ok(Answer::Found { version: found.version, content })
        }
    }
}

/// Notes what became of a call; gives the newest version that is known now.
fn note(pending: Pending<Call, Answer>, told: Result<Answer, ClientError>) -> Option<u64> {
    let refused = |error: &ClientError| rejection(error);
    match told.or_else(|error| refused(&error).ok_or(error)) {
        Ok(answer) => {
            let newest = newest(&answer);
            pending.answered(answer);
            newest
        }
        Err(error) if error.is_outcome_unknown() => {
            pending.unknown();
            None
        }
        Err(_) => {
            pending.not_done();
            None
        }
    }
}

fn newest(answer: &Answer) -> Option<u64> {
    match answer {
        Answer::Committed { version }
        | Answer::Refused { newest: version }
        | Answer::Found { version, .. }
        | Answer::NoSuchVersion { newest: version } => Some(*version),
        Answer::NoNamespace => None,
    }
}

/// What the store itself says no with.
fn rejection(error: &ClientError) -> Option<Answer> {
    let number = |name: &str| error.metadata().get(name).and_then(|number| number.parse().ok());
    match error.reason() {
        reason::VERSION_MISMATCH => Some(Answer::Refused { newest: number("found")? }),
        reason::VERSION_NOT_FOUND => Some(Answer::NoSuchVersion { newest: number("newest")? }),
        reason::NAMESPACE_NOT_FOUND => Some(Answer::NoNamespace),
        _ => None,
    }
}
