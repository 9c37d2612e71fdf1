//! `conclave config tag`, `untag` and `tags`: names for versions.

use conclave_client::config::{DeleteTagRequest, ListTagsRequest, SetTagRequest, Tag};
use serde::Serialize;

use super::{WriteArgs, consistency, version_text};
use crate::cli::colour::Paint;
use crate::cli::errors::Failure;
use crate::cli::output::Report;
use crate::cli::session::Session;
use crate::cli::table::Columns;
use crate::cli::text;

/// How much of a message a table shows.
const MESSAGE_CHARS_MAX: usize = 72;

/// Give a version a name, which also keeps it from being dropped
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config tag payments/prod stable
  conclave config tag payments/prod stable --version 12 --move -m \"ran well for a week\"
  conclave config get payments/prod --tag stable
  conclave config rollback payments/prod --to stable")]
pub(in crate::cli) struct TagArgs {
    /// The namespace; a deleted one still has its versions
    namespace: String,
    /// Name of the tag: letters, digits, '.', '_' and '-'
    #[arg(value_name = "TAG")]
    name: String,
    /// The version to be named [default: the newest]
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    version: Option<u64>,
    /// Let a tag that names another version move to this one
    #[arg(long = "move")]
    moves: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl TagArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request = SetTagRequest {
            namespace: self.namespace.clone(),
            tag: self.name,
            version: self.version.unwrap_or_default(),
            r#move: self.moves,
            authorship: Some(session.authorship(&self.write)),
        };
        let answer = session.client.set_tag(request).await?;
        session.output.show(&TagReport::of(self.namespace, answer.tag.unwrap_or_default(), Done::Set))
    }
}

/// Take a name from a version
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config untag payments/prod candidate")]
pub(in crate::cli) struct UntagArgs {
    /// The namespace
    namespace: String,
    /// Name of the tag
    #[arg(value_name = "TAG")]
    name: String,
    #[command(flatten)]
    write: WriteArgs,
}

impl UntagArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let request = DeleteTagRequest {
            namespace: self.namespace.clone(),
            tag: self.name,
            authorship: Some(session.authorship(&self.write)),
        };
        let answer = session.client.delete_tag(request).await?;
        session.output.show(&TagReport::of(self.namespace, answer.tag.unwrap_or_default(), Done::Deleted))
    }
}

/// List the tags of a namespace
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave config tags payments/prod
  conclave config tags payments/prod --output json | jq '.tags[] | select(.name == \"stable\").version'")]
pub(in crate::cli) struct TagsArgs {
    /// The namespace; a deleted one still has its tags
    namespace: String,
    /// Read what the node has, without asking the leader: fast, perhaps stale
    #[arg(long)]
    local: bool,
}

impl TagsArgs {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let tags = all(session, &self.namespace, self.local).await?;
        let empty = tags.is_empty().then(|| format!("{}: no version has a tag", self.namespace));
        session.output.show_or_note(&TagsReport { namespace: self.namespace, tags }, empty)
    }
}

/// All tags of a namespace, in order of name.
pub(super) async fn all(session: &Session, namespace: &str, local: bool) -> Result<Vec<TagView>, Failure> {
    let mut request = ListTagsRequest {
        namespace: namespace.into(),
        consistency: consistency(local),
        ..ListTagsRequest::default()
    };
    let mut tags = Vec::new();
    loop {
        let page = session.client.list_tags(request.clone()).await?;
        tags.extend(page.tags.into_iter().map(TagView::from));
        if page.next_page_token.is_empty() {
            return Ok(tags);
        }
        request.page_token = page.next_page_token;
    }
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct TagView {
    pub(super) name: String,
    pub(super) version: u64,
    revision: u64,
    time: String,
    author: String,
    message: String,
}

impl From<Tag> for TagView {
    fn from(tag: Tag) -> Self {
        let time = text::time(tag.time_ms);
        let Tag { name, version, revision, author, message, .. } = tag;
        Self { name, version, revision, time, author, message }
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Set,
    Deleted,
}

#[derive(Debug, Serialize)]
struct TagReport {
    namespace: String,
    done: Done,
    #[serde(flatten)]
    tag: TagView,
}

impl TagReport {
    fn of(namespace: String, tag: Tag, done: Done) -> Self {
        Self { namespace, done, tag: tag.into() }
    }
}

impl Report for TagReport {
    fn text(&self, paint: Paint) -> String {
        let [namespace, name] =
            [&self.namespace, &self.tag.name].map(|name| text::one_line(name, usize::MAX));
        let heading = paint.heading(&format!("{namespace} {name}"));
        let version = self.tag.version;
        match self.done {
            Done::Set => format!("{heading}: version {version} (revision {})\n", self.tag.revision),
            Done::Deleted => format!("{heading}: deleted; it named version {version}\n"),
        }
    }
}

#[derive(Debug, Serialize)]
struct TagsReport {
    namespace: String,
    tags: Vec<TagView>,
}

impl Report for TagsReport {
    fn text(&self, paint: Paint) -> String {
        let mut columns = Columns::new(&["TAG", ">VERSION", "SET", "AUTHOR", "MESSAGE"], paint);
        for tag in &self.tags {
            columns.row([
                text::one_line(&tag.name, usize::MAX),
                tag.version.to_string(),
                tag.time.clone(),
                version_text::author(&tag.author),
                text::one_line(&tag.message, MESSAGE_CHARS_MAX),
            ]);
        }
        columns.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(name: &str, version: u64) -> Tag {
        Tag { name: name.into(), version, revision: 30, author: "ada".into(), ..Tag::default() }
    }

    #[test]
    fn what_was_done_is_a_line() {
        let told = |done| TagReport::of("ns".into(), tag("stable", 3), done).text(Paint::PLAIN);
        assert_eq!(told(Done::Set), "ns stable: version 3 (revision 30)\n");
        assert_eq!(told(Done::Deleted), "ns stable: deleted; it named version 3\n");
        let json =
            serde_json::to_value(TagReport::of("ns".into(), tag("a", 3), Done::Set)).expect("plain data");
        assert_eq!(
            (json["name"].as_str(), json["done"].as_str(), json["version"].as_u64()),
            (Some("a"), Some("set"), Some(3))
        );
    }

    #[test]
    fn the_table_shows_every_tag() {
        let tags =
            vec![tag("a", 3).into(), TagView { message: "ran\nwell".into(), ..tag("stable", 12).into() }];
        let expected = "\
TAG     VERSION  SET                       AUTHOR  MESSAGE
a             3  1970-01-01T00:00:00.000Z  ada
stable       12  1970-01-01T00:00:00.000Z  ada     ran\\nwell
";
        assert_eq!(TagsReport { namespace: "ns".into(), tags }.text(Paint::PLAIN), expected);
    }
}
