//! How each client setting is read from text. An error says what the text is not; where it stood is
//! added later.

use crate::cli::output::OutputFormat;

/// The longest time that a command may try.
const TIMEOUT_MS_MAX: u64 = 3_600_000;

/// `host:port` or `http://host:port`, separated by commas.
pub(super) fn endpoints(text: &str) -> Result<Vec<String>, String> {
    let endpoints: Vec<String> =
        text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect();
    if endpoints.is_empty() {
        return Err("names no node: at least one host:port is needed".into());
    }
    match endpoints.iter().find(|endpoint| !is_endpoint(endpoint)) {
        Some(wrong) => Err(format!("{wrong:?} is not of the form host:port or http://host:port")),
        None => Ok(endpoints),
    }
}

fn is_endpoint(text: &str) -> bool {
    let address = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    let parts = address.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !address.contains('/'));
    parts.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// A number with its unit, within the bounds of a timeout: `500ms`, `10s`, `1m`.
pub(super) fn duration_ms(text: &str) -> Result<u64, String> {
    within_bounds(span_ms(text)?)
}

/// A number with its unit: `500ms`, `10s`, `1m`, `2h`.
pub(super) fn span_ms(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor = match &text[digits..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let (amount, factor) = text[..digits]
        .parse::<u64>()
        .ok()
        .zip(factor)
        .ok_or_else(|| format!("{text:?} is not a duration: write it as 500ms, 10s or 1m"))?;
    Ok(amount.saturating_mul(factor))
}

/// A number of milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<u64, String> {
    let number = text.parse().map_err(|_| format!("{text:?} is not a whole number of milliseconds"))?;
    within_bounds(number)
}

fn within_bounds(timeout_ms: u64) -> Result<u64, String> {
    if (1..=TIMEOUT_MS_MAX).contains(&timeout_ms) {
        return Ok(timeout_ms);
    }
    Err(format!("{timeout_ms} ms is not from 1 ms to {TIMEOUT_MS_MAX} ms"))
}

/// The name of an output format.
pub(super) fn output(text: &str) -> Result<OutputFormat, String> {
    OutputFormat::parse(text).ok_or_else(|| format!("{text:?} is none of table, json and yaml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_separated_by_commas() {
        assert_eq!(
            endpoints("a:1, http://b:2/,[::1]:3,"),
            Ok(vec!["a:1".into(), "http://b:2/".into(), "[::1]:3".into()])
        );
        for wrong in ["", " , ", "a", "a:0", ":1", "https://a:1", "a:1/x", "a:1,b"] {
            endpoints(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn every_endpoint_taken_here_is_taken_by_the_client() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let _guard = runtime.enter();
        for text in ["a:1", "http://b:2/", "[::1]:3"] {
            let options = conclave_client::ClientOptions::new(endpoints(text).expect(text));
            conclave_client::Client::connect(options).expect(text);
        }
    }

    #[test]
    fn durations_have_a_unit_and_bounds() {
        assert_eq!(["500ms", "10s", "2m"].map(duration_ms), [Ok(500), Ok(10_000), Ok(120_000)]);
        assert_eq!(["1h", "24h"].map(span_ms), [Ok(3_600_000), Ok(86_400_000)]);
        for wrong in ["", "10", "s", "1.5s", "-1s", "0s", "2h", "61m", "99999999999999999999s"] {
            duration_ms(wrong).expect_err(wrong);
        }
        assert_eq!(milliseconds("250"), Ok(250));
        milliseconds("1s").expect_err("no unit here");
    }
}
