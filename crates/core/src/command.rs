//! Commands, and the proposals that bring them into the log.
//!
//! A proposal, format 1: `01`, request id, time, and the encoded command to the end. The command's bytes
//! stand by themselves, so that a retry is known by them whatever its time stamp is.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::auth::{AuthCommand, Caller};
use crate::cluster::ClusterCommand;
use crate::config::ConfigCommand;
use crate::encoding::{DecodeError, after_format, decode, decode_first, encode, encode_onto};
use crate::kv::KvCommand;
use crate::lease::LeaseCommand;
use crate::lock::{HeldLock, LockCommand};
use crate::names::RequestId;
use crate::nesting;

const COMMAND_FORMAT: u8 = 1;
const PROPOSAL_FORMAT: u8 = 1;
/// No command's bytes begin so.
const IDENTITY_OF_A_CALLER: u8 = 0;

/// What is to be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Something of the configuration.
    Config(ConfigCommand),
    /// Who belongs to the cluster.
    Cluster(ClusterCommand),
    /// Leases, which sessions are.
    Lease(LeaseCommand),
    /// Locks.
    Lock(LockCommand),
    /// Something of the configuration that depends on locks being held.
    Guarded(Guarded),
    /// Plain keys.
    Kv(KvCommand),
    /// Users and roles.
    Auth(AuthCommand),
    /// What somebody asks for.
    By(By),
    /// Something of plain keys that depends on locks being held.
    GuardedKeys(GuardedKeys),
}

impl Command {
    /// Whether its answer is remembered, so that a retry under the same request id gets it again. Those of plain keys
    /// are not: they may be large, and their clients know no such id.
    pub fn is_remembered(&self) -> bool {
        match self {
            Self::Kv(_) | Self::GuardedKeys(_) => false,
            Self::By(by) => by.command.is_remembered(),
            _ => true,
        }
    }

    /// Whether it takes no more room than its own entry, and may give some back: such may be done where there is hardly
    /// any left.
    pub fn frees(&self) -> bool {
        match self {
            Self::Config(command) => {
                matches!(command, ConfigCommand::Collect(_) | ConfigCommand::CollectStep(_))
            }
            Self::Lease(command) => matches!(command, LeaseCommand::Revoke(_) | LeaseCommand::Expire(_)),
            Self::Lock(command) => matches!(command, LockCommand::Release(_) | LockCommand::Abandon(_)),
            Self::Kv(command) | Self::GuardedKeys(GuardedKeys { command, .. }) => command.sets_nothing(),
            Self::By(by) => by.command.frees(),
            Self::Cluster(_) | Self::Guarded(_) | Self::Auth(_) => false,
        }
    }
}

/// A change of the configuration that is refused unless locks are held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// All of them must be.
    pub held: Vec<HeldLock>,
    /// The change.
    pub command: ConfigCommand,
}

/// A change of plain keys that is refused unless locks are held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardedKeys {
    /// All of them must be.
    pub held: Vec<HeldLock>,
    /// The change.
    pub command: KvCommand,
}

/// A command that is refused unless its caller may do it. Others are not checked: the nodes propose them themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// Who asks; none: he has not said.
    pub caller: Option<Caller>,
    /// What for.
    #[serde(deserialize_with = "nesting::deserialize")]
    pub command: Box<Command>,
}

/// What a log entry carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The same for all retries of one request; [`RequestId::unused`] where the answer is not remembered.
    pub request_id: RequestId,
    /// The leader's clock when it was proposed: milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// What is to be changed.
    pub command: Command,
}

impl Command {
    /// By what a retry is known, beside the request's id: the command's bytes, but for when it was found out whose it is.
    /// Who has logged in anew since is still the same.
    pub(crate) fn identity<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Self::By(by) = self else { return bytes.into() };
        let user = by.caller.as_ref().map(|caller| &caller.user);
        encode_onto(vec![IDENTITY_OF_A_CALLER], &(user, &by.command)).into()
    }
}

/// A command as bytes.
pub fn encode_command(command: &Command) -> Bytes {
    encode(COMMAND_FORMAT, command)
}

/// The command that was encoded.
///
/// # Errors
/// If the bytes are none, damaged, or of a newer format.
pub fn decode_command(bytes: &Bytes) -> Result<Command, DecodeError> {
    decode(COMMAND_FORMAT, bytes)
}

/// A proposal as bytes.
pub fn encode_proposal(proposal: &Proposal) -> Bytes {
    let bytes = encode_onto(vec![PROPOSAL_FORMAT], &(&proposal.request_id, proposal.time_ms));
    let mut bytes = encode_onto(with_format(bytes), &proposal.command);
    bytes.shrink_to_fit();
    bytes.into()
}

/// The proposal that was encoded.
///
/// # Errors
/// If the bytes are none, damaged, or of a newer format.
pub fn decode_proposal(bytes: &Bytes) -> Result<Proposal, DecodeError> {
    split_proposal(bytes).map(|(proposal, _)| proposal)
}

/// The proposal and the bytes of its command.
pub(crate) fn split_proposal(bytes: &[u8]) -> Result<(Proposal, &[u8]), DecodeError> {
    let ((request_id, time_ms), command_bytes) = decode_first(after_format(PROPOSAL_FORMAT, bytes)?)?;
    let command = decode(COMMAND_FORMAT, command_bytes)?;
    Ok((Proposal { request_id, time_ms, command }, command_bytes))
}

