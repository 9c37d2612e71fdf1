//! The fields of one request: each is checked, and whatever breaks a rule is noted with its path, so that
//! the caller learns of all mistakes at once.

use std::fmt::Display;

use conclave_core::config::{At, Authorship};
use conclave_core::{
    FencingToken, ItemKey, LeaseId, LockName, NameError, NamespaceName, PinName, RequestId, Version,
};
use conclave_door::{Limits, Refusal, Violations};
use conclave_mvcc::Revision;
use conclave_node::Consistency;
use conclave_proto::config::v1 as wire;

/// Reads the fields of one request.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    pub(crate) limits: &'a Limits,
    violations: Violations,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, violations: Violations::default() }
    }

    /// What was read, if no field broke a rule.
    pub(crate) fn finish<T>(self, read: Option<T>) -> Result<T, Refusal> {
        match read {
            Some(read) if self.violations.is_empty() => Ok(read),
            _ => {
                assert!(!self.violations.is_empty(), "a field that was not read left a violation");
                Err(self.violations.into())
            }
        }
    }

    /// Notes that a field breaks a rule.
    pub(crate) fn refuse(&mut self, field: impl Display, what: impl Display) {
        self.violations.add(field, what);
    }

    pub(crate) fn namespace(&mut self, field: impl Display, text: &str) -> Option<NamespaceName> {
        self.name(field, NamespaceName::parse(text))
    }

    pub(crate) fn pin_name(&mut self, field: impl Display, text: &str) -> Option<PinName> {
        self.name(field, PinName::parse(text))
    }

    pub(crate) fn key(&mut self, field: impl Display, text: &str) -> Option<ItemKey> {
        self.name(field, ItemKey::parse(text, self.limits.key_size_bytes_max))
    }

    pub(crate) fn lock_name(&mut self, field: impl Display, text: &str) -> Option<LockName> {
        self.name(field, LockName::parse(text))
    }

    pub(crate) fn session(&mut self, field: impl Display, number: u64) -> Option<LeaseId> {
        let id = LeaseId::new(number);
        if id.is_none() {
            self.refuse(field, "it is 0: open a session, and give its id");
        }
        id
    }

    /// The token of a grant: there is none without.
    pub(crate) fn token(&mut self, field: impl Display, number: u64) -> Option<FencingToken> {
        if number == 0 {
            self.refuse(field, "it is 0: give the token of the grant");
            return None;
        }
        Some(FencingToken::new(number))
    }

    /// The id of a request: a new one if the caller gave none.
    pub(crate) fn request_id(&mut self, field: impl Display, text: String) -> Option<RequestId> {
        let id = if text.is_empty() { new_request_id() } else { text };
        self.name(field, RequestId::parse(&id))
    }

    fn name<T>(&mut self, field: impl Display, parsed: Result<T, NameError>) -> Option<T> {
        parsed.map_err(|error| self.refuse(field, error)).ok()
    }

    /// Checks the size of text or bytes.
    pub(crate) fn size(&mut self, field: impl Display, size_bytes: usize, size_bytes_max: usize) {
        if size_bytes > size_bytes_max {
            self.refuse(field, NameError::TooLong { size_bytes, size_bytes_max });
        }
    }

    pub(crate) fn key_prefix(&mut self, field: impl Display, text: &str) {
        self.size(field, text.len(), self.limits.key_size_bytes_max);
    }

    pub(crate) fn consistency(&mut self, number: i32) -> Consistency {
        match wire::Consistency::try_from(number) {
            Ok(wire::Consistency::Unspecified | wire::Consistency::Linearizable) => Consistency::Linearizable,
            Ok(wire::Consistency::Local) => Consistency::Local,
            Err(_) => {
                self.refuse("consistency", format_args!("{number} is none that this server knows"));
                Consistency::Linearizable
            }
        }
    }

    pub(crate) fn at(&mut self, at: Option<wire::At>) -> At {
        match at.and_then(|at| at.moment) {
            None => At::Now,
            Some(wire::at::Moment::Version(0)) => {
                self.refuse("at.version", "it is 0: versions begin at 1");
                At::Now
            }
            Some(wire::at::Moment::Revision(0)) => {
                self.refuse("at.revision", "it is 0: revisions begin at 1");
                At::Now
            }
            Some(wire::at::Moment::Tag(tag)) => self.pin_name("at.tag", &tag).map_or(At::Now, At::Tag),
            Some(wire::at::Moment::Snapshot(snapshot)) => {
                self.pin_name("at.snapshot", &snapshot).map_or(At::Now, At::Snapshot)
            }
            Some(wire::at::Moment::TimeMs(time_ms)) => At::Time(time_ms),
            Some(wire::at::Moment::Version(version)) => At::Version(Version::new(version)),
            Some(wire::at::Moment::Revision(revision)) => At::Revision(Revision::new(revision)),
        }
    }

    /// Who, why, and under which id: a new one if the caller gave none.
    pub(crate) fn authorship(
        &mut self,
        authorship: Option<wire::Authorship>,
    ) -> Option<(RequestId, Authorship)> {
        let wire::Authorship { request_id, author, message } = authorship.unwrap_or_default();
        self.size("authorship.author", author.len(), self.limits.author_size_bytes_max);
        self.size("authorship.message", message.len(), self.limits.message_size_bytes_max);
        let id = self.request_id("authorship.request_id", request_id)?;
        Some((id, Authorship { author, message }))
    }
}

