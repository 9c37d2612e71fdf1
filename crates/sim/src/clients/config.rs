//! Teams that publish configuration: commits with and without an expected version, rollbacks, reads.
//!
//! Each change has a request id, with which it is tried again, elsewhere too, until somebody tells what became of it.

use conclave_checker::Recorder;
use conclave_checker::config::{Answer, Call};
use conclave_proto::config::v1 as wire;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use wire::config_service_client::ConfigServiceClient;

use super::Client;
use crate::net::Channel;

const NAMESPACES: u64 = 2;
/// The one item of a namespace: its value is the content.
const ITEM: &str = "all";
/// So often a change is sent before it stays in doubt.
const ATTEMPTS: u32 = 8;

/// Publishes, until the host ends.
pub(crate) async fn work(mut client: Client, recorder: Recorder<Call, Answer>) {
    let mut known = Vec::new();
    for number in 0_u64.. {
        client.pause(1..=400).await;
        let call = draw(&mut client, number, &known);
        let pending = recorder.call(client.id, call.clone());
        let request_id = format!("{}-{number}", client.id);
        match decided(&mut client, &call, &request_id).await {
            Some(answer) => {
                known.extend(newest(&call, &answer));
                pending.answered(answer);
            }
            None => pending.unknown(),
        }
    }
}

/// The newest version that an answer tells of, with its namespace.
fn newest(call: &Call, answer: &Answer) -> Option<(String, u64)> {
    let version = match answer {
        Answer::Committed { version } | Answer::Refused { newest: version } => *version,
        Answer::Found { version, .. } => *version,
        Answer::NoSuchVersion { newest } => *newest,
        Answer::NoNamespace => return None,
    };
    Some((call.namespace().to_owned(), version))
}

fn draw(client: &mut Client, number: u64, known: &[(String, u64)]) -> Call {
    let namespace = format!("team/n{}", client.dice.within(1..=NAMESPACES));
    let seen = known.iter().rev().find(|(of, _)| *of == namespace).map_or(0, |(_, version)| *version);
    let expected = client.dice.happens(40).then_some(seen);
    match client.dice.within(1..=100) {
        1..=45 => Call::Commit { namespace, expected, content: format!("{}-{number}", client.id) },
        46..=60 if seen > 1 => Call::Rollback { namespace, expected, to: client.dice.within(1..=seen) },
        61..=75 if seen > 0 => Call::Get { namespace, version: Some(client.dice.within(1..=seen + 1)) },
        _ => Call::Get { namespace, version: None },
    }
}

/// What became of a call, however often it had to be asked. None: nobody told.
async fn decided(client: &mut Client, call: &Call, request_id: &str) -> Option<Answer> {
    for _ in 0..ATTEMPTS {
        let node = client.any_node();
        match client.in_time(ask(node, call, request_id)).await {
            Ok(answer) => return Some(answer),
            Err(status) => match rejection(&status) {
                Some(answer) => return Some(answer),
                None => client.pause(10..=600).await,
            },
        }
    }
    None
}

async fn ask(node: Channel, call: &Call, request_id: &str) -> Result<Answer, Status> {
    let mut config = ConfigServiceClient::new(node);
    let authorship = Some(wire::Authorship {
        request_id: request_id.to_owned(),
        author: "sim".into(),
        message: String::new(),
    });
    match call.clone() {
        Call::Commit { namespace, expected, content } => {
            let put = wire::PutItem { value: content.into(), ..Default::default() };
            let edit = wire::Edit {
                key: ITEM.into(),
                action: Some(wire::edit::Action::Put(put)),
                ..Default::default()
            };
            let edits = wire::NamespaceEdits {
                namespace,
                edits: vec![edit],
                expected_version: expected,
                create_if_missing: true,
            };
            let request = wire::CommitRequest { namespaces: vec![edits], authorship, ..Default::default() };
            let done = config.commit(request).await?.into_inner();
            let version = done.versions.first().map_or(0, |committed| committed.version);
            Ok(Answer::Committed { version })
        }
        Call::Rollback { namespace, expected, to } => {
            let request = wire::RollbackRequest {
                namespace,
                to_version: to,
                expected_version: expected,
                authorship,
                ..Default::default()
            };
            let done = config.rollback(request).await?.into_inner();
            Ok(Answer::Committed { version: done.committed.map_or(0, |committed| committed.version) })
        }
        Call::Get { namespace, version } => {
            let at = version.map(|version| wire::At { moment: Some(wire::at::Moment::Version(version)) });
            let request = wire::GetRequest { namespace, key: ITEM.into(), at, ..Default::default() };
            let found = config.get(request).await?.into_inner();
            let value = found.item.map(|item| item.value).unwrap_or_default();
            let content = String::from_utf8_lossy(&value).into_owned();
            Ok(Answer::Found { version: found.version, content })
        }
    }
}

/// What the store itself says no with; none if the attempt came to nothing that is known.
fn rejection(status: &Status) -> Option<Answer> {
    let told = status.get_details_error_info()?;
    let number = |name: &str| told.metadata.get(name).and_then(|number| number.parse().ok()).unwrap_or(0);
    match (status.code(), told.reason.as_str()) {
        (Code::FailedPrecondition, "version-mismatch") => Some(Answer::Refused { newest: number("found") }),
        (Code::NotFound, "version-not-found") => Some(Answer::NoSuchVersion { newest: number("newest") }),
        (Code::NotFound, "namespace-not-found") => Some(Answer::NoNamespace),
        _ => None,
    }
}
