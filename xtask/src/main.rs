//! `cargo xtask`: the project's own checks.
//!
//! `cargo xtask tidy` holds the house rules that a machine can hold; it reads and changes nothing.

mod tidy;

use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy    checks the house rules that a machine can hold\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["tidy"] => report(tidy::run()),
        _ => say(USAGE, ExitCode::from(2)),
    }
}

fn report(outcome: anyhow::Result<tidy::Report>) -> ExitCode {
    match outcome {
        Ok(report) if report.mistakes.is_empty() => say(&report.to_string(), ExitCode::SUCCESS),
        Ok(report) => say(&report.to_string(), ExitCode::FAILURE),
        Err(error) => say(&format!("tidy: {error:#}\n"), ExitCode::FAILURE),
    }
}

fn say(text: &str, code: ExitCode) -> ExitCode {
    // A reader that went away changes nothing about the verdict.
    let _ = std::io::stdout().write_all(text.as_bytes());
    code
}
