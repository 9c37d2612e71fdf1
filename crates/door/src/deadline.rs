//! How long a request may take: the `grpc-timeout` header, with a default and a bound.

use std::time::Duration;

use tokio::time::Instant;
use tonic::metadata::MetadataMap;

use crate::Violations;

const HEADER: &str = "grpc-timeout";
/// The time that a request without a deadline gets.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// The longest time that any request gets.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Most digits that the protocol allows.
const DIGITS_MAX: usize = 8;

/// The moment by which the answer must be there, for a request that has just come.
///
/// # Errors
/// A header that is not a number of at most eight digits and a unit is a violation: to take the default
/// in its place would be guesswork.
pub fn deadline_of(metadata: &MetadataMap) -> Result<Instant, Violations> {
    let Some(header) = metadata.get(HEADER) else {
        return Ok(Instant::now() + TIMEOUT_DEFAULT);
    };
    let timeout = header.to_str().ok().and_then(parse);
    match timeout {
        Some(timeout) => Ok(Instant::now() + timeout.min(TIMEOUT_MAX)),
        None => Err(unreadable()),
    }
}

/// The moment at which whoever called stops waiting, for a call that waits as long as it is let; none if there is
/// none.
///
/// # Errors
/// As of [`deadline_of`].
pub fn end_of(metadata: &MetadataMap) -> Result<Option<Instant>, Violations> {
    let Some(header) = metadata.get(HEADER) else { return Ok(None) };
    let timeout = header.to_str().ok().and_then(parse).ok_or_else(unreadable)?;
    Ok(Instant::now().checked_add(timeout))
}

fn unreadable() -> Violations {
    Violations::one(HEADER, "is not 1 to 8 digits and a unit (H, M, S, m, u or n)")
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = (1..=DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    let number: u64 = is_number.then(|| digits.parse().ok())??;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(header: Option<&str>) -> Result<Duration, Violations> {
        let mut metadata = MetadataMap::new();
        if let Some(text) = header {
            metadata.insert(HEADER, text.parse().unwrap());
        }
        deadline_of(&metadata).map(|deadline| deadline.duration_since(Instant::now()))
    }

    #[tokio::test(start_paused = true)]
    async fn every_unit_counts_as_the_protocol_says() {
        for (text, expected) in [
            ("1M", Duration::from_secs(60)),
            ("7S", Duration::from_secs(7)),
            ("250m", Duration::from_millis(250)),
            ("99u", Duration::from_micros(99)),
            ("5n", Duration::from_nanos(5)),
            ("0S", Duration::ZERO),
        ] {
            assert_eq!(left(Some(text)).unwrap(), expected, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_a_default_and_a_bound() {
        assert_eq!(left(None).unwrap(), TIMEOUT_DEFAULT);
        assert_eq!(left(Some("61S")).unwrap(), TIMEOUT_MAX);
        assert_eq!(left(Some("99999999H")).unwrap(), TIMEOUT_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_ends_when_its_caller_says_so() {
        let left = |header: Option<&str>| {
            let mut metadata = MetadataMap::new();
            header.map(|text| metadata.insert(HEADER, text.parse().unwrap()));
            end_of(&metadata).map(|end| end.map(|end| end.duration_since(Instant::now())))
        };
        assert_eq!(left(None), Ok(None));
        assert_eq!(left(Some("2H")), Ok(Some(Duration::from_secs(7_200))));
        assert!(left(Some("2 H")).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_timeout_is_refused() {
        for text in ["", "S", "5", "5 S", "-5S", "+5S", "5s", "123456789S", "1.5S"] {
            assert!(left(Some(text)).is_err(), "{text:?}");
        }
    }
}
