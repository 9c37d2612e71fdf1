//! Pages: the tokens that lead from one to the next, and the gathering of one by size.
//!
//! A token is base64 of: a format byte, the place (postcard), and a checksum. The place carries a fingerprint
//! of the request: a token that was changed, or that another request got, is refused. Callers see it as opaque.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conclave_core::Rejection;
use conclave_door::{Limits, Refusal};
use conclave_mvcc::{MapError, Revision};
use prost::Message;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const FORMAT: u8 = 1;
const CHECKSUM_SIZE_BYTES: usize = 8;

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Revision at which all pages are read.
    pub(crate) revision: Revision,
    /// A version that the first page fixed, or the one before which the next page begins.
    pub(crate) version: u64,
    /// The last key, or name, of the page before.
    pub(crate) after: String,
}

/// The tokens of one request's pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tokens {
    fingerprint: u64,
}

impl Tokens {
    /// The tokens of a request, of which only the fields that decide what is listed are set.
    pub(crate) fn of(rpc: &str, request: &impl Message) -> Self {
        let mut hash = Xxh3::new();
        hash.update(rpc.as_bytes());
        hash.update(&[0]);
        hash.update(&request.encode_to_vec());
        Self { fingerprint: hash.digest() }
    }

    /// The place that a token leads to. An empty one leads to the first page.
    pub(crate) fn read(&self, token: &str) -> Result<Option<Place>, Refusal> {
        if token.is_empty() {
            return Ok(None);
        }
        self.decode(token).map(Some).ok_or(Refusal::PageTokenInvalid)
    }

    /// The token that leads to a place.
    pub(crate) fn write(&self, place: &Place) -> String {
        let mut bytes = vec![FORMAT];
        let body = postcard::to_allocvec(&(self.fingerprint, place));
        bytes.extend(body.expect("numbers and text are always encoded"));
        bytes.extend(xxh3_64(&bytes).to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(&self, token: &str) -> Option<Place> {
        let fits = token.len() <= Limits::PAGE_TOKEN_SIZE_BYTES_MAX;
        let bytes = fits.then(|| URL_SAFE_NO_PAD.decode(token).ok())??;
        let (signed, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_SIZE_BYTES)?)?;
        if xxh3_64(signed).to_be_bytes() != checksum {
            return None;
        }
        let body = signed.strip_prefix(&[FORMAT])?;
        let ((fingerprint, place), rest) = postcard::take_from_bytes::<(u64, Place)>(body).ok()?;
        (fingerprint == self.fingerprint && rest.is_empty()).then_some(place)
    }
}

/// What bounds a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageBounds {
    /// Most entries.
    pub(crate) entries_max: usize,
    /// No further entry once those found take so much.
    pub(crate) size_bytes_max: usize,
    /// Entries that are read at once: so many may be read for nothing.
    pub(crate) piece_entries: usize,
}

/// A piece of a listing, and whether more follows it; or the store's refusal.
type Piece<T> = Result<Result<(Vec<T>, bool), Rejection>, MapError>;

