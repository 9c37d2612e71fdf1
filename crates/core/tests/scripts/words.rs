//! How commands are written.
//!
//! | command | meaning |
//! |---|---|
//! | `create NAME [for:TEXT]` | creates a namespace with a description |
//! | `delete NAME [at:VERSION]` | deletes it, if it is at that version |
//! | `commit NAME [at:VERSION] [or-create] EDIT... [+ NAME ...]` | edits items of one or several |
//! | `rollback NAME VERSION [at:VERSION]` | restores a version |
//! | `preview` and one of these | only tries it |
//! | `update NAME [for:] [owner:] [label:N=V] [keep-versions:] [keep-days:] [max-items:] [max-bytes:] [max-a-minute:]` | settings |
//! | `defaults set [keep-…] [max-…] [max-namespaces:]` | what holds for those that do not say |
//! | `tag NAME TAG [version:N] [move]`, `untag NAME TAG` | names a version |
//! | `snapshot create|delete|rollback SNAPSHOT [NAME ...]` | names a revision |
//! | `collect NAME` | one step of collection |
//! | `open SESSION [ttl:MS] [owner:] [metadata:]`, `close SESSION` | a session begins, ends |
//! | `expire TERM SESSION...`, `checkpoint TERM SESSION[=MS]...` | sessions were not renewed; what is left of them |
//! | `acquire LOCK SESSION [shared] [permits:N/CAPACITY] [wait:MS] [owner:] [metadata:] [request:ID] [call:N]` | asks for a lock |
//! | `release LOCK SESSION [token:N] [ticket:N]`, `abandon LOCK SESSION TICKET call:N [unanswered]` | gives it back, or up |
//! | `force LOCK [token:N]` | takes it from who holds it |
//! | `proclaim LOCK SESSION TOKEN TEXT` | changes what is told of a holder |
//! | `user add USER [no-password]`, `user delete|password USER`, `user grant|revoke USER ROLE` | users |
//! | `role add|delete ROLE`, `role grant ROLE read|write|both KEY [END]`, `role revoke ROLE KEY [END]` | roles; `..` is the byte 0, `''` no name |
//! | `auth enable|disable` | whether callers are asked who they are |
//! | `put KEY VALUE [lease:SESSION]`, `erase KEY [END]`, `compact REVISION` | plain keys; an item of the configuration is no such |
//! | `other` | an entry of the log's own |
//! | `get NAME KEY [version:N] [revision:N] [with-tag:T] [by-time:MS] [in-snapshot:S]` | one item |
//! | `list NAME [prefix:P] [after:KEY] [max:N] [keys-only] [version:N] [revision:N]` | items |
//! | `defaults`, `tags NAME`, `snapshots`, `held SNAPSHOT`, `due` | what there is |
//! | `item NAME KEY [before:REVISION] [max:N]`, `search TEXT [prefix:P] [revision:N] [ignore-case]` | one item's history, and items that contain a text |
//! | `namespaces [prefix:P] [after:NAME] [max:N] [revision:N]` | namespaces |
//! | `history NAME [before:VERSION] [max:N] [changes:N]` | versions |
//! | `diff NAME FROM TO [prefix:P] [after:KEY] [max:N]` | what differs |
//! | `sessions`, `lock LOCK`, `locks [prefix:P] [after:LOCK] [max:N]` | who is there, who holds and waits |
//! | `auth`, `users`, `user USER`, `roles`, `role ROLE` | who may do what |
//! | `standing LOCK SESSION TICKET`, `check LOCK TOKEN` | how a ticket stands, who holds with a token |
//! | `watch NAME from:REVISION [prefix:P]` | what a watcher is told |
//!
//! An edit is `KEY=VALUE` or `-KEY`, with `@REVISION` at its end if the item must be as of then. A value
//! may go on with `;CONTENT-TYPE` and `;LABEL=VALUE`. Commands that change something take `id:`, `by:`,
//! `why:` and `time:` too; each has an id of its own and comes a second after the one before, unless they
//! say otherwise; they are of term 1 unless they have `in-term:`. `as:USER` is somebody who asks, found out at the present
//! auth revision or `as-of:` another; `as:nobody` did not say who he is. A change of the configuration or of plain keys may depend
//! on locks: `if-held:LOCK@TOKEN[,LOCK@TOKEN...]`. A word with spaces stands between double quotes.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;

const OPTIONS: [&str; 45] = [
    "after",
    "as",
    "as-of",
    "at",
    "before",
    "by",
    "by-time",
    "call",
    "changes",
    "for",
    "from",
    "id",
    "if-held",
    "ignore-case",
    "in-snapshot",
    "in-term",
    "keep-days",
    "keep-versions",
    "keys-only",
    "label",
    "lease",
    "max",
    "max-a-minute",
    "max-bytes",
    "max-items",
    "max-namespaces",
    "metadata",
    "move",
    "no-password",
    "now",
    "or-create",
    "owner",
    "permits",
    "prefix",
    "request",
    "revision",
    "shared",
    "ticket",
    "time",
    "token",
    "ttl",
    "unanswered",
    "version",
    "wait",
    "with-tag",
];

/// The words of a command, or of one namespace's part of it.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) plain: Vec<String>,
    options: BTreeMap<String, String>,
}

/// The parts of a command, parted by `+`.
pub(crate) fn parse(line: &str) -> Vec<Words> {
    let mut parts = vec![Words::default()];
    for word in split(line) {
        let part = parts.last_mut().unwrap();
        let (name, value) = word.split_once(':').unwrap_or((&word, ""));
        if word == "+" {
            parts.push(Words::default());
        } else if name == "why" || OPTIONS.contains(&name) {
            part.options.insert(name.to_owned(), value.to_owned());
        } else {
            part.plain.push(word);
        }
    }
    parts
}

impl Words {
    pub(crate) fn text(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(String::as_str)
    }

    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.contains_key(option)
    }

    pub(crate) fn number<T: FromStr<Err: Debug>>(&self, option: &str) -> Option<T> {
        self.text(option).map(|text| text.parse().unwrap())
    }

    /// The plain word at this place.
    pub(crate) fn word(&self, place: usize) -> &str {
        self.plain.get(place).unwrap_or_else(|| panic!("word {place} is missing in {self:?}"))
    }
}

fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for character in line.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(character),
        }
    }
    assert!(!is_quoted, "a quote is open in {line}");
    words.retain(|word| !word.is_empty());
    words
}
