//! `KEY=VALUE` arguments, and where a value comes from.

use std::str::FromStr;

/// A key and what is set to it, as the command line says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    /// Before the first `=`.
    pub(super) key: String,
    /// After it.
    pub(super) value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("", _)) => Err("nothing stands before the =".into()),
            Some((key, value)) => Ok(Self { key: key.into(), value: value.into() }),
            None => Err("no = in it".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_equals_sign_divides() {
        let assignment = |key: &str, value: &str| Ok(Assignment { key: key.into(), value: value.into() });
        assert_eq!("a=b".parse(), assignment("a", "b"));
        assert_eq!("db.url=x?y=z".parse(), assignment("db.url", "x?y=z"));
        assert_eq!("a=".parse(), assignment("a", ""));
        for wrong in ["", "a", "=b"] {
            wrong.parse::<Assignment>().expect_err(wrong);
        }
    }
}
