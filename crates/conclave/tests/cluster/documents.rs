//! The commands that README.md, docs/locks.md and docs/operations.md show are typed as they stand there, in one cluster, in
//! their order; what they print is compared with what is shown.
//!
//! A block of commands is run if `<!-- run -->` stands in the line before it. In a line of output that differs from
//! run to run, only the shape counts: times, addresses, sizes, ids and durations. In blocks after
//! `<!-- run: numbers vary -->` any number may stand for any other. Before blocks after
//! `<!-- run: numbers vary, db4 and db5 have joined -->` they do. With `CONCLAVE_WRITE_DOCUMENTS=1` the documents are
//! rewritten instead, to be looked at and committed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use conclave_testkit::{Cluster, ClusterOptions};
use regex::Regex;
use tokio::process::Command;

use crate::stage::BINARY;

/// How long one command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
const MARK: &str = "<!-- run";
const NUMBERS_VARY: &str = "<!-- run: numbers vary";
const JOINED: &str = "db4 and db5 have joined -->";

/// A command as it is shown.
#[derive(Debug, Default)]
struct Shown {
    /// With the lines that it goes on in.
    command: Vec<String>,
    output: Vec<String>,
    numbers_vary: bool,
    line: usize,
}

/// A part of a document.
enum Part {
    Text(String),
    Shown(Shown),
}

/// Takes a document apart.
fn parts(document: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut runs, mut within, mut numbers_vary) = (false, false, false);
    for (at, line) in document.lines().enumerate() {
        if within && line == "```" {
            within = false;
        }
        match (within, line.strip_prefix("$ "), parts.last_mut()) {
            (true, Some(command), _) => {
                let shown =
                    Shown { command: vec![command.into()], numbers_vary, line: at + 1, ..Shown::default() };
                parts.push(Part::Shown(shown));
            }
            (true, None, Some(Part::Shown(shown))) => {
                let goes_on =
                    shown.output.is_empty() && shown.command.last().is_some_and(|line| line.ends_with('\\'));
                if goes_on { &mut shown.command } else { &mut shown.output }.push(line.into());
            }
            _ => parts.push(Part::Text(line.into())),
        }
        within |= runs && line == "```console";
        runs = line.starts_with(MARK);
        if runs {
            numbers_vary = line.starts_with(NUMBERS_VARY);
        }
    }
    parts
}

/// Puts a document together.
fn whole(parts: &[Part]) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    for part in parts {
        match part {
            Part::Text(text) => line(text),
            Part::Shown(shown) => {
                line(&format!("$ {}", shown.command.join("\n")));
                shown.output.iter().for_each(|output| line(output));
            }
        }
    }
    text
}

/// What counts of a line.
fn shape(line: &str, numbers_vary: bool) -> String {
    const FORMS: [(&str, &str); 8] = [
        (r"\d{8}T\d{6}Z-r\d+-[0-9a-f]{8}", "BACKUP"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"\d+\.\d+\.\d+\.\d+:\d+", "ADDRESS"),
        (r"\b[0-9a-f]{16}([0-9a-f]{16}|[0-9a-f]{48})?\b", "ID"),
        (r"\b\d+(\.\d)? ([KMGT]iB|B)\b", "SIZE"),
        (r"\b\d+(\.\d+)? ?ms\b", "DURATION"),
        (r"\b\d+[smhd]( \d+[smh])?\b", "DURATION"),
        (r" +", " "),
    ];
    let forms = FORMS.iter().map(|(form, name)| (Regex::new(form).expect("it is a pattern"), *name));
    let line = forms.fold(line.to_owned(), |line, (form, name)| form.replace_all(&line, name).into_owned());
    let digits = Regex::new(r"\d+").expect("it is a pattern");
    if numbers_vary { digits.replace_all(&line, "N").into_owned() } else { line }
}

/// Where the documents' commands are typed: one folder, and one cluster with the examples in it.
struct Place {
    folder: PathBuf,
    endpoints: String,
}

impl Place {
    async fn new(cluster: &Cluster, root: &Path) -> Self {
        let folder = cluster.folder().join("place");
        std::fs::create_dir_all(folder.join("bin")).expect("the folder is ours");
        std::os::unix::fs::symlink(BINARY, folder.join("bin/conclave")).expect("the folder is ours");
        let place = Self { folder, endpoints: cluster.endpoints() };
        let examples =
            std::fs::read_to_string(root.join("deploy/examples/namespaces.txt")).expect("it is there");
        let lines = examples.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        for (namespace, file) in lines.filter_map(|line| line.split_once(char::is_whitespace)) {
            let file = root.join("deploy/examples").join(file.trim());
            let command = format!("conclave config import {namespace} {} --create-namespace", file.display());
            place.run(&command).await;
        }
        place
    }

