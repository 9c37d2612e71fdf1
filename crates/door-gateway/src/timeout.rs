//! How long whoever asked waits: the header `Grpc-Timeout`.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use crate::failure::Failure;

/// The header, which has the same name in gRPC.
pub(crate) const HEADER: &str = "grpc-timeout";
/// Most digits that gRPC allows. The gateway takes more.
const DIGITS_MAX: usize = 8;

/// The units: their letters, and how many nanoseconds they are. Finest first.
const UNITS: [(&str, u128); 6] = [
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("S", 1_000_000_000),
    ("M", 60 * 1_000_000_000),
    ("H", 3_600 * 1_000_000_000),
];

/// How long the call may take; none if that is not said, or said to be zero.
pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Duration>, Failure> {
    let Some(header) = headers.get(HEADER) else { return Ok(None) };
    let text = header.to_str().unwrap_or_default();
    let nanos = parse(text).ok_or_else(|| Failure::unreadable(format!("invalid grpc-timeout: {text}")))?;
    // What does not fit is centuries.
    let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
    Ok((nanos > 0).then(|| Duration::from_nanos(nanos)))
}

/// The same for the inner router: in the finest unit in which it fits.
pub(crate) fn header(timeout: Duration) -> HeaderValue {
    let nanos = timeout.as_nanos();
    let fits = |(unit, size): &(&str, u128)| {
        let text = format!("{}{unit}", nanos.div_ceil(*size));
        (text.len() <= DIGITS_MAX + 1).then_some(text)
    };
    let text =
        UNITS.iter().find_map(fits).expect("as many hours as fit into 64 bits of nanoseconds have 7 digits");
    HeaderValue::try_from(text).expect("digits and a letter are a header")
}

fn parse(text: &str) -> Option<u128> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = digits.bytes().all(|it| it.is_ascii_digit());
    let number: u64 = is_number.then(|| digits.parse().ok())??;
    let (_, size) = UNITS.iter().find(|(letter, _)| *letter == unit)?;
    Some(u128::from(number) * size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &'static str) -> Result<Option<Duration>, Failure> {
        of(&HeaderMap::from_iter([(HEADER.parse().unwrap(), HeaderValue::from_static(text))]))
    }

    #[test]
    fn every_unit_counts() {
        let expected = [
            ("7n", Duration::from_nanos(7)),
            ("7u", Duration::from_micros(7)),
            ("250m", Duration::from_millis(250)),
            ("1234567890S", Duration::from_secs(1_234_567_890)),
            ("2M", Duration::from_secs(120)),
            ("1H", Duration::from_secs(3_600)),
            ("18446744073709551615H", Duration::from_nanos(u64::MAX)),
        ];
        for (text, timeout) in expected {
            assert_eq!(told(text), Ok(Some(timeout)), "{text}");
        }
        assert_eq!(told("0S"), Ok(None));
        assert_eq!(of(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn what_is_no_timeout_is_refused() {
        for text in ["", "S", "1", "500x", "-1S", "+1S", "1.5S", "99999999999999999999S"] {
            assert!(told(text).is_err(), "{text:?}");
        }
        assert_eq!(told("500x"), Err(Failure::unreadable("invalid grpc-timeout: 500x")));
    }

    #[test]
    fn the_inner_router_is_told_the_same_in_eight_digits() {
        let expected = [
            (Duration::from_nanos(7), "7n"),
            (Duration::from_millis(250), "250000u"),
            (Duration::from_secs(3_600), "3600000m"),
            (Duration::from_secs(1_234_567_890), "20576132M"),
            (Duration::from_nanos(u64::MAX), "5124096H"),
        ];
        for (timeout, text) in expected {
            assert_eq!(header(timeout), text);
        }
    }
}
