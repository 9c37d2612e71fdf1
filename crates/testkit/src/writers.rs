//! Clients that commit at once, each as fast as it is answered, and keep what they were told.
//!
//! Writer 3 makes commits `3.1`, `3.2`, … of one namespace, each under one request id through all its
//! attempts, whoever makes them. Afterwards the history must hold each acknowledged commit exactly once, at
//! the version and revision that its writer was told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conclave_client::config::{
    Authorship, CommitRequest, CommitResponse, HistoryRequest, NamespaceEdits, Version,
};
use conclave_client::{Client, Code, edits, new_request_id};
use futures::TryStreamExt as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::wait;

/// A commit that was acknowledged.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// What its message says: the writer and its count, as in `3.17`.
    pub name: String,
    /// When it was begun.
    pub begun: Instant,
    /// When the answer came.
    pub answered: Instant,
    /// The version that it made.
    pub version: u64,
    /// The revision that it took.
    pub revision: u64,
}

/// Writers at work. Dropping them ends them, wherever they are.
#[derive(Debug)]
pub struct Writers {
    namespace: String,
    client: Client,
    record: Arc<Mutex<Vec<Acknowledged>>>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Writers {
    /// Lets so many writers begin. The namespace must exist.
    pub fn begin(client: &Client, namespace: &str, count: u64) -> Self {
        let stop = watch::Sender::new(false);
        let record = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for writer in 1..=count {
            let (client, namespace) = (client.clone(), namespace.to_owned());
            let (stop, record) = (stop.subscribe(), Arc::clone(&record));
            tasks.spawn(write(Writer { number: writer, client, namespace }, stop, record));
        }
        Self { namespace: namespace.into(), client: client.clone(), record, stop, tasks }
    }

    /// What has been acknowledged so far, in order of answer.
    pub fn acknowledged(&self) -> Vec<Acknowledged> {
        self.record.lock().expect("nobody panics with it").clone()
    }

    /// Waits until so many more commits have been acknowledged.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn commit_more(&self, count: usize) {
        let goal = self.acknowledged().len() + count;
        wait::until("the writers go on", async || (self.acknowledged().len() >= goal).then_some(())).await;
    }

    /// Waits for the first commit that was begun after `moment` and acknowledged; tells how long after.
    ///
    /// # Panics
    /// If that takes longer than `limit`.
    pub async fn next_after(&self, moment: Instant, limit: Duration) -> Duration {
        let look = async || {
            let record = self.acknowledged();
            let later = record.iter().filter(|it| it.begun > moment).map(|it| it.answered).min()?;
            Some(later.duration_since(moment))
        };
        wait::within(limit, "a write after the fault", look).await
    }

    /// Lets every writer finish the commit that it is at, and tells all that was acknowledged.
    ///
    /// # Panics
    /// If a commit is refused, or is not answered for too long.
    pub async fn finish(mut self) -> Vec<Acknowledged> {
        self.stop.send_replace(true);
        let ending = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.expect("every commit is acknowledged in the end");
            }
        };
        tokio::time::timeout(wait::PATIENCE * 3, ending).await.expect("the writers end");
        self.acknowledged()
    }

    /// Finishes, and holds the record against the history: every acknowledged commit is there once, as it
    /// was told, and nothing else is there.
    ///
    /// # Panics
    /// If a commit was lost, applied twice, or is not what its writer was told.
    pub async fn finish_and_check(self) -> Vec<Acknowledged> {
        let (client, namespace) = (self.client.clone(), self.namespace.clone());
        let acknowledged = self.finish().await;
        check(&acknowledged, &history(&client, &namespace).await);
        acknowledged
    }
}

