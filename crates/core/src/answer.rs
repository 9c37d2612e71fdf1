//! What a command led to: the same on every node.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::auth::AuthOutcome;
use crate::cluster::ClusterOutcome;
use crate::config::ConfigOutcome;
use crate::encoding::{DecodeError, decode, encode};
use crate::kv::KvOutcome;
use crate::lease::LeaseOutcome;
use crate::lock::LockOutcome;
use crate::rejection::Rejection;

const FORMAT: u8 = 1;

/// What a command led to, or why it was refused.
pub type Answer = Result<Outcome, Rejection>;

/// What a command led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Of a command to the configuration.
    Config(ConfigOutcome),
    /// Of a command about the cluster's nodes.
    Cluster(ClusterOutcome),
    /// Of a command about leases.
    Lease(LeaseOutcome),
    /// Of a command about locks.
    Lock(LockOutcome),
    /// Of a command about plain keys.
    Kv(KvOutcome),
    /// Of a command about users and roles.
    Auth(AuthOutcome),
}

/// An answer as bytes.
pub fn encode_answer(answer: &Answer) -> Bytes {
    encode(FORMAT, answer)
}

/// The answer that was encoded.
///
/// # Errors
/// If the bytes are none, damaged, or of a newer format.
pub fn decode_answer(bytes: &[u8]) -> Result<Answer, DecodeError> {
    decode(FORMAT, bytes)
}

#[cfg(test)]
mod tests {
    use conclave_mvcc::Revision;

    use super::*;
    use crate::config::{Committed, CommittedVersion, NamespaceInfo, Quota, Retention, Usage};
    use crate::names::NamespaceName;
    use crate::rejection::QuotaKind;
    use crate::version::Version;

    #[track_caller]
    fn assert_golden(answer: &Answer, golden: &[u8]) {
        let encoded = encode_answer(answer);
        assert_eq!(encoded.escape_ascii().to_string(), golden.escape_ascii().to_string());
        assert_eq!(decode_answer(&encoded).as_ref(), Ok(answer));
    }

    #[test]
    fn golden_outcomes() {
        let namespace = NamespaceName::parse("a/b").unwrap();
        let created = NamespaceInfo {
            name: namespace.clone(),
            version: Version::ZERO,
            revision: Revision::new(300),
            time_ms: 1_000,
            description: "what for".into(),
            owner: "team".into(),
            labels: [("l".into(), "m".into())].into(),
            retention: Retention { versions: Some(5), days: None },
            quota: Quota { items_max: None, size_bytes_max: Some(6), versions_per_minute_max: None },
            usage: Usage { items: 1, size_bytes: 2 },
            oldest_version: Version::new(3),
        };
        assert_golden(
            &Ok(Outcome::Config(ConfigOutcome::Created(created))),
            b"\x01\x00\x00\x00\x03a/b\x00\xac\x02\xd0\x0f\x08what for\x04team\x01\x01l\x01m\
              \x01\x05\x00\x00\x01\x06\x00\x01\x02\x03",
        );
        let version =
            CommittedVersion { namespace, version: Version::new(5), added: 1, changed: 2, deleted: 300 };
        let committed = Committed { versions: vec![version], revision: Revision::new(7), time_ms: 1_000 };
        assert_golden(
            &Ok(Outcome::Config(ConfigOutcome::Committed(committed))),
            b"\x01\x00\x00\x01\x01\x03a/b\x05\x01\x02\xac\x02\x07\xd0\x0f",
        );
    }

