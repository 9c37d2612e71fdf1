//! `conclave config get`: one value, all items, or the whole as a file.

use conclave_client::Listing;
use conclave_client::config::{GetRequest, GetResponse, Item, ListRequest};
use conclave_formats::{FileItem, Format, FormatError};
use serde::Serialize;

use super::consistency;
use super::moment::MomentArgs;
use super::views::ItemView;
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::output::{Output, OutputFormat, Report};
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::cli::text;

/// How much of a value a table shows.
const VALUE_CHARS_MAX: usize = 60;

/// Print the items of a namespace, or the value of one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config get payments/prod
  conclave config get payments/prod db.url
  conclave config get payments/prod --version 7 --format yaml > settings.yaml
  conclave config get payments/prod db.url --tag stable
  conclave config get payments/prod db.url --at-time 2026-02-28T17:00:00Z
  conclave config get payments/prod db.pool --output json | jq .item.mod_revision

With KEY the value is printed as it is; a line break is added on a terminal only.")]
pub(in crate::cli) struct GetArgs {
    /// The namespace
    namespace: String,
    /// The item whose value is wanted; all items if left out
    key: Option<String>,
    #[command(flatten)]
    moment: MomentArgs,
    /// Only items whose keys begin with this
    #[arg(long, value_name = "KEY_PREFIX", conflicts_with = "key")]
    prefix: Option<String>,
    /// Print the items as a file: yaml, json, toml, properties, env or xml
    #[arg(long, conflicts_with_all = ["key", "output"])]
    format: Option<Format>,
    /// Read what the node has, without asking the leader: fast, perhaps stale
    #[arg(long)]
    local: bool,
}

impl GetArgs {
    pub(super) async fn run(mut self, session: &mut Session) -> Result<(), Failure> {
        match self.key.take() {
            Some(key) => self.one(key, session).await,
            None => self.all(session).await,
        }
    }

    async fn one(self, key: String, session: &mut Session) -> Result<(), Failure> {
        let request = GetRequest {
            at: self.moment.at(),
            consistency: consistency(self.local),
            namespace: self.namespace.clone(),
            key,
        };
        let answer = session.client.get(request).await?;
        show_one(self.namespace, answer, &mut session.output)
    }

    async fn all(self, session: &mut Session) -> Result<(), Failure> {
        let request = ListRequest {
            namespace: self.namespace.clone(),
            at: self.moment.at(),
            key_prefix: self.prefix.unwrap_or_default(),
            consistency: consistency(self.local),
            ..ListRequest::default()
        };
        let listing = session.client.list_all(request).await?;
        match self.format {
            Some(format) => session.output.bytes(&file(listing.items, format)?),
            None => {
                let report = ItemsReport::of(self.namespace, listing);
                session.output.show_or_note(&report, report.nothing())
            }
        }
    }
}

/// Shows one value: as it is for people and pipes, with all that is known of it for programs.
fn show_one(namespace: String, answer: GetResponse, output: &mut Output) -> Result<(), Failure> {
    let item = answer.item.unwrap_or_default();
    if output.format() != OutputFormat::Table {
        let (version, store_revision) = (answer.version, answer.store_revision);
        return output.show(&ItemReport { namespace, version, store_revision, item: ItemView(item) });
    }
    if !output.is_terminal() {
        return output.bytes(&item.value);
    }
    if std::str::from_utf8(&item.value).is_err() {
        let message = format!("the value is no text but {}", text::counted(item.value.len(), "byte"));
        return Err(Failure::new(Exit::Failed, message)
            .with_hint("send it to a file or a pipe, or use --output json"));
    }
    let mut line = item.value.to_vec();
    if !line.ends_with(b"\n") {
        line.push(b'\n');
    }
    output.bytes(&line)
}

/// The items as a file.
pub(super) fn file(items: Vec<Item>, format: Format) -> Result<Vec<u8>, Failure> {
    let items: Vec<FileItem> = items
        .into_iter()
        .map(|item| FileItem { key: item.key, value: item.value.to_vec(), content_type: item.content_type })
        .collect();
    conclave_formats::render(&items, format).map_err(|error: FormatError| {
        Failure::new(Exit::Failed, format!("the items cannot be written as {format}: {error}"))
            .with_hint("--format xml, --output json and --output yaml can hold every item")
    })
}

