//! Clients of etcd: plain keys, read, written and compared.

use std::collections::BTreeMap;

use conclave_checker::kv::{Answer, Call, Compare};
use conclave_checker::{History, Pending, Recorder};
use tonic::Status;

use super::kv_calls::ask;
use super::{Client, was_not_sent};
use crate::site::EPOCH;

/// What was asked and told about plain keys.
pub(crate) type KvHistory = History<Call, Answer>;
pub(crate) type KvRecorder = Recorder<Call, Answer>;

/// So many keys are worked with at a time.
const KEYS: u64 = 4;

/// Works on a few keys, until the run is over.
pub(crate) async fn work(mut client: Client, recorder: KvRecorder) {
    let mut seen = BTreeMap::new();
    for number in 0_u64.. {
        client.pause(1..=60).await;
        if client.site.is_over() {
            return;
        }
        let call = draw(&mut client, number, &seen);
        let node = client.any_node();
        let pending = recorder.call(client.id, call.clone());
        let answered = client.in_time(ask(node, &call)).await;
        note(pending, answered, &call, &mut seen);
    }
}

/// The next call: on some key, with a value that nobody else writes.
fn draw(client: &mut Client, number: u64, seen: &BTreeMap<String, u64>) -> Call {
    let epoch = client.site.epoch(EPOCH);
    let key = format!("k{epoch:05}-{}", client.dice.within(1..=KEYS));
    let value = format!("{}-{number}", client.id);
    let known = seen.get(&key).copied().unwrap_or(0);
    match client.dice.within(1..=100) {
        1..=45 => Call::get(key),
        46..=70 => Call::put(key, value),
        71..=78 => Call::delete(key),
        _ => Call::put_if(key, Compare::ModRevision(known), value),
    }
}

/// An error leaves open what was done, unless the call was never sent.
fn note(
    pending: Pending<Call, Answer>,
    answered: Result<Answer, Option<Box<Status>>>,
    call: &Call,
    seen: &mut BTreeMap<String, u64>,
) {
    match answered {
        Ok(answer) => {
            seen.insert(call.key().to_owned(), mod_revision(&answer));
            pending.answered(answer);
        }
        Err(Some(status)) if was_not_sent(&status) => pending.not_done(),
        Err(_) => pending.unknown(),
    }
}

/// When the key was written last, as of an answer; 0: it is not there.
fn mod_revision(answer: &Answer) -> u64 {
    match answer {
        Answer::Found { entry, .. } | Answer::Refused { entry, .. } => {
            entry.as_ref().map_or(0, |entry| entry.mod_revision)
        }
        Answer::Written { revision } => *revision,
        Answer::NothingThere { .. } => 0,
    }
}
