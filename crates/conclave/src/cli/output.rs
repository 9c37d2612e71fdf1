//! The one writer: reports on standard output, as text, JSON or YAML; notes on standard error.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use serde::Serialize;

use super::colour::Paint;
use super::errors::Failure;
use super::exit::Exit;

/// How reports look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum OutputFormat {
    /// Text for people.
    #[default]
    Table,
    /// JSON. Streams: one object a line.
    Json,
    /// YAML. Streams: one document an event.
    Yaml,
}

impl OutputFormat {
    /// The format of this name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        clap::ValueEnum::from_str(name, false).ok()
    }
}

/// What a command tells: for programs as its serialization says, for people as text.
pub(super) trait Report: Serialize {
    /// The text for people, with a line break at its end.
    fn text(&self, paint: Paint) -> String;
}

/// Where reports and notes go.
pub(super) struct Output {
    reports: BufWriter<Box<dyn Write>>,
    notes: Box<dyn Write>,
    format: OutputFormat,
    paint: Paint,
    is_terminal: bool,
}

impl Output {
    /// Standard output and standard error.
    pub(super) fn standard(format: OutputFormat) -> Self {
        Self {
            reports: BufWriter::new(Box::new(io::stdout())),
            notes: Box::new(io::stderr()),
            format,
            paint: Paint::of_stdout(),
            is_terminal: io::stdout().is_terminal(),
        }
    }

    pub(super) fn format(&self) -> OutputFormat {
        self.format
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Writes a report.
    pub(super) fn show<R: Report>(&mut self, report: &R) -> Result<(), Failure> {
        let text = match self.format {
            OutputFormat::Table => report.text(self.paint),
            OutputFormat::Json => json(report, true)?,
            OutputFormat::Yaml => yaml(report)?,
        };
        self.bytes(text.as_bytes())
    }

    /// Writes one of many reports, at once.
    pub(super) fn stream<R: Report>(&mut self, report: &R) -> Result<(), Failure> {
        let text = match self.format {
            OutputFormat::Table => report.text(self.paint),
            OutputFormat::Json => json(report, false)?,
            OutputFormat::Yaml => format!("---\n{}", yaml(report)?),
        };
        self.bytes(text.as_bytes())
    }

    /// Writes bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.reports.write_all(bytes)?;
        Ok(self.reports.flush()?)
    }

    /// Shows a report; where it is empty, people are told so in place of a table without lines.
    pub(super) fn show_or_note<R: Report>(
        &mut self,
        report: &R,
        empty: Option<String>,
    ) -> Result<(), Failure> {
        match empty {
            Some(note) if self.format == OutputFormat::Table => {
                self.note(&note);
                Ok(())
            }
            _ => self.show(report),
        }
    }

    /// Says something besides the report, to people. If nobody hears it, the command goes on.
    pub(super) fn note(&mut self, text: &str) {
        let _ = writeln!(self.notes, "{}", super::text::lines(text));
    }
}

fn json<R: Report>(report: &R, pretty: bool) -> Result<String, Failure> {
    let text = if pretty { serde_json::to_string_pretty(report) } else { serde_json::to_string(report) };
    text.map(|text| text + "\n").map_err(|error| unwritable("JSON", &error))
}

fn yaml<R: Report>(report: &R) -> Result<String, Failure> {
    let mut options = serde_saphyr::SerializerOptions::default();
    // Block scalars lose what they cannot hold, such as trailing blanks: every text is quoted as it is.
    options.prefer_block_scalars = false;
    serde_saphyr::to_string_with_options(report, options).map_err(|error| unwritable("YAML", &error))
}

fn unwritable(format: &str, error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Failed, format!("the answer cannot be written as {format}: {error}"))
}

#[cfg(test)]
pub(super) mod capture {
    //! An output that tests can read.

    use std::sync::{Arc, Mutex};

    use super::{BufWriter, Output, OutputFormat, Paint, Write, io};

    /// What was written.
    #[derive(Clone, Default)]
    pub(in crate::cli) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        pub(in crate::cli) fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().expect("no writer panicked")).into_owned()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panicked").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An output, and what is written to it.
    pub(in crate::cli) fn output(format: OutputFormat, is_terminal: bool) -> (Output, Captured) {
        let captured = Captured::default();
        let reports: Box<dyn Write> = Box::new(captured.clone());
        let notes = Box::new(captured.clone());
        let output =
            Output { reports: BufWriter::new(reports), notes, format, paint: Paint::PLAIN, is_terminal };
        (output, captured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Greeting {
        text: String,
        count: u64,
        nothing: Option<u64>,
    }

    impl Report for Greeting {
        fn text(&self, _: Paint) -> String {
            format!("{} x{}\n", self.text, self.count)
        }
    }

    fn greeting(text: &str) -> Greeting {
        Greeting { text: text.into(), count: u64::MAX, nothing: None }
    }

    fn shown(format: OutputFormat, act: impl Fn(&mut Output) -> Result<(), Failure>) -> String {
        let (mut output, captured) = capture::output(format, false);
        act(&mut output).expect("memory takes it");
        captured.text()
    }

    #[test]
    fn one_report_in_three_formats() {
        let show = |format| shown(format, |output| output.show(&greeting("hello")));
        assert_eq!(show(OutputFormat::Table), "hello x18446744073709551615\n");
        assert_eq!(
            show(OutputFormat::Json),
            "{\n  \"text\": \"hello\",\n  \"count\": 18446744073709551615,\n  \"nothing\": null\n}\n"
        );
        assert_eq!(show(OutputFormat::Yaml), "text: hello\ncount: 18446744073709551615\nnothing: null\n");
    }

    #[test]
    fn a_stream_is_one_object_a_line_or_one_document_an_event() {
        let twice = |output: &mut Output| {
            output.stream(&greeting("a\nb"))?;
            output.stream(&greeting("c"))
        };
        assert_eq!(shown(OutputFormat::Json, twice).lines().count(), 2);
        assert_eq!(shown(OutputFormat::Yaml, twice).matches("---\n").count(), 2);
    }

    #[test]
    fn yaml_keeps_every_text_as_it_is() {
        let texts =
            ["", " a ", "a\nb\n", "a\n", "\n\n a: b #c\n ", "true", "1e3", "~", "-", "a\tb", "\u{1b}x", "é…"];
        let long = "word ".repeat(60);
        for text in texts.into_iter().chain([long.as_str()]) {
            let written = yaml(&greeting(text)).expect("it can be written");
            let read: std::collections::BTreeMap<String, serde_json::Value> =
                serde_saphyr::from_str(&written).expect("it can be read");
            assert_eq!(read["text"], *text, "{written}");
        }
    }

    #[test]
    fn an_empty_table_is_a_note_and_programs_get_their_report() {
        let show =
            |format| shown(format, |output| output.show_or_note(&greeting("x"), Some("nothing".into())));
        assert_eq!(show(OutputFormat::Table), "nothing\n");
        assert!(show(OutputFormat::Json).contains("\"text\": \"x\""));
    }

    #[test]
    fn formats_are_known_by_name() {
        assert_eq!(OutputFormat::parse("yaml"), Some(OutputFormat::Yaml));
        assert_eq!(OutputFormat::parse("xml"), None);
    }
}