/// Holds what was acknowledged against the versions of a namespace that only writers wrote.
///
/// # Panics
/// If they differ.
pub fn check(acknowledged: &[Acknowledged], versions: &[Version]) {
    let mut made = BTreeMap::new();
    for version in versions {
        let twice = made.insert(version.message.as_str(), version);
        assert!(twice.is_none(), "{} was applied twice: {version:?} and {twice:?}", version.message);
    }
    for commit in acknowledged {
        let version = made.remove(commit.name.as_str());
        let version = version.unwrap_or_else(|| panic!("an acknowledged commit was lost: {commit:?}"));
        let told = (commit.version, commit.revision);
        assert_eq!(
            (version.version, version.revision),
            told,
            "{} is not what its writer was told",
            commit.name
        );
    }
    assert!(made.is_empty(), "nobody was told of these commits: {made:?}");
}

/// All versions of a namespace, the newest first.
///
/// # Panics
/// If it cannot be read.
pub async fn history(client: &Client, namespace: &str) -> Vec<Version> {
    let request = HistoryRequest { namespace: namespace.into(), page_size: 1_000, ..Default::default() };
    client.history_stream(request).try_collect().await.expect("the history can be read")
}

struct Writer {
    number: u64,
    client: Client,
    namespace: String,
}

async fn write(writer: Writer, stop: watch::Receiver<bool>, record: Arc<Mutex<Vec<Acknowledged>>>) {
    for count in 1_u64.. {
        if *stop.borrow() {
            return;
        }
        let name = format!("{}.{count}", writer.number);
        let begun = Instant::now();
        let answer = writer.commit(&name, count).await;
        let version = answer.versions.first().expect("one namespace, one version").version;
        let revision = answer.revision;
        let acknowledged = Acknowledged { name, begun, answered: Instant::now(), version, revision };
        record.lock().expect("nobody panics with it").push(acknowledged);
    }
}

impl Writer {
    /// Commits, and goes on under the same id until it is known what became of it.
    async fn commit(&self, name: &str, count: u64) -> CommitResponse {
        let request_id = new_request_id();
        let deadline = Instant::now() + wait::PATIENCE * 2;
        loop {
            let error = match self.client.commit(self.request(name, count, &request_id)).await {
                Ok(answer) => return answer,
                Err(error) => error,
            };
            assert!(passes(error.code()), "commit {name} was refused: {error} ({})", error.reason());
            assert!(
                Instant::now() < deadline,
                "commit {name} was not answered: {error} ({})",
                error.reason()
            );
        }
    }

    fn request(&self, name: &str, count: u64, request_id: &str) -> CommitRequest {
        CommitRequest {
            namespaces: vec![NamespaceEdits {
                namespace: self.namespace.clone(),
                edits: vec![edits::put(format!("writer.{}", self.number), count.to_string())],
                ..Default::default()
            }],
            authorship: Some(Authorship {
                request_id: request_id.into(),
                author: format!("writer {}", self.number),
                message: name.into(),
            }),
            ..CommitRequest::default()
        }
    }
}

/// Whether a failure is of the moment.
fn passes(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(name: &str, version: u64) -> Acknowledged {
        let now = Instant::now();
        Acknowledged { name: name.into(), begun: now, answered: now, version, revision: version + 5 }
    }

    fn version(name: &str, version: u64) -> Version {
        Version { message: name.into(), version, revision: version + 5, ..Default::default() }
    }

    #[test]
    fn a_true_record_passes() {
        check(&[commit("1.1", 1), commit("2.1", 2)], &[version("2.1", 2), version("1.1", 1)]);
    }

    #[test]
    #[should_panic(expected = "an acknowledged commit was lost")]
    fn a_lost_commit_is_noticed() {
        check(&[commit("1.1", 1), commit("2.1", 2)], &[version("1.1", 1)]);
    }

    #[test]
    #[should_panic(expected = "1.1 was applied twice")]
    fn a_commit_that_was_applied_twice_is_noticed() {
        check(&[commit("1.1", 1)], &[version("1.1", 2), version("1.1", 1)]);
    }

    #[test]
    #[should_panic(expected = "is not what its writer was told")]
    fn another_answer_than_the_history_is_noticed() {
        check(&[commit("1.1", 1)], &[version("1.1", 2)]);
    }

    #[test]
    #[should_panic(expected = "nobody was told of these commits")]
    fn a_made_up_commit_is_noticed() {
        check(&[], &[version("1.1", 1)]);
    }
}
