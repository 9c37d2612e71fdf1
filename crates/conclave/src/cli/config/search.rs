//! `conclave config search`: which items contain a text.

use conclave_client::config::{Match, SearchRequest};
use serde::Serialize;

use super::consistency;
use super::views::ItemView;
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::{OutputFormat, Report};
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::cli::text;

/// How much of a value a table shows, and how much of that stands before what was found.
const VALUE_CHARS_MAX: usize = 60;
const BEFORE_CHARS_MAX: usize = 20;

/// Find items by what their keys or values contain
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config search db-1.internal
  conclave config search pool --keys --namespace payments/
  conclave config search -i timeout --limit 1000 --output json | jq -r '.matches[].namespace'")]
pub(in crate::cli) struct SearchArgs {
    /// The text, 1 to 256 bytes, as it stands in the key or value
    text: String,
    /// Only namespaces whose names begin with this
    #[arg(long, value_name = "NAME_PREFIX", default_value_t, hide_default_value = true)]
    namespace: String,
    /// Search the keys; without this and --values, both
    #[arg(long)]
    keys: bool,
    /// Search the values; without this and --keys, both
    #[arg(long)]
    values: bool,
    /// Take ASCII letters of either case for the same
    #[arg(long, short)]
    ignore_case: bool,
    /// At most so many matches
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Read what the node has, without asking the leader: fast, perhaps stale
    #[arg(long)]
    local: bool,
}

impl SearchArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let (found, more) = self.found(session).await?;
        let empty = found.is_empty().then(|| format!("no item contains {:?}", self.text));
        let matches = found.into_iter().map(MatchView::from).collect();
        let report = SearchReport { text: self.text, ignore_case: self.ignore_case, matches, more };
        session.output.show_or_note(&report, empty)?;
        if more && session.output.format() == OutputFormat::Table {
            session.output.note(&format!("there may be more: --limit {}", u64::from(self.limit) * 10));
        }
        Ok(())
    }

    /// The matches, and whether there may be more.
    async fn found(&self, session: &Session) -> Result<(Vec<Match>, bool), Failure> {
        let mut request = SearchRequest {
            text: self.text.clone(),
            namespace_prefix: self.namespace.clone(),
            in_keys: self.keys,
            in_values: self.values,
            ignore_case: self.ignore_case,
            page_size: self.limit.min(1_000),
            consistency: consistency(self.local),
            ..SearchRequest::default()
        };
        let limit = self.limit as usize;
        let progress = Progress::endless("searching, page");
        let mut found = Vec::new();
        loop {
            let page = session.client.search(request.clone()).await?;
            progress.step();
            found.extend(page.matches);
            let more = !page.next_page_token.is_empty();
            if !more || found.len() >= limit {
                let more = more || found.len() > limit;
                found.truncate(limit);
                return Ok((found, more));
            }
            request.page_token = page.next_page_token;
        }
    }
}

/// An item that contains the text.
#[derive(Debug, Serialize)]
struct MatchView {
    namespace: String,
    key_matches: bool,
    value_matches: bool,
    /// The value is too long to be sent along.
    value_omitted: bool,
    item: ItemView,
}

impl From<Match> for MatchView {
    fn from(found: Match) -> Self {
        let Match { namespace, item, key_matches, value_matches, value_omitted } = found;
        Self {
            namespace,
            key_matches,
            value_matches,
            value_omitted,
            item: ItemView(item.unwrap_or_default()),
        }
    }
}

#[derive(Debug, Serialize)]
struct SearchReport {
    text: String,
    ignore_case: bool,
    matches: Vec<MatchView>,
    /// There may be more than these.
    more: bool,
}

impl Report for SearchReport {
    fn text(&self, paint: Paint) -> String {
        let mut columns = Columns::new(&["NAMESPACE", "KEY", "VALUE"], paint);
        for found in &self.matches {
            columns.row([
                text::one_line(&found.namespace, usize::MAX),
                text::one_line(&found.item.0.key, usize::MAX),
                self.value(found),
            ]);
        }
        columns.into_text()
    }
}

impl SearchReport {
    /// The value, from a little before what was found in it.
    fn value(&self, found: &MatchView) -> String {
        let value = &found.item.0.value;
        let Ok(value) = std::str::from_utf8(value) else { return text::binary(value) };
        if found.value_omitted {
            return "(long)".into();
        }
        let at = if found.value_matches { self.place(value) } else { 0 };
        let before = value[..at].char_indices().rev().take(BEFORE_CHARS_MAX).last();
        let start = before.map_or(at, |(start, _)| start);
        let start = if value.chars().count() <= VALUE_CHARS_MAX { 0 } else { start };
        let dots = if start > 0 { "…" } else { "" };
        format!("{dots}{}", text::one_line(&value[start..], VALUE_CHARS_MAX))
    }

    fn place(&self, value: &str) -> usize {
        let found = if self.ignore_case {
            // Letters of either case take the same place in bytes, in ASCII.
            value.to_ascii_lowercase().find(&self.text.to_ascii_lowercase())
        } else {
            value.find(&self.text)
        };
        found.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::views::samples::item;
    use super::*;

    fn report(text: &str, ignore_case: bool, values: &[&str]) -> SearchReport {
        let found = |value: &&str| {
            let item = Some(item("k", value));
            Match { namespace: "ns".into(), item, value_matches: true, ..Match::default() }.into()
        };
        SearchReport {
            text: text.into(),
            ignore_case,
            matches: values.iter().map(found).collect(),
            more: false,
        }
    }

    #[test]
    fn a_long_value_is_shown_where_it_matches() {
        let long = format!("{}größe DB-1 {}", "é".repeat(100), "b".repeat(100));
        let report = report("db-1", true, &["db-1", &long]);
        let expected = format!(
            "NAMESPACE  KEY  VALUE\nns         k    db-1\nns         k    …{}größe DB-1 {}…\n",
            "é".repeat(14),
            "b".repeat(35),
        );
        assert_eq!(report.text(Paint::PLAIN), expected);
    }

    #[test]
    fn a_value_that_was_left_out_is_no_empty_one() {
        let mut report = report("x", false, &[""]);
        report.matches[0].value_omitted = true;
        assert!(report.text(Paint::PLAIN).ends_with("(long)\n"));
        report.matches[0] = MatchView::from(Match {
            item: Some(item("k", [0xff, 0xfe])),
            value_matches: true,
            ..Match::default()
        });
        assert!(report.text(Paint::PLAIN).ends_with("(binary, 2 bytes)\n"));
    }
}