#[derive(Debug, Serialize)]
struct ItemReport {
    namespace: String,
    version: u64,
    store_revision: u64,
    item: ItemView,
}

impl Report for ItemReport {
    fn text(&self, _: Paint) -> String {
        text::value_preview(&self.item.0.value, usize::MAX) + "\n"
    }
}

#[derive(Debug, Serialize)]
struct ItemsReport {
    namespace: String,
    version: u64,
    store_revision: u64,
    items: Vec<ItemView>,
}

impl ItemsReport {
    fn of(namespace: String, listing: Listing) -> Self {
        let items = listing.items.into_iter().map(ItemView).collect();
        Self { namespace, version: listing.version, store_revision: listing.store_revision, items }
    }

    /// What is said in place of an empty table.
    fn nothing(&self) -> Option<String> {
        let Self { namespace, version, items, .. } = self;
        items.is_empty().then(|| format!("{namespace} version {version}: no items"))
    }
}

impl Report for ItemsReport {
    fn text(&self, paint: Paint) -> String {
        let mut columns = Columns::new(&["KEY", "VALUE", "CONTENT TYPE", "LABELS", ">REVISION"], paint);
        for ItemView(item) in &self.items {
            let labels: Vec<String> =
                item.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            columns.row([
                text::one_line(&item.key, usize::MAX),
                text::value_preview(&item.value, VALUE_CHARS_MAX),
                text::one_line(&item.content_type, 40),
                text::one_line(&labels.join(","), 40),
                item.mod_revision.to_string(),
            ]);
        }
        columns.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::super::views::samples::item;
    use super::*;
    use crate::cli::output::capture;

    fn one(value: &[u8], format: OutputFormat, is_terminal: bool) -> Result<String, Failure> {
        let (mut output, captured) = capture::output(format, is_terminal);
        let answer = GetResponse { item: Some(item("k", value)), version: 4, store_revision: 9 };
        show_one("ns".into(), answer, &mut output)?;
        Ok(captured.text())
    }

    #[test]
    fn a_pipe_gets_the_value_as_it_is_and_a_terminal_a_line() {
        assert_eq!(one(b"v", OutputFormat::Table, false), Ok("v".into()));
        assert_eq!(one(b"v", OutputFormat::Table, true), Ok("v\n".into()));
        assert_eq!(one(b"v\n", OutputFormat::Table, true), Ok("v\n".into()));
    }

    #[test]
    fn bytes_are_kept_from_a_terminal() {
        let failure = one(&[0xff], OutputFormat::Table, true).expect_err("it is no text");
        assert_eq!(failure.exit(), Exit::Failed);
        one(&[0xff], OutputFormat::Table, false).expect("a pipe takes bytes");
    }

    #[test]
    fn programs_get_all_that_is_known() {
        let json = one(b"v", OutputFormat::Json, true).expect("it can be written");
        let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!((json["version"].as_u64(), json["item"]["value"].as_str()), (Some(4), Some("v")));
        assert_eq!(
            one(b"v", OutputFormat::Yaml, false).map(|yaml| yaml.contains("\n  value: v\n")),
            Ok(true)
        );
    }

    #[test]
    fn the_table_shows_every_item_on_a_line() {
        let mut labelled = item("motd", "hello\nworld");
        labelled.labels.insert("team".into(), "core".into());
        let listing = Listing { items: vec![item("db.pool", "8"), labelled], version: 4, store_revision: 9 };
        let expected = "\
KEY      VALUE         CONTENT TYPE  LABELS     REVISION
db.pool  8             text/plain                      5
motd     hello\\nworld  text/plain    team=core         5
";
        assert_eq!(ItemsReport::of("ns".into(), listing).text(Paint::PLAIN), expected);
    }

    #[test]
    fn items_that_are_no_document_are_told() {
        assert_eq!(file(vec![item("a", "1")], Format::Json), Ok(b"{\n  \"a\": \"1\"\n}\n".to_vec()));
        let failure =
            file(vec![item("a", "1"), item("a.b", "2")], Format::Json).expect_err("a cannot be both");
        assert!(failure.to_string().contains("the items cannot be written as json"), "{failure}");
    }
}