    /// What a command prints, on both outputs.
    async fn run(&self, command: &str) -> Vec<String> {
        let path = format!("{}/bin:{}", self.folder.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec 2>&1\n{command}")]).current_dir(&self.folder).kill_on_drop(true);
        shell.env("PATH", path).env("HOME", &self.folder).env("USER", "ada");
        shell
            .env("CONCLAVE_ENDPOINTS", &self.endpoints)
            .env_remove("CONCLAVE_AUTHOR")
            .env_remove("XDG_STATE_HOME");
        let output = tokio::time::timeout(COMMAND_LIMIT, shell.output()).await;
        let output = output.unwrap_or_else(|_| panic!("{command} goes on for more than a minute"));
        let text = String::from_utf8(output.expect("sh is there").stdout).expect("it prints text");
        text.lines().map(str::to_owned).collect()
    }
}

/// Has the nodes join that a block of commands is about to name.
async fn join(cluster: &mut Cluster) {
    for _ in ["db4", "db5"] {
        cluster.join(&cluster.client()).await;
    }
    cluster.agree().await;
}

async fn check(place: &Place, cluster: &mut Cluster, document: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(document).expect("the document is there");
    let mut parts = parts(&text);
    let mut differences = Vec::new();
    let mut count = 0;
    for part in &mut parts {
        let shown = match part {
            Part::Shown(shown) => shown,
            Part::Text(text) => {
                if text.starts_with(MARK) && text.ends_with(JOINED) {
                    join(cluster).await;
                }
                continue;
            }
        };
        count += 1;
        let printed = place.run(&shown.command.join("\n")).await;
        let shapes = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| shape(line, shown.numbers_vary).trim_end().to_owned()).collect()
        };
        if shapes(&printed) != shapes(&shown.output) {
            let (line, command) = (shown.line, shown.command.join("\n"));
            let (printed, shown) = (printed.join("\n"), shown.output.join("\n"));
            differences.push(format!(
                "{}:{line}: $ {command}\n--- shown\n{shown}\n--- printed\n{printed}\n",
                document.display()
            ));
        }
        shown.output = printed;
    }
    assert!(count > 5, "{} shows commands", document.display());
    if std::env::var_os("CONCLAVE_WRITE_DOCUMENTS").is_some() {
        std::fs::write(document, whole(&parts)).expect("the document can be written");
    }
    differences
}

#[tokio::test(flavor = "multi_thread")]
async fn what_they_show_is_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut cluster = Cluster::start(ClusterOptions::new(BINARY, 3).set("cluster_name", "local")).await;
    cluster.client().transfer_leader(1).await.expect("it is well");
    cluster.all_serve().await;
    let place = Place::new(&cluster, &root).await;
    cluster.agree().await;
    let mut differences = check(&place, &mut cluster, &root.join("README.md")).await;
    differences.extend(check(&place, &mut cluster, &root.join("docs/locks.md")).await);
    differences.extend(check(&place, &mut cluster, &root.join("docs/operations.md")).await);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_document_is_put_together_as_it_was() {
    let document =
        "a\n<!-- run -->\n```console\n$ one \\\n    more\nprinted\n$ two\n```\nb\n```console\n$ no\n```\n";
    let parts = parts(document);
    assert_eq!(whole(&parts), document);
    let shown: Vec<_> =
        parts.iter().filter_map(|part| if let Part::Shown(it) = part { Some(it) } else { None }).collect();
    assert_eq!(shown.len(), 2, "the last block is not run");
    assert_eq!((shown[0].command.len(), shown[0].output.as_slice()), (2, ["printed".to_owned()].as_slice()));
    assert_eq!((shown[1].command.as_slice(), shown[1].output.len()), (["two".to_owned()].as_slice(), 0));
}

#[test]
fn only_the_shape_counts_of_what_varies() {
    let shown = "n1  2026-11-25T04:20:14.987Z  127.0.0.1:4101  5.0 GiB  1.2 ms  1h 1m";
    let printed = "n1 2027-01-05T04:20:14.000Z 127.0.0.1:31999 900 B 0.4 ms 13s";
    assert_eq!(shape(shown, false), shape(printed, false));
    assert_ne!(shape("version 2", false), shape("version 3", false));
    assert_eq!(shape("version 2", true), shape("version 31", true));
}
