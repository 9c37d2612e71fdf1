//! One store, and the commands of a script applied to it.

use conclave_core::auth::{self, Caller};
use conclave_core::config::{At, ItemQuery, NamespaceQuery, list_items, list_namespaces};
use conclave_core::lock::{self, LocksQuery};
use conclave_core::{
    Applied, By, Command, EntryContext, EntryKind, Proposal, RequestId, apply, digest, encode_answer,
    encode_proposal, preview,
};
use conclave_mvcc::{Batch, MemoryMap, Revision};

use crate::fuzz::Told;
use crate::words::{self, Words};
use crate::{change, locks, read, show, show_locks, users};

const STEP_MS: i64 = 1_000;

/// A store, and what the next command is stamped with.
#[derive(Default)]
pub(crate) struct Session {
    map: MemoryMap,
    time_ms: i64,
    index: u64,
    /// Every proposal so far.
    pub(crate) told: Vec<Told>,
}

impl Session {
    /// Runs one command; gives all that can be seen of it, in whole lines.
    pub(crate) fn run(&mut self, line: &str) -> String {
        if let Some(tried) = line.strip_prefix("preview ") {
            return self.preview(tried);
        }
        let parts = words::parse(line);
        match change::parse(&parts) {
            Some(command) => self.propose(&parts[0], self.by(&parts[0], command)),
            None if line == "other" => self.apply(1, EntryKind::Other),
            None => locks::read(&self.map, &parts[0])
                .or_else(|| users::read(&self.map, &parts[0]))
                .unwrap_or_else(|| read::run(&self.map, &parts[0])),
        }
    }

    fn preview(&self, line: &str) -> String {
        let parts = words::parse(line);
        let command = self.by(&parts[0], change::parse(&parts).unwrap());
        show::answer(&preview(&self.map, &command, self.time_ms + STEP_MS).unwrap())
    }

    /// The command as somebody asks for it, if the words say who.
    fn by(&self, words: &Words, command: Command) -> Command {
        let Some(user) = words.text("as") else { return command };
        let now = auth::status(&self.map).unwrap().auth_revision;
        let auth_revision = words.number("as-of").unwrap_or(now);
        let caller = (user != "nobody").then(|| Caller { user: user.to_owned(), auth_revision });
        Command::By(By { caller, command: Box::new(command) })
    }

    fn propose(&mut self, words: &Words, command: Command) -> String {
        self.time_ms = words.number("time").unwrap_or(self.time_ms + STEP_MS);
        let own_id = format!("entry-{}", self.index + 1);
        let request_id = RequestId::parse(words.text("id").unwrap_or(&own_id)).unwrap();
        let proposal = Proposal { request_id, time_ms: self.time_ms, command };
        let term = words.number("in-term").unwrap_or(1);
        self.apply(term, EntryKind::Proposal(&encode_proposal(&proposal)))
    }

    /// Proposes a command for which there are no words.
    pub(crate) fn do_command(&mut self, command: Command) {
        self.propose(&Words::default(), command);
    }

    fn apply(&mut self, term: u64, entry: EntryKind<'_>) -> String {
        self.index += 1;
        let mut batch = Batch::new(&self.map);
        let context = EntryContext { index: self.index, term };
        let Applied { answer, revised, present } = apply(&mut batch, context, entry).unwrap();
        let writes = batch.into_writes();
        if let (EntryKind::Proposal(entry), Some(answer)) = (entry, &answer) {
            let (before, entry, answer) = (self.map.clone(), entry.clone(), encode_answer(answer));
            self.told.push(Told { before, context, entry, answer });
        }
        self.map.write(&writes);
        let mut seen = answer.as_ref().map(show::answer).unwrap_or_default();
        let clocks = [("revision", revised), ("present", present)];
        let changed: Vec<_> =
            clocks.into_iter().filter_map(|(clock, revised)| Some((clock, revised?))).collect();
        for (clock, revised) in &changed {
            seen += &show::line(clock, &revised.revision.to_string());
            seen.extend(revised.events.iter().map(show::event));
            seen += &show_locks::told(revised);
        }
        if changed.is_empty() {
            seen += &show::line("revision", "none: no key changed");
        } else {
            seen += &self.state();
            seen += &self.locks();
        }
        seen + &show::line("digest", &digest(&self.map).unwrap().to_string())
    }

    /// A line for each lock that somebody has.
    fn locks(&self) -> String {
        let query = LocksQuery {
            prefix: "",
            after: None,
            locks_max: usize::MAX,
            size_bytes_max: usize::MAX,
            extent: locks::ALL,
        };
        let (page, _) = lock::list(&self.map, &query).unwrap();
        page.iter().map(show_locks::lock).collect()
    }

    /// A line for each namespace that exists.
    fn state(&self) -> String {
        let query = NamespaceQuery {
            prefix: "",
            after: None,
            at: Revision::MAX,
            namespaces_max: usize::MAX,
            size_bytes_max: usize::MAX,
        };
        let page = list_namespaces(&self.map, &query).unwrap();
        let lines = page.namespaces.iter().map(|namespace| {
            let query = ItemQuery {
                namespace: &namespace.name,
                key_prefix: "",
                after: None,
                at: At::Now,
                records_max: usize::MAX,
                size_bytes_max: usize::MAX,
                keys_only: false,
            };
            let page = list_items(&self.map, &query).unwrap().unwrap();
            let items =
                page.items.iter().map(|item| format!(" {}={}", item.key, show::content(&item.content)));
            show::line("state", &format!("{} {}:{}", namespace.name, page.version, items.collect::<String>()))
        });
        lines.collect()
    }
}
