//! A namespace of configuration: versions that are counted, commits that expect one, rollbacks.
//!
//! Contents are compared whole: a test that writes one item, or a digest of all items, calls that the content.
//! Versions that retention has dropped are not modelled: a history must not ask for one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::history::End;
use crate::model::Model;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// The next version, with this content.
    Commit {
        /// The namespace.
        namespace: String,
        /// The version that it must be at; 0: not there.
        expected: Option<u64>,
        /// What it is to hold.
        content: String,
    },
    /// The next version, with the content of an earlier one.
    Rollback {
        /// The namespace.
        namespace: String,
        /// The version that it must be at.
        expected: Option<u64>,
        /// The earlier one.
        to: u64,
    },
    /// A linearizable read.
    Get {
        /// The namespace.
        namespace: String,
        /// Which version; the newest if none is given.
        version: Option<u64>,
    },
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A commit or rollback was done.
    Committed {
        /// The version that it made.
        version: u64,
    },
    /// It is at another version than was expected.
    Refused {
        /// That one.
        newest: u64,
    },
    /// What a read has found.
    Found {
        /// Of which version.
        version: u64,
        /// What that holds.
        content: String,
    },
    /// There never was such a version.
    NoSuchVersion {
        /// The newest that there is.
        newest: u64,
    },
    /// There is no such namespace.
    NoNamespace,
}

impl Call {
    /// The namespace.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Commit { namespace, .. }
            | Self::Rollback { namespace, .. }
            | Self::Get { namespace, .. } => namespace,
        }
    }
}

/// The model of namespaces. None is there at first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Config;

impl Model for Config {
    type Call = Call;
    type Answer = Answer;
    type Key = String;
    type State = State;

    fn key(&self, call: &Call) -> String {
        call.namespace().to_owned()
    }

    fn initial(&self, _: &String) -> State {
        State { version: 0, digest: 0, newest: None }
    }

    fn step(&self, state: &State, call: &Call, answer: Option<&Answer>) -> Vec<State> {
        let next = match answer {
            Some(Answer::Committed { version }) => state.next(call).filter(|next| next.version == *version),
            Some(answer) => state.tells(call, answer).then(|| state.clone()),
            None => state.next(call),
        };
        next.into_iter().collect()
    }

    fn only_looks(&self, call: &Call, answer: Option<&Answer>) -> bool {
        matches!(call, Call::Get { .. }) || !matches!(answer, None | Some(Answer::Committed { .. }))
    }

    fn likely_order(&self, answer: &Answer) -> u64 {
        let (version, looks) = match answer {
            Answer::Committed { version } => (*version, 0),
            Answer::Found { version, .. } => (*version, 1),
            Answer::Refused { newest } | Answer::NoSuchVersion { newest } => (*newest, 1),
            Answer::NoNamespace => (0, 1),
        };
        version.saturating_mul(2) + looks
    }

    fn leaves<'a>(&self, call: &'a Call) -> Option<&'a str> {
        match call {
            Call::Commit { content, .. } => Some(content),
            Call::Rollback { .. } | Call::Get { .. } => None,
        }
    }

    fn shows<'a>(&self, answer: &'a Answer) -> Option<&'a str> {
        match answer {
            Answer::Found { content, .. } => Some(content),
            _ => None,
        }
    }

    fn describe(&self, call: &Call, end: &End<Answer>) -> String {
        format!("{} → {}", describe_call(call), describe_end(end))
    }

    fn describe_state(&self, state: &State) -> String {
        match &state.newest {
            Some(newest) => format!("version {} with {:?}", state.version, newest.content),
            None => "no namespace".to_owned(),
        }
    }
}

/// All versions of a namespace.
#[derive(Debug, Clone)]
pub struct State {
    version: u64,
    /// Of all contents, so that most that differ are told apart without a look at them.
    digest: u64,
    newest: Option<Arc<Version>>,
}

/// A version and those before it, which other states share.
#[derive(Debug)]
struct Version {
    content: String,
    before: Option<Arc<Version>>,
}

