//! The fields of a request that break a rule: all of them, told at once.

use std::fmt::Display;

/// Most bytes of violations that are told of one request; the others are counted. What is told travels in
/// a header, as base64 and together with others, and clients accept 8 KiB or little more of those.
const TOLD_SIZE_BYTES_MAX: usize = 3 << 10;
/// What a violation takes besides its texts, in bytes.
const FRAME_SIZE_BYTES: usize = 8;
/// Longest description, in bytes.
const DESCRIPTION_SIZE_BYTES_MAX: usize = 200;
/// Longest path of a field, in bytes.
const FIELD_SIZE_BYTES_MAX: usize = 100;

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, as in `namespaces[0].edits[3].key`.
    pub field: String,
    /// What is wrong with it, and what is allowed.
    pub description: String,
}

/// The fields of one request that break a rule, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    told: Vec<Violation>,
    told_size_bytes: usize,
    count: usize,
}

impl Violations {
    /// A single one.
    pub fn one(field: impl Display, description: impl Display) -> Self {
        let mut violations = Self::default();
        violations.add(field, description);
        violations
    }

    /// Notes one more.
    pub fn add(&mut self, field: impl Display, description: impl Display) {
        self.count += 1;
        if self.told_size_bytes >= TOLD_SIZE_BYTES_MAX {
            return;
        }
        let violation = Violation {
            field: clipped(&field.to_string(), FIELD_SIZE_BYTES_MAX),
            description: clipped(&description.to_string(), DESCRIPTION_SIZE_BYTES_MAX),
        };
        self.told_size_bytes += violation.field.len() + violation.description.len() + FRAME_SIZE_BYTES;
        self.told.push(violation);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Those that are told: all of them, up to a bound.
    pub fn told(&self) -> &[Violation] {
        &self.told
    }
}

/// The text, or so much of its beginning as fits, with a mark that it goes on.
pub(crate) fn clipped(text: &str, size_bytes_max: usize) -> String {
    const MARK: &str = "...";
    if text.len() <= size_bytes_max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(size_bytes_max - MARK.len());
    format!("{}{MARK}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_bounded_and_the_rest_counted() {
        let mut violations = Violations::default();
        assert!(violations.is_empty());
        for number in 0..1_000 {
            violations.add(format_args!("edits[{number}].key"), "is empty");
        }
        assert_eq!(violations.count(), 1_000);
        let told = violations.told();
        assert!((50..=200).contains(&told.len()), "{} are told", told.len());
        assert_eq!(told.last().unwrap().field, format!("edits[{}].key", told.len() - 1));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(clipped("short", 5), "short");
        assert_eq!(clipped("äöüäöü", 8), "äö...");
        let told = Violations::one("x".repeat(1_000), "ü".repeat(1_000));
        assert!(told.told()[0].field.len() <= FIELD_SIZE_BYTES_MAX);
        assert!(told.told()[0].description.len() <= DESCRIPTION_SIZE_BYTES_MAX);
    }
}
