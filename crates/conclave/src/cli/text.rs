//! Text that strangers wrote, made fit for a terminal, and the small words of reports.
//!
//! Values, messages and names come from the store. Whatever they hold, they must not move the cursor,
//! change colours or turn the direction of writing.

use jiff::Timestamp;

/// One line, its control characters spelled out, cut after `chars_max` characters.
pub(super) fn one_line(text: &str, chars_max: usize) -> String {
    let mut line = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == chars_max {
            line.push('…');
            break;
        }
        push_printable(&mut line, c);
    }
    line
}

/// Lines as they are, with all other control characters but tabs spelled out.
pub(super) fn lines(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\n' | '\t') { safe.push(c) } else { push_printable(&mut safe, c) }
    }
    safe
}

fn push_printable(line: &mut String, c: char) {
    let turns_direction =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns_direction {
        line.extend(c.escape_default());
    } else {
        line.push(c);
    }
}

/// A value's first characters; of what is no text, its size.
pub(super) fn value_preview(value: &[u8], chars_max: usize) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => one_line(text, chars_max),
        Err(_) => binary(value),
    }
}

/// What is said in place of bytes that are no text.
pub(super) fn binary(value: &[u8]) -> String {
    format!("(binary, {})", counted(value.len(), "byte"))
}

/// A moment in UTC, as RFC 3339 writes it.
pub(super) fn time(time_ms: i64) -> String {
    match Timestamp::from_millisecond(time_ms) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => format!("{time_ms} ms"),
    }
}

/// How long something has lasted, in its two largest units.
pub(super) fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, ..) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// Microseconds as milliseconds, to the tenth.
pub(super) fn millis(micros: u64) -> String {
    let tenths = micros.saturating_add(50) / 100;
    format!("{}.{} ms", tenths / 10, tenths % 10)
}

/// `1 key`, `2 keys`, `1,000 keys`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// A number with a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many bytes, with a unit.
pub(super) fn size(size_bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut unit) = (u128::from(size_bytes) * 10, 0);
    while size >= 10_240 && unit + 1 < UNITS.len() {
        (size, unit) = (size / 1_024, unit + 1);
    }
    if unit == 0 { format!("{size_bytes} B") } else { format!("{}.{} {}", size / 10, size % 10, UNITS[unit]) }
}

/// A word as a shell reads it.
pub(super) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The known word that a wrong one most likely means.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str], likeness_min: f64) -> Option<&'a str> {
    let rated = known.iter().map(|known| (strsim::normalized_damerau_levenshtein(word, known), *known));
    rated
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness >= likeness_min)
        .map(|(_, it)| it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_turned_directions_are_spelled_out() {
        assert_eq!(one_line("a\nb\u{1b}[2J\u{202e}c", 80), "a\\nb\\u{1b}[2J\\u{202e}c");
        assert_eq!(lines("a\n\tb\u{7}\r\n"), "a\n\tb\\u{7}\\r\n");
        assert_eq!(one_line("käse é ", 80), "käse é ");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(one_line("abc", 3), "abc");
        assert_eq!(value_preview(&[0xff, 0], 10), "(binary, 2 bytes)");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(1_764_036_956_789), "2025-11-25T02:15:56.789Z");
        assert_eq!(time(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(time(i64::MAX), "9223372036854775807 ms");
    }

    #[test]
    fn durations_and_counts_read_well() {
        assert_eq!(
            [59, 61, 3_700, 90_000].map(duration),
            ["59s", "1m 1s", "1h 1m", "1d 1h"].map(str::to_owned)
        );
        assert_eq!([0, 49, 1_250, 12_000_000].map(millis), ["0.0 ms", "0.0 ms", "1.3 ms", "12000.0 ms"]);
        assert_eq!(counted(1, "key"), "1 key");
        assert_eq!(counted(0, "key"), "0 keys");
        assert_eq!(counted(1_234_567, "key"), "1,234,567 keys");
    }

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        let known = ["endpoints", "timeout_ms"];
        assert_eq!(nearest("endpoint", &known, 0.7), Some("endpoints"));
        assert_eq!(nearest("xyz", &known, 0.7), None);
    }

    #[test]
    fn sizes_have_units() {
        let cases =
            [(0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_600, "1.5 KiB"), (5 << 30, "5.0 GiB")];
        for (size_bytes, expected) in cases {
            assert_eq!(size(size_bytes), expected);
        }
        assert_eq!(size(u64::MAX), "16777215.9 TiB");
    }

    #[test]
    fn words_stay_words_in_a_shell() {
        assert_eq!(shell_word("s3://bucket/a_b,c=d"), "s3://bucket/a_b,c=d");
        assert_eq!(["", "a b", "it's", "$x"].map(shell_word), ["''", "'a b'", r"'it'\''s'", "'$x'"]);
    }
}
