//! Headers of HTTP as metadata of gRPC, and back.

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, TE};
use axum::http::{HeaderMap, HeaderName};

/// What headers begin with that are metadata.
const PREFIX: &str = "grpc-metadata-";
/// What metadata never begins with: that is gRPC's own.
const RESERVED_PREFIX: &str = "grpc-";
/// Headers that are not metadata.
const RESERVED: [HeaderName; 3] = [CONTENT_TYPE, HOST, TE];

/// The metadata that a request carries: its token, and what begins with `Grpc-Metadata-`.
pub(crate) fn of_request(headers: &HeaderMap) -> HeaderMap {
    headers.iter().filter_map(|(name, value)| Some((asked(name)?, value.clone()))).collect()
}

/// The headers that tell the metadata of an answer.
pub(crate) fn of_answer(metadata: &HeaderMap) -> HeaderMap {
    let told = metadata.iter().filter(|(name, _)| !name.as_str().starts_with(RESERVED_PREFIX));
    told.filter_map(|(name, value)| Some((format!("{PREFIX}{name}").parse().ok()?, value.clone()))).collect()
}

fn asked(name: &HeaderName) -> Option<HeaderName> {
    if name == AUTHORIZATION {
        return Some(name.clone());
    }
    let name: HeaderName = name.as_str().strip_prefix(PREFIX)?.parse().ok()?;
    let is_reserved = name.as_str().starts_with(RESERVED_PREFIX) || RESERVED.contains(&name);
    (!is_reserved).then_some(name)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_the_token_and_what_is_marked_is_metadata() {
        let asked = headers(&[
            ("Authorization", "abc.1"),
            ("Cookie", "private"),
            ("Grpc-Metadata-Hasleader", "true"),
            ("Grpc-Metadata-Content-Type", "text/plain"),
            ("Grpc-Metadata-Grpc-Timeout", "1S"),
            ("Grpc-Metadata-", "nameless"),
        ]);
        let metadata = headers(&[("authorization", "abc.1"), ("hasleader", "true")]);
        assert_eq!(of_request(&asked), metadata);
    }

    #[test]
    fn metadata_of_answers_is_marked() {
        let metadata = headers(&[("content-type", "application/grpc"), ("grpc-encoding", "identity")]);
        let told = headers(&[("grpc-metadata-content-type", "application/grpc")]);
        assert_eq!(of_answer(&metadata), told);
    }
}
