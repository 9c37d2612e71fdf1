//! Checks a history that was kept: `check kv|config|lock HISTORY.jsonl [TIMELINE.html]`.
//!
//! Ends with 0 if it passes, with 1 if it does not, and with 2 if it could not be read or decided.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::process::ExitCode;

use conclave_checker::config::Config;
use conclave_checker::kv::{Kv, revision_order};
use conclave_checker::lock::{Lock, mutual_exclusion, token_order};
use conclave_checker::{Failure, History, Limits, Model, check, timeline};
use serde::de::DeserializeOwned;

type Outcome = Result<ExitCode, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let told = match &arguments[..] {
        [model, history] => run(model, history, None),
        [model, history, page] => run(model, history, Some(page)),
        _ => Err("usage: check kv|config|lock HISTORY.jsonl [TIMELINE.html]".into()),
    };
    told.unwrap_or_else(|error| {
        // Nobody is left to be told if this fails.
        let _ = writeln!(io::stderr(), "{error}");
        ExitCode::from(2)
    })
}

fn run(model: &str, history: &str, page: Option<&str>) -> Outcome {
    match model {
        "kv" => judge(&Kv, &load(history)?, page, |history| Ok(revision_order(history)?)),
        "config" => judge(&Config, &load(history)?, page, |_| Ok(())),
        "lock" => judge(&Lock, &load(history)?, page, |history| {
            token_order(history)?;
            Ok(mutual_exclusion(history)?)
        }),
        other => Err(format!("there is no model {other:?}: choose kv, config or lock").into()),
    }
}

fn load<C: DeserializeOwned, A: DeserializeOwned>(path: &str) -> io::Result<History<C, A>> {
    History::load(BufReader::new(File::open(path)?))
}

fn judge<M: Model>(
    model: &M,
    history: &History<M::Call, M::Answer>,
    page: Option<&str>,
    besides: impl Fn(&History<M::Call, M::Answer>) -> Result<(), Box<dyn Error>>,
) -> Outcome {
    let checked = check(model, history, Limits::default());
    if let Some(page) = page {
        let violation = checked.as_ref().err().and_then(Failure::violation);
        std::fs::write(page, timeline(model, history, violation))?;
    }
    let besides = besides(history);
    let (code, told) = match (checked, besides) {
        (Err(Failure::Violation(violation)), _) => (1, violation.to_string()),
        (_, Err(wrong)) => (1, wrong.to_string()),
        (Err(undecided), Ok(())) => (2, undecided.to_string()),
        (Ok(checked), Ok(())) => {
            (0, format!("{} operations on {} keys pass", checked.operations, checked.keys))
        }
    };
    writeln!(io::stdout(), "{}", told.trim_end())?;
    Ok(ExitCode::from(code))
}
