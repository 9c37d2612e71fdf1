//! The bytes of commands and outcomes that a log or an answer may hold: they must be read for ever.
//!
//! What makes versions is held beside [`Proposal`](crate::Proposal) and [`Answer`](crate::Answer); here is the
//! rest.

use conclave_mvcc::Revision;

use super::*;
use crate::answer::{Outcome, decode_answer, encode_answer};
use crate::command::{Command, decode_command, encode_command};
use crate::names::{NamespaceName, PinName};
use crate::version::Version;

fn namespace() -> NamespaceName {
    NamespaceName::parse("a/b").unwrap()
}

fn pin() -> PinName {
    PinName::parse("v1").unwrap()
}

fn authorship() -> Authorship {
    Authorship { author: "ann".into(), message: "why".into() }
}

/// The command's own bytes, after the format and the number of its domain.
#[track_caller]
fn assert_command(command: ConfigCommand, golden: &[u8]) {
    let command = Command::Config(command);
    let encoded = encode_command(&command);
    assert_eq!(encoded.escape_ascii().to_string(), [b"\x01\x00", golden].concat().escape_ascii().to_string());
    assert_eq!(decode_command(&encoded), Ok(command));
}

/// The outcome's own bytes, after the format, that it was done, and the number of its domain.
#[track_caller]
fn assert_outcome(outcome: ConfigOutcome, golden: &[u8]) {
    let answer = Ok(Outcome::Config(outcome));
    let encoded = encode_answer(&answer);
    assert_eq!(
        encoded.escape_ascii().to_string(),
        [b"\x01\x00\x00", golden].concat().escape_ascii().to_string()
    );
    assert_eq!(decode_answer(&encoded), Ok(answer));
}

#[test]
fn settings_and_defaults() {
    let retention = Retention { versions: Some(300), days: Some(0) };
    let quota = Quota { items_max: None, size_bytes_max: Some(5), versions_per_minute_max: Some(300) };
    let settings = SettingsChange {
        description: None,
        owner: Some("team".into()),
        labels: Some([("l".into(), "m".into())].into()),
        retention: Some(retention),
        quota: None,
    };
    assert_command(
        ConfigCommand::UpdateNamespace(UpdateNamespace {
            namespace: namespace(),
            settings,
            authorship: authorship(),
        }),
        b"\x04\x03a/b\x00\x01\x04team\x01\x01\x01l\x01m\x01\x01\xac\x02\x01\x00\x00\x03ann\x03why",
    );
    let defaults = Defaults { retention, quota, namespaces_max: Some(7) };
    assert_command(
        ConfigCommand::UpdateDefaults(UpdateDefaults { defaults, authorship: authorship() }),
        b"\x05\x01\xac\x02\x01\x00\x00\x01\x05\x01\xac\x02\x01\x07\x03ann\x03why",
    );
    assert_outcome(
        ConfigOutcome::DefaultsUpdated(defaults),
        b"\x03\x01\xac\x02\x01\x00\x00\x01\x05\x01\xac\x02\x01\x07",
    );
    let info = NamespaceInfo {
        name: namespace(),
        version: Version::new(300),
        revision: Revision::new(7),
        time_ms: 1_000,
        description: "d".into(),
        owner: String::new(),
        labels: [].into(),
        retention: Retention::default(),
        quota,
        usage: Usage { items: 1, size_bytes: 300 },
        oldest_version: Version::new(2),
    };
    assert_outcome(
        ConfigOutcome::Updated(info),
        b"\x02\x03a/b\xac\x02\x07\xd0\x0f\x01d\x00\x00\x00\x00\x00\x01\x05\x01\xac\x02\x01\xac\x02\x02",
    );
}

#[test]
fn tags() {
    let set = SetTag {
        namespace: namespace(),
        tag: pin(),
        version: Some(Version::new(300)),
        may_move: true,
        authorship: authorship(),
    };
    assert_command(ConfigCommand::SetTag(set), b"\x06\x03a/b\x02v1\x01\xac\x02\x01\x03ann\x03why");
    let delete = DeleteTag { namespace: namespace(), tag: pin(), authorship: authorship() };
    assert_command(ConfigCommand::DeleteTag(delete), b"\x07\x03a/b\x02v1\x03ann\x03why");
    let tag = TagInfo {
        name: pin(),
        version: Version::new(300),
        author: "ann".into(),
        message: "why".into(),
        time_ms: 1_000,
        revision: Revision::new(7),
    };
    assert_outcome(ConfigOutcome::Tagged(tag), b"\x04\x02v1\xac\x02\x03ann\x03why\xd0\x0f\x07");
}

#[test]
fn snapshots() {
    let create = CreateSnapshot {
        snapshot: pin(),
        namespaces: Some(vec![namespace()]),
        revision: Some(Revision::new(300)),
        authorship: authorship(),
    };
    assert_command(
        ConfigCommand::CreateSnapshot(create),
        b"\x08\x02v1\x01\x01\x03a/b\x01\xac\x02\x03ann\x03why",
    );
    let delete = DeleteSnapshot { snapshot: pin(), authorship: authorship() };
    assert_command(ConfigCommand::DeleteSnapshot(delete), b"\x09\x02v1\x03ann\x03why");
    let rollback = RollbackSnapshot { snapshot: pin(), namespaces: None, authorship: authorship() };
    assert_command(ConfigCommand::RollbackSnapshot(rollback), b"\x0a\x02v1\x00\x03ann\x03why");
    let snapshot = SnapshotInfo {
        name: pin(),
        revision: Revision::new(300),
        all_namespaces: true,
        namespaces: 2,
        author: "ann".into(),
        message: "why".into(),
        time_ms: 1_000,
    };
    assert_outcome(ConfigOutcome::Snapshot(snapshot), b"\x05\x02v1\xac\x02\x01\x02\x03ann\x03why\xd0\x0f");
    let version = CommittedVersion {
        namespace: namespace(),
        version: Version::new(5),
        added: 1,
        changed: 2,
        deleted: 3,
    };
    let restored = SnapshotRestored {
        versions: vec![version],
        changed: 1,
        unchanged: 300,
        revision: Revision::new(7),
        time_ms: 1_000,
    };
    assert_outcome(
        ConfigOutcome::SnapshotRestored(restored),
        b"\x06\x01\x03a/b\x05\x01\x02\x03\x01\xac\x02\x07\xd0\x0f",
    );
}

#[test]
fn collection() {
    assert_command(ConfigCommand::Collect(Collect { namespace: namespace() }), b"\x0b\x03a/b");
    let step = CollectStep { namespace: namespace(), rows_max: 300 };
    assert_command(ConfigCommand::CollectStep(step), b"\x0c\x03a/b\xac\x02");
    let collected = Collected { versions: 300, rows: 4, more: true };
    assert_outcome(ConfigOutcome::Collected(collected), b"\x07\xac\x02\x04\x01");
}