impl State {
    /// The state after the call was done; none if it is refused.
    fn next(&self, call: &Call) -> Option<Self> {
        let content = match call {
            Call::Commit { content, expected, .. } => self.is_at(*expected).then_some(content)?,
            Call::Rollback { to, expected, .. } => self.content_of(*to).filter(|_| self.is_at(*expected))?,
            Call::Get { .. } => return None,
        };
        let mut hasher = DefaultHasher::new();
        (self.digest, content).hash(&mut hasher);
        let version = Version { content: content.clone(), before: self.newest.clone() };
        Some(Self { version: self.version + 1, digest: hasher.finish(), newest: Some(Arc::new(version)) })
    }

    /// Whether a call that changes nothing can be told this.
    fn tells(&self, call: &Call, answer: &Answer) -> bool {
        match (call, answer) {
            (_, Answer::NoNamespace) => self.version == 0,
            (Call::Get { version, .. }, Answer::Found { version: found, content }) => {
                version.unwrap_or(self.version) == *found && self.content_of(*found) == Some(content)
            }
            (Call::Get { version: Some(version), .. }, Answer::NoSuchVersion { newest }) => {
                *newest == self.version && self.content_of(*version).is_none()
            }
            (Call::Rollback { to, expected, .. }, Answer::NoSuchVersion { newest }) => {
                *newest == self.version && self.is_at(*expected) && self.content_of(*to).is_none()
            }
            (Call::Commit { expected, .. } | Call::Rollback { expected, .. }, Answer::Refused { newest }) => {
                *newest == self.version && !self.is_at(*expected)
            }
            _ => false,
        }
    }

    fn is_at(&self, expected: Option<u64>) -> bool {
        expected.is_none_or(|expected| expected == self.version)
    }

    fn content_of(&self, version: u64) -> Option<&String> {
        let back = self.version.checked_sub(version)?;
        let mut found = self.newest.as_ref();
        for _ in 0..back {
            found = found?.before.as_ref();
        }
        found.map(|version| &version.content)
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version
            && self.digest == other.digest
            && same(self.newest.as_ref(), other.newest.as_ref())
    }
}

impl Eq for State {}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.version, self.digest).hash(hasher);
    }
}

/// Whether two lines of versions are the same, down to where they are shared.
fn same(mut one: Option<&Arc<Version>>, mut other: Option<&Arc<Version>>) -> bool {
    while let (Some(a), Some(b)) = (one, other) {
        if Arc::ptr_eq(a, b) {
            return true;
        }
        if a.content != b.content {
            return false;
        }
        (one, other) = (a.before.as_ref(), b.before.as_ref());
    }
    one.is_none() && other.is_none()
}

/// One after the other: a line of many thousand versions would overflow the stack.
impl Drop for Version {
    fn drop(&mut self) {
        let mut next = self.before.take().and_then(Arc::into_inner);
        while let Some(mut version) = next {
            next = version.before.take().and_then(Arc::into_inner);
        }
    }
}

fn describe_call(call: &Call) -> String {
    let at =
        |expected: &Option<u64>| expected.map_or_else(String::new, |version| format!(" if at {version}"));
    match call {
        Call::Commit { namespace, expected, content } => {
            format!("commit {namespace}{} {content:?}", at(expected))
        }
        Call::Rollback { namespace, expected, to } => format!("rollback {namespace}{} to {to}", at(expected)),
        Call::Get { namespace, version: Some(version) } => format!("get {namespace} at version {version}"),
        Call::Get { namespace, version: None } => format!("get {namespace}"),
    }
}

fn describe_end(end: &End<Answer>) -> String {
    match end.answer() {
        Some(Answer::Committed { version }) => format!("made version {version}"),
        Some(Answer::Refused { newest }) => format!("refused, is at {newest}"),
        Some(Answer::Found { version, content }) => format!("version {version} with {content:?}"),
        Some(Answer::NoSuchVersion { newest }) => format!("no such version, newest is {newest}"),
        Some(Answer::NoNamespace) => "no such namespace".to_owned(),
        None => end.without_answer().to_owned(),
    }
}