/// Gathers a page from pieces. `read` gives what follows an entry (none: the beginning), at most so many.
pub(crate) fn gather<T>(
    bounds: PageBounds,
    size_bytes: impl Fn(&T) -> usize,
    read: impl Fn(Option<&T>, usize) -> Piece<T>,
) -> Piece<T> {
    let mut page: Vec<T> = Vec::new();
    let mut left_bytes = bounds.size_bytes_max;
    loop {
        let entries_max = bounds.piece_entries.min(bounds.entries_max - page.len());
        let (piece, more) = match read(page.last(), entries_max)? {
            Ok(piece) => piece,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let found = piece.len();
        for (index, entry) in piece.into_iter().enumerate() {
            left_bytes = left_bytes.saturating_sub(size_bytes(&entry));
            page.push(entry);
            if left_bytes == 0 {
                return Ok(Ok((page, more || index + 1 < found)));
            }
        }
        if !more || page.len() >= bounds.entries_max || found == 0 {
            return Ok(Ok((page, more)));
        }
    }
}

#[cfg(test)]
mod tests {
    use conclave_proto::config::v1::ListRequest;

    use super::*;

    fn request(namespace: &str) -> ListRequest {
        ListRequest { namespace: namespace.into(), ..Default::default() }
    }

    fn place() -> Place {
        Place { revision: Revision::new(7), version: 3, after: "db.url".into() }
    }

    #[test]
    fn a_token_leads_back_to_its_place() {
        let tokens = Tokens::of("List", &request("a"));
        assert_eq!(tokens.read(&tokens.write(&place())).unwrap(), Some(place()));
        assert_eq!(tokens.read("").unwrap(), None);
    }

    #[test]
    fn a_token_belongs_to_one_request() {
        let token = Tokens::of("List", &request("a")).write(&place());
        for other in [Tokens::of("List", &request("b")), Tokens::of("Diff", &request("a"))] {
            assert!(matches!(other.read(&token), Err(Refusal::PageTokenInvalid)));
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let tokens = Tokens::of("List", &request("a"));
        let token = tokens.write(&place());
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(tokens.read(&changed).is_err(), "byte {at}");
            assert!(tokens.read(&token[..at]).is_err() || at == 0, "cut at {at}");
        }
        for odd in ["!", "AAAA", &"A".repeat(100_000), &format!("{token}A"), &format!("{token}=")] {
            assert!(tokens.read(odd).is_err(), "{odd:.20}");
        }
    }

    #[test]
    fn a_token_of_another_format_is_refused_though_its_checksum_fits() {
        let tokens = Tokens::of("List", &request("a"));
        let mut bytes = URL_SAFE_NO_PAD.decode(tokens.write(&place())).unwrap();
        bytes.truncate(bytes.len() - CHECKSUM_SIZE_BYTES);
        bytes[0] = FORMAT + 1;
        bytes.extend(xxh3_64(&bytes).to_be_bytes());
        assert!(tokens.read(&URL_SAFE_NO_PAD.encode(bytes)).is_err());
    }

    /// Pages over the numbers up to `last`, each of which takes ten bytes.
    fn numbers(bounds: PageBounds, last: usize) -> (Vec<usize>, bool) {
        let read = |after: Option<&usize>, entries_max: usize| {
            let all: Vec<usize> = (after.map_or(1, |after| after + 1)..=last).collect();
            let more = all.len() > entries_max;
            Ok(Ok((all.into_iter().take(entries_max).collect(), more)))
        };
        gather(bounds, |_| 10, read).unwrap().unwrap()
    }

    #[test]
    fn a_page_ends_at_its_count_its_size_or_the_end() {
        let bounds = PageBounds { entries_max: 5, size_bytes_max: 1_000, piece_entries: 2 };
        assert_eq!(numbers(bounds, 9), (vec![1, 2, 3, 4, 5], true));
        assert_eq!(numbers(bounds, 5), (vec![1, 2, 3, 4, 5], false));
        assert_eq!(numbers(bounds, 4), (vec![1, 2, 3, 4], false));
        assert_eq!(numbers(bounds, 0), (vec![], false));
        let small = PageBounds { size_bytes_max: 25, ..bounds };
        assert_eq!(numbers(small, 3), (vec![1, 2, 3], false));
        assert_eq!(numbers(small, 4), (vec![1, 2, 3], true));
        assert_eq!(numbers(PageBounds { size_bytes_max: 1, ..bounds }, 4), (vec![1], true));
    }

    #[test]
    fn a_refusal_is_the_page() {
        let bounds = PageBounds { entries_max: 5, size_bytes_max: 1_000, piece_entries: 2 };
        let refusal = Rejection::NamespaceNotFound { namespace: "a".into() };
        let page = gather(bounds, |(): &()| 0, |_, _| Ok(Err(refusal.clone())));
        assert_eq!(page.unwrap().unwrap_err(), refusal);
    }
}