fn with_format(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(COMMAND_FORMAT);
    bytes
}

#[cfg(test)]
mod tests {
    use conclave_mvcc::Revision;
    use proptest::prelude::*;

    use super::*;
    use crate::config::{
        Action, Authorship, Commit, CreateNamespace, DeleteNamespace, Edit, ItemContent, NamespaceEdits,
        Quota, Rollback, SettingsChange,
    };
    use crate::names::{ItemKey, NamespaceName};
    use crate::version::Version;

    fn namespace() -> NamespaceName {
        NamespaceName::parse("a/b").unwrap()
    }

    fn authorship() -> Authorship {
        Authorship { author: "ann".into(), message: "why".into() }
    }

    fn edit(key: &str, expected_mod_revision: Option<u64>, action: Action) -> Edit {
        let key = ItemKey::parse(key, 512).unwrap();
        Edit { key, expected_mod_revision: expected_mod_revision.map(Revision::new), action }
    }

    fn commit() -> ConfigCommand {
        let content = ItemContent {
            value: "v".into(),
            content_type: "t/p".into(),
            labels: [("l".into(), "m".into())].into(),
        };
        let edits = vec![edit("k", Some(300), Action::Put(content)), edit("d", None, Action::Delete)];
        let namespaces = vec![NamespaceEdits {
            namespace: namespace(),
            expected_version: Some(Version::new(5)),
            create_if_missing: true,
            edits,
        }];
        ConfigCommand::Commit(Commit { namespaces, authorship: authorship() })
    }

    #[track_caller]
    fn assert_golden(command: ConfigCommand, golden: &[u8]) {
        let command = Command::Config(command);
        let encoded = encode_command(&command);
        assert_eq!(encoded.escape_ascii().to_string(), golden.escape_ascii().to_string());
        assert_eq!(decode_command(&encoded), Ok(command));
    }

    #[test]
    fn golden_commands() {
        let create = CreateNamespace {
            namespace: namespace(),
            settings: SettingsChange {
                description: Some("what for".into()),
                quota: Some(Quota { items_max: Some(300), ..Quota::default() }),
                ..SettingsChange::default()
            },
            authorship: authorship(),
        };
        assert_golden(
            ConfigCommand::CreateNamespace(create),
            b"\x01\x00\x00\x03a/b\x01\x08what for\x00\x00\x00\x01\x01\xac\x02\x00\x00\x03ann\x03why",
        );
        let delete =
            DeleteNamespace { namespace: namespace(), expected_version: None, authorship: authorship() };
        assert_golden(ConfigCommand::DeleteNamespace(delete), b"\x01\x00\x01\x03a/b\x00\x03ann\x03why");
        assert_golden(
            commit(),
            b"\x01\x00\x02\x01\x03a/b\x01\x05\x01\x02\
              \x01k\x01\xac\x02\x00\x01v\x03t/p\x01\x01l\x01m\
              \x01d\x00\x01\x03ann\x03why",
        );
        let rollback = Rollback {
            namespace: namespace(),
            to_version: Version::new(2),
            expected_version: Some(Version::new(300)),
            authorship: authorship(),
        };
        assert_golden(
            ConfigCommand::Rollback(rollback),
            b"\x01\x00\x03\x03a/b\x02\x01\xac\x02\x03ann\x03why",
        );
    }

    fn proposal() -> Proposal {
        let request_id = RequestId::parse("r-1").unwrap();
        Proposal { request_id, time_ms: 1_000, command: Command::Config(commit()) }
    }

    #[test]
    fn golden_proposal() {
        let encoded = encode_proposal(&proposal());
        let command_bytes = encode_command(&proposal().command);
        assert_eq!(encoded, [b"\x01\x03r-1\xd0\x0f".as_slice(), &command_bytes].concat());
        assert_eq!(split_proposal(&encoded), Ok((proposal(), command_bytes.as_ref())));
    }

    #[test]
    fn what_is_no_proposal_is_an_error() {
        let encoded = encode_proposal(&proposal());
        for length in 0..encoded.len() {
            assert!(decode_proposal(&encoded.slice(..length)).is_err(), "{length}");
        }
        let longer = [encoded.as_ref(), b"!"].concat();
        assert!(decode_proposal(&longer.into()).is_err());
        let newer = [b"\x02", &encoded[1..]].concat();
        assert_eq!(decode_proposal(&newer.into()), Err(DecodeError::Format { found: 2, known: 1 }));
    }

    #[test]
    fn names_are_held_to_their_rules_when_read() {
        let encoded = encode_command(&Command::Config(commit())).to_vec();
        for (place, byte) in [(5, b' '), (5, b'/'), (12, b'\n')] {
            let mut damaged = encoded.clone();
            damaged[place] = byte;
            assert!(decode_command(&damaged.into()).is_err(), "{place}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, at in 0_usize..80, byte: u8) {
            let _ = decode_proposal(&bytes.clone().into());
            let _ = decode_command(&[&[COMMAND_FORMAT], bytes.as_slice()].concat().into());
            let mut damaged = encode_proposal(&proposal()).to_vec();
            let at = at % damaged.len();
            damaged[at] = byte;
            let _ = decode_proposal(&damaged.into());
        }
    }
}
