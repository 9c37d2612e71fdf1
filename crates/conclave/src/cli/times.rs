//! Moments, as people write them.

use jiff::Timestamp;
use jiff::civil::Date;

/// What a text that is no moment should have been.
const FORMS: &str = "write it as 2026-02-28T17:00:00Z, 2026-02-28T18:00:00+01:00, 2026-02-28 (midnight in UTC), or how \
                     long ago it was: 90s, 30m, 1h, 2d";

/// Reads a moment: of RFC 3339, a day, or how long ago it was. In milliseconds since 1970-01-01 UTC.
pub(super) fn time_ms(text: &str) -> Result<i64, String> {
    read(text, Timestamp::now().as_millisecond())
}

fn read(text: &str, now_ms: i64) -> Result<i64, String> {
    if let Some(ago_ms) = ago_ms(text) {
        return now_ms.checked_sub(ago_ms).ok_or_else(|| format!("it is too long ago: {FORMS}"));
    }
    let is_day = text.len() == "2026-02-28".len() && text.parse::<Date>().is_ok();
    let midnight = if is_day { "T00:00:00Z" } else { "" };
    let time: Timestamp = format!("{text}{midnight}").parse().map_err(|error| format!("{error}; {FORMS}"))?;
    Ok(time.as_millisecond())
}

/// `90s`, `30m`, `1h`, `2d`, with or without `ago`.
fn ago_ms(text: &str) -> Option<i64> {
    let text = text.strip_suffix("ago").map_or(text, str::trim_end);
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let unit_ms = match &text[digits..] {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    text[..digits].parse::<i64>().ok()?.checked_mul(unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    #[test]
    fn moments_are_days_times_or_so_long_ago() {
        for (text, expected) in [
            ("1970-01-01T01:00:01.5+01:00", 1_500),
            ("1970-01-03", 2 * DAY_MS),
            ("90s", 3 * DAY_MS - 90_000),
            ("30m", 3 * DAY_MS - 1_800_000),
            ("1h ago", 3 * DAY_MS - 3_600_000),
            ("2d", DAY_MS),
        ] {
            assert_eq!(read(text, 3 * DAY_MS), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_told_with_the_forms() {
        for wrong in
            ["", "yesterday", "h", "1y", "-1h", "1.5h", "2026-13-01", "2026-02-28T17:00", "9999999999999d"]
        {
            let told = read(wrong, 0).expect_err(wrong);
            assert!(told.contains("write it as 2026-02-28T17:00:00Z"), "{told}");
        }
    }
}