/// How many entries a page may have.
pub(crate) fn page_entries(asked: u32, default: usize) -> usize {
    match usize::try_from(asked) {
        Ok(0) => default,
        Ok(asked) => asked.min(Limits::PAGE_ENTRIES_MAX),
        Err(_) => Limits::PAGE_ENTRIES_MAX,
    }
}

/// An id that nobody else makes.
pub(crate) fn made_request_id() -> RequestId {
    RequestId::parse(&new_request_id()).expect("hexadecimal digits make an id")
}

/// 128 random bits as hexadecimal digits.
fn new_request_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The violations of a refusal, as `field: description`.
    pub(crate) fn told<T>(read: Result<T, Refusal>) -> Vec<String> {
        match read.err().expect("the request breaks a rule") {
            Refusal::Violations(violations) => {
                let told = violations.told().iter();
                told.map(|it| format!("{}: {}", it.field, it.description)).collect()
            }
            other => panic!("not violations: {other:?}"),
        }
    }

    fn at(moment: wire::at::Moment) -> Option<wire::At> {
        Some(wire::At { moment: Some(moment) })
    }

    #[test]
    fn moments_begin_at_one() {
        let limits = Limits::default();
        let mut fields = Fields::new(&limits);
        assert!(matches!(fields.at(None), At::Now));
        assert!(matches!(fields.at(Some(wire::At { moment: None })), At::Now));
        let version = fields.at(at(wire::at::Moment::Version(1)));
        assert!(matches!(version, At::Version(version) if version == Version::new(1)));
        fields.at(at(wire::at::Moment::Version(0)));
        fields.at(at(wire::at::Moment::Revision(0)));
        assert_eq!(
            told(fields.finish(Some(()))),
            ["at.version: it is 0: versions begin at 1", "at.revision: it is 0: revisions begin at 1"]
        );
    }

    #[test]
    fn only_known_consistencies_are_taken() {
        let limits = Limits::default();
        let mut fields = Fields::new(&limits);
        assert_eq!(fields.consistency(0), Consistency::Linearizable);
        assert_eq!(fields.consistency(1), Consistency::Linearizable);
        assert_eq!(fields.consistency(2), Consistency::Local);
        fields.consistency(3);
        assert_eq!(told(fields.finish(Some(()))), ["consistency: 3 is none that this server knows"]);
    }

    #[test]
    fn an_id_is_made_if_there_is_none() {
        let limits = Limits::default();
        let made = || Fields::new(&limits).authorship(None).unwrap().0;
        assert_eq!(made().as_str().len(), 32);
        assert_ne!(made(), made());
    }

    #[test]
    fn authorship_is_bounded() {
        let limits = Limits { author_size_bytes_max: 3, message_size_bytes_max: 5, ..Limits::default() };
        let authorship = |request_id: &str, author: &str, message: &str| {
            Some(wire::Authorship {
                request_id: request_id.into(),
                author: author.into(),
                message: message.into(),
            })
        };
        let mut fields = Fields::new(&limits);
        let (id, read) = fields.authorship(authorship("id-1", "ann", "first")).unwrap();
        assert_eq!((id.as_str(), read.author.as_str(), read.message.as_str()), ("id-1", "ann", "first"));
        assert!(fields.authorship(authorship(&"r".repeat(65), "anna", "second")).is_none());
        assert_eq!(
            told(fields.finish(Some(()))),
            [
                "authorship.author: it takes 4 bytes, of which 3 are allowed: shorten it",
                "authorship.message: it takes 6 bytes, of which 5 are allowed: shorten it",
                "authorship.request_id: it takes 65 bytes, of which 64 are allowed: shorten it",
            ]
        );
    }

    #[test]
    fn pages_have_a_default_and_a_bound() {
        assert_eq!(page_entries(0, 50), 50);
        assert_eq!(page_entries(7, 50), 7);
        assert_eq!(page_entries(5_000, 50), 1_000);
    }
}
