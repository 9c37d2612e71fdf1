//! The house rules that a machine can hold, one file a subject.
//!
//! Every rule is a pure function from a text (or a list of crates) to mistakes, so that each has a
//! test with an input that breaks it.

mod arrows;
mod borrows;
mod masked;
mod protos;
mod rust_files;
mod workspace;

use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use walkdir::{DirEntry, WalkDir};

/// What a run looked at and what it found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    files: usize,
    crates: usize,
    /// One line each: where, and which rule is broken.
    pub(crate) mistakes: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.mistakes {
            writeln!(f, "{mistake}")?;
        }
        writeln!(f, "tidy: {} crates, {} files, {} mistakes", self.crates, self.files, self.mistakes.len())
    }
}

/// Checks the workspace that this program was built in.
pub(crate) fn run() -> anyhow::Result<Report> {
    let workspace = workspace::load()?;
    let mut report = Report { crates: workspace.crates.len(), ..Report::default() };
    report.mistakes.extend(arrows::check(&workspace.crates));
    for folder in ["crates", "tests", "xtask", "proto"] {
        check_folder(&workspace.root, folder, &mut report)?;
    }
    Ok(report)
}

fn check_folder(root: &Path, folder: &str, report: &mut Report) -> anyhow::Result<()> {
    let walk = WalkDir::new(root.join(folder)).sort_by_file_name();
    for entry in walk.into_iter().filter_entry(|entry| entry.file_name() != "target") {
        check_file(root, &entry.context("the workspace cannot be read")?, report)?;
    }
    Ok(())
}

fn check_file(root: &Path, entry: &DirEntry, report: &mut Report) -> anyhow::Result<()> {
    let Some(check) = rule_for(entry.path()) else { return Ok(()) };
    let text = std::fs::read_to_string(entry.path()).with_context(|| entry.path().display().to_string())?;
    let place = entry.path().strip_prefix(root).unwrap_or(entry.path()).display().to_string();
    report.files += 1;
    report.mistakes.extend(check(&place, &text));
    Ok(())
}

fn rule_for(path: &Path) -> Option<fn(&str, &str) -> Vec<String>> {
    match path.extension()?.to_str()? {
        "rs" => Some(rust_files::check),
        "proto" => Some(protos::check),
        _ => None,
    }
}
