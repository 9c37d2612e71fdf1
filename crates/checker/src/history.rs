//! Histories: what clients asked, when, and what came of it; kept as JSON lines.

use std::io::{self, BufRead, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How an operation ended, as far as its client knows. Times are nanoseconds of the history's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End<A> {
    /// It was done, and this is what was told.
    Answered {
        /// When the answer was there.
        at_ns: u64,
        /// What was told.
        answer: A,
    },
    /// It was surely not done and never will be: the attempt was refused before anything could happen.
    NotDone {
        /// When that was known.
        at_ns: u64,
    },
    /// It may have been done, may be done at any later time, and may never be.
    Unknown,
}

impl<A> End<A> {
    /// What was told, if anything was.
    pub fn answer(&self) -> Option<&A> {
        match self {
            Self::Answered { answer, .. } => Some(answer),
            Self::NotDone { .. } | Self::Unknown => None,
        }
    }

    /// When the client knew; none as long as it does not.
    pub fn at_ns(&self) -> Option<u64> {
        match self {
            Self::Answered { at_ns, .. } | Self::NotDone { at_ns } => Some(*at_ns),
            Self::Unknown => None,
        }
    }

    /// What there is to say if nothing was told; nothing if something was.
    pub(crate) fn without_answer(&self) -> &'static str {
        match self {
            Self::Answered { .. } => "",
            Self::NotDone { .. } => "not done",
            Self::Unknown => "unknown",
        }
    }
}

/// One operation of a client: a call `C`, and an answer `A` if there was one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation<C, A> {
    /// Whose it was. A client may have several at once.
    pub client: u64,
    /// A moment before anything could have happened.
    pub called_ns: u64,
    /// What was asked for.
    pub call: C,
    /// How it ended.
    pub end: End<A>,
}

/// The operations of all clients, by one clock.
///
/// An operation took effect at some moment from its call to its end, both included: two that touch are concurrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History<C, A> {
    operations: Vec<Operation<C, A>>,
}

impl<C, A> History<C, A> {
    /// The operations, in the order in which they were noted. Reports name them by their place in it, from 0.
    pub fn operations(&self) -> &[Operation<C, A>] {
        &self.operations
    }

    /// Notes another operation.
    pub fn push(&mut self, operation: Operation<C, A>) {
        self.operations.push(operation);
    }
}

impl<C, A> Default for History<C, A> {
    fn default() -> Self {
        Self { operations: Vec::new() }
    }
}

impl<C, A> FromIterator<Operation<C, A>> for History<C, A> {
    fn from_iter<I: IntoIterator<Item = Operation<C, A>>>(operations: I) -> Self {
        Self { operations: operations.into_iter().collect() }
    }
}

impl<C: Serialize, A: Serialize> History<C, A> {
    /// Writes one operation a line, as JSON.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn save(&self, mut to: impl Write) -> io::Result<()> {
        for operation in &self.operations {
            serde_json::to_writer(&mut to, operation)?;
            to.write_all(b"\n")?;
        }
        to.flush()
    }
}

impl<C: DeserializeOwned, A: DeserializeOwned> History<C, A> {
    /// Reads what [`save`](Self::save) wrote. Empty lines are passed over.
    ///
    /// # Errors
    /// Those of the reader; [`InvalidData`](io::ErrorKind::InvalidData), with the number of the line, if one is no
    /// operation.
    pub fn load(from: impl BufRead) -> io::Result<Self> {
        let mut history = Self::default();
        for (number, line) in from.lines().enumerate() {
            let line = line?;
            if !line.trim().is_empty() {
                let wrong = |error| {
                    io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {error}", number + 1))
                };
                history.push(serde_json::from_str(&line).map_err(wrong)?);
            }
        }
        Ok(history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> History<String, u64> {
        let operation = |called_ns, end| Operation { client: 7, called_ns, call: "say \"a\"\n".into(), end };
        let ends = [End::Answered { at_ns: 5, answer: 9 }, End::NotDone { at_ns: u64::MAX }, End::Unknown];
        ends.into_iter().zip(1..).map(|(end, called_ns)| operation(called_ns, end)).collect()
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let mut saved = Vec::new();
        sample().save(&mut saved).unwrap();
        let text = String::from_utf8(saved).unwrap();
        assert_eq!(text.lines().count(), 3);
        let first =
            r#"{"client":7,"called_ns":1,"call":"say \"a\"\n","end":{"answered":{"at_ns":5,"answer":9}}}"#;
        assert_eq!(text.lines().next(), Some(first));
        assert_eq!(History::load(format!("\n{text}\n").as_bytes()).unwrap(), sample());
    }

    #[test]
    fn a_line_that_is_no_operation_is_named() {
        let mut saved = Vec::new();
        sample().save(&mut saved).unwrap();
        saved.extend_from_slice(b"{}\n");
        let error = History::<String, u64>::load(saved.as_slice()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().starts_with("line 4: "), "{error}");
    }
}
