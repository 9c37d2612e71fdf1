//! Numbers as text: every format's notation brought to JSON's, digit for digit.
//!
//! No number passes through a machine type on its way, so that integers of any size and floats of
//! any precision come out as they went in. Only hexadecimal, octal and binary integers are counted
//! out, up to 128 bits.

/// A decimal number in JSON's notation, or nothing if the text is none. What is already JSON stays
/// as it is; a plus sign goes, and a bare point gets its zero: `+.5` becomes `0.5`, `5.` becomes
/// `5.0`. A number with leading zeros, such as a post code, is none.
pub(crate) fn decimal(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = split_exponent(unsigned)?;
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let has_digits = !whole.is_empty() || fraction.is_some_and(|digits| !digits.is_empty());
    let pads = whole.len() > 1 && whole.starts_with('0');
    if !has_digits || pads || !all_digits(whole) || !all_digits(fraction.unwrap_or("")) {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = match fraction {
        None => String::new(),
        Some("") => ".0".to_owned(),
        Some(digits) => format!(".{digits}"),
    };
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}

/// An integer in another base, counted out; nothing if it has more than 128 bits or other digits.
pub(crate) fn counted(digits: &str, radix: u32) -> Option<String> {
    let signed = digits.starts_with(['+', '-']);
    u128::from_str_radix(digits, radix).ok().filter(|_| !signed).map(|number| number.to_string())
}

/// Splits `1.5e+7` into `1.5` and `e+7`.
fn split_exponent(text: &str) -> Option<(&str, &str)> {
    let Some(at) = text.find(['e', 'E']) else { return Some((text, "")) };
    let digits = &text[at + 1..];
    let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    (!digits.is_empty() && all_digits(digits)).then_some((&text[..at], &text[at..]))
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_as_it_is() {
        for text in ["0", "-0", "12", "1.50", "1e5", "1E-05", "-3.0e+9", "123456789012345678901234567890"] {
            assert_eq!(decimal(text).as_deref(), Some(text));
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn other_notations_become_json() {
        for (text, json) in
            [("+1", "1"), (".5", "0.5"), ("-.5e3", "-0.5e3"), ("5.", "5.0"), ("+5.e1", "5.0e1")]
        {
            assert_eq!(decimal(text).as_deref(), Some(json));
        }
        assert_eq!(counted("ff", 16).as_deref(), Some("255"));
        assert_eq!(counted(&"f".repeat(32), 16).as_deref(), Some("340282366920938463463374607431768211455"));
    }

    #[test]
    fn the_rest_is_no_number() {
        for text in [
            "", "+", "-", ".", "e5", ".e5", "1e", "1e+", "1.2.3", "007", "00", "1_000", "0x1f", "--1", "1 ",
            "١",
        ] {
            assert_eq!(decimal(text), None, "{text:?}");
        }
        assert_eq!(counted(&"f".repeat(33), 16), None);
        assert_eq!(counted("+f", 16), None);
    }
}