    #[test]
    fn golden_rejections() {
        let namespace = || "a".to_owned();
        let key = || "k".to_owned();
        let tag = || "t".to_owned();
        let golden: [(Rejection, &[u8]); 18] = [
            (Rejection::NamespaceNotFound { namespace: namespace() }, b"\x01\x01\x00\x01a"),
            (Rejection::NamespaceExists { namespace: namespace() }, b"\x01\x01\x01\x01a"),
            (Rejection::KeyNotFound { namespace: namespace(), key: key() }, b"\x01\x01\x02\x01a\x01k"),
            (
                Rejection::VersionNotFound { namespace: namespace(), version: 9, newest: 3 },
                b"\x01\x01\x03\x01a\x09\x03",
            ),
            (Rejection::RevisionNotFound { revision: 9, newest: 3 }, b"\x01\x01\x04\x09\x03"),
            (
                Rejection::VersionMismatch { namespace: namespace(), expected: 2, found: 3 },
                b"\x01\x01\x05\x01a\x02\x03",
            ),
            (
                Rejection::ItemRevisionMismatch { namespace: namespace(), key: key(), expected: 2, found: 3 },
                b"\x01\x01\x06\x01a\x01k\x02\x03",
            ),
            (Rejection::RequestIdReused { request_id: "r".into() }, b"\x01\x01\x07\x01r"),
            (
                Rejection::VersionDropped { namespace: namespace(), version: 2, oldest: 3 },
                b"\x01\x01\x08\x01a\x02\x03",
            ),
            (
                Rejection::RevisionDropped { namespace: namespace(), revision: 2, oldest: 3 },
                b"\x01\x01\x09\x01a\x02\x03",
            ),
            (
                Rejection::NoVersionThen { namespace: namespace(), time_ms: -1, oldest_ms: 3, dropped: true },
                b"\x01\x01\x0a\x01a\x01\x06\x01",
            ),
            (Rejection::TagNotFound { namespace: namespace(), tag: tag() }, b"\x01\x01\x0b\x01a\x01t"),
            (
                Rejection::TagExists { namespace: namespace(), tag: tag(), version: 2 },
                b"\x01\x01\x0c\x01a\x01t\x02",
            ),
            (Rejection::SnapshotNotFound { snapshot: "s".into() }, b"\x01\x01\x0d\x01s"),
            (Rejection::SnapshotExists { snapshot: "s".into() }, b"\x01\x01\x0e\x01s"),
            (
                Rejection::NotInSnapshot { snapshot: "s".into(), namespace: namespace() },
                b"\x01\x01\x0f\x01s\x01a",
            ),
            (
                Rejection::QuotaExceeded {
                    namespace: namespace(),
                    quota: QuotaKind::VersionsPerMinute,
                    used: 3,
                    allowed: 2,
                    retry_after_ms: 300,
                },
                b"\x01\x01\x10\x01a\x02\x03\x02\xac\x02",
            ),
            (
                Rejection::ChangeTooLarge { items: 1, items_max: 2, size_bytes: 300, size_bytes_max: 4 },
                b"\x01\x01\x11\x01\x02\xac\x02\x04",
            ),
        ];
        for (rejection, bytes) in golden {
            assert_golden(&Err(rejection), bytes);
        }
    }

    #[test]
    fn golden_quotas() {
        let kinds = [
            QuotaKind::Items,
            QuotaKind::SizeBytes,
            QuotaKind::VersionsPerMinute,
            QuotaKind::Namespaces,
            QuotaKind::Tags,
            QuotaKind::Snapshots,
        ];
        for (number, quota) in (0..).zip(kinds) {
            let namespace = String::new();
            let rejection =
                Rejection::QuotaExceeded { namespace, quota, used: 3, allowed: 2, retry_after_ms: 0 };
            assert_golden(&Err(rejection), &[1, 1, 0x10, 0, number, 3, 2, 0]);
        }
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        assert_eq!(decode_answer(b""), Err(DecodeError::Empty));
        assert_eq!(decode_answer(b"\x02\x01\x00\x01a"), Err(DecodeError::Format { found: 2, known: 1 }));
        assert!(decode_answer(b"\x01\x01\x00\x01").is_err());
        assert!(decode_answer(b"\x01\x01\x08").is_err());
        assert!(decode_answer(b"\x01\x01\x00\x01a!").is_err());
    }
}
