//! The settings file: TOML, every key with the line it stands on.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Mistake;

/// A key of the file and what it is set to, as text.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) line: usize,
}

/// Reads a file's text: its entries, and what is wrong with it.
pub(super) fn read(name: &str, text: &str) -> (Vec<Entry>, Vec<Mistake>) {
    let mut reader = Reader { name, text, entries: Vec::new(), mistakes: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = error.span().map_or(1, |span| reader.line(span.start));
        reader.mistake(line, error.message());
    }
    if reader.mistakes.is_empty() {
        reader.table("", table.get_ref());
    }
    (reader.entries, reader.mistakes)
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    entries: Vec<Entry>,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = format!("{prefix}{}", key.get_ref());
            let line = self.line(key.span().start);
            match value.get_ref() {
                DeValue::Table(members) if name == "initial_cluster" => self.members(line, members),
                DeValue::Table(inner) => self.table(&format!("{name}."), inner),
                other => match plain(other) {
                    Some(text) => self.entries.push(Entry { key: name, text, line }),
                    None => self.mistake(line, &does_not_fit(&name, other, "text or a whole number")),
                },
            }
        }
    }

    /// The table form of `initial_cluster`, turned into the text form.
    fn members(&mut self, line: usize, members: &DeTable<'_>) {
        let mut texts = Vec::new();
        for (id, member) in members {
            let at = self.line(id.span().start);
            match member_text(member) {
                Ok(text) => texts.push(format!("{}={text}", id.get_ref())),
                Err(what) => self.mistake(at, &format!("initial_cluster.{}: {what}", id.get_ref())),
            }
        }
        self.entries.push(Entry { key: "initial_cluster".into(), text: texts.join(","), line });
    }

    fn mistake(&mut self, line: usize, what: &str) {
        self.mistakes.push(Mistake(format!("{}:{line}: {what}", self.name)));
    }

    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }
}

fn does_not_fit(name: &str, value: &DeValue<'_>, fits: &str) -> String {
    format!("{name} cannot be of type {}: write {fits}", value.type_str())
}

fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        _ => None,
    }
}

/// `"HOST:PORT"` or `{ peer = "HOST:PORT", client = "URL" }`.
fn member_text(member: &Spanned<DeValue<'_>>) -> Result<String, String> {
    let fields = match member.get_ref() {
        DeValue::String(peer) => return Ok(peer.to_string()),
        DeValue::Table(fields) => fields,
        other => return Err(does_not_fit("a member", other, "{ peer = \"HOST:PORT\" }")),
    };
    let field = |name: &str| {
        fields.iter().find(|(key, _)| key.get_ref() == name).and_then(|(_, value)| plain(value.get_ref()))
    };
    if let Some((unknown, _)) =
        fields.iter().find(|(key, _)| !["peer", "client"].contains(&key.get_ref().as_ref()))
    {
        return Err(format!("{:?} is not known: a member has peer and client", unknown.get_ref()));
    }
    let peer = field("peer").ok_or("peer is missing: write peer = \"HOST:PORT\"")?;
    Ok(field("client").map_or(peer.clone(), |client| format!("{peer}/{client}")))
}
