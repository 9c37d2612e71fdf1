//! What is kept of a history that does not pass, for whoever looks into it.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::check::Failure;
use crate::history::History;
use crate::model::Model;
use crate::timeline::timeline;

/// Writes `NAME.jsonl`, the history, `NAME.html`, its timeline, and `NAME.txt`, the failure, into a folder, which is
/// made. Returns where the timeline is.
///
/// # Errors
/// The folder or a file cannot be written.
pub fn keep<M>(
    model: &M,
    history: &History<M::Call, M::Answer>,
    failure: &Failure,
    folder: &Path,
    name: &str,
) -> io::Result<PathBuf>
where
    M: Model<Call: Serialize, Answer: Serialize>,
{
    fs::create_dir_all(folder)?;
    let file = |extension: &str| folder.join(format!("{name}.{extension}"));
    history.save(BufWriter::new(File::create(file("jsonl"))?))?;
    fs::write(file("txt"), failure.to_string())?;
    let page = file("html");
    fs::write(&page, timeline(model, history, failure.violation()))?;
    Ok(page)
}
