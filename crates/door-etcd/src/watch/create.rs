//! What a watch is asked for, and why there is none.

use bytes::Bytes;
use conclave_core::kv;
use conclave_mvcc::{KeyRange, Revision};
use conclave_proto::etcd::etcdserverpb as wire;
use wire::watch_create_request::FilterType;

use super::watches::Wants;
use crate::kv_wire::key_range;

/// The key that stands for none: the smallest.
const SMALLEST: &[u8] = b"\0";

/// A watch that is to be made.
#[derive(Debug)]
pub(super) struct Create {
    /// 0: any.
    pub(super) id: i64,
    /// What was asked for, whether it can be read or not.
    pub(super) range: KeyRange,
    /// None: from now on.
    pub(super) start: Option<Revision>,
    pub(super) wants: Wants,
}

/// Why a watch is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    /// Its range is empty.
    EmptyRange,
    /// Its id is that of another watch of the stream.
    DuplicateId,
    /// The stream has as many watches as it may.
    ManyOfStream,
    /// The node has as many watches as it may.
    ManyOfNode,
}

impl Mistake {
    /// How a client is told. The first two are etcd's words.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::EmptyRange => "mvcc: watcher range is empty",
            Self::DuplicateId => "mvcc: duplicate watch ID provided on the WatchStream",
            Self::ManyOfStream => "this stream has as many watches as it may: open another one",
            Self::ManyOfNode => "this node has as many watches as it may: ask another one",
        }
    }
}

impl Create {
    pub(super) fn parse(request: &wire::WatchCreateRequest) -> Self {
        // A key that is kept must not keep the message that it came in.
        let owned = |bytes: &Bytes| Bytes::copy_from_slice(bytes);
        let key = if request.key.is_empty() { Bytes::from_static(SMALLEST) } else { owned(&request.key) };
        let range = key_range(key, owned(&request.range_end));
        let start = u64::try_from(request.start_revision).unwrap_or(1);
        let leaves_out = |kind: FilterType| request.filters.contains(&kind.into());
        Self {
            id: request.watch_id,
            range,
            start: Some(start).filter(|start| *start > 0).map(Revision::new),
            wants: Wants {
                puts: !leaves_out(FilterType::Noput),
                deletes: !leaves_out(FilterType::Nodelete),
                previous: request.prev_kv,
                fragments: request.fragment,
                progress: request.progress_notify,
            },
        }
    }

    /// The parts of its range that can be read.
    pub(super) fn ranges(&self) -> Result<Vec<KeyRange>, Mistake> {
        let KeyRange { start, end } = &self.range;
        if !end.is_empty() && end <= start { Err(Mistake::EmptyRange) } else { Ok(kv::readable(&self.range)) }
    }

    /// What its range takes in memory, in bytes.
    pub(super) fn size_bytes(&self) -> usize {
        self.range.start.len() + self.range.end.len()
    }
}

/// Whatever is asked for, it is a watch of what can be read, or it is told why there is none.
#[cfg(test)]
pub(crate) fn check_request(request: wire::WatchRequest) {
    use wire::watch_request::RequestUnion;
    let Some(RequestUnion::CreateRequest(request)) = request.request_union else { return };
    let create = Create::parse(&request);
    assert!(create.start.is_none_or(|start| start > Revision::ZERO));
    assert_eq!(create.size_bytes(), create.range.start.len() + create.range.end.len());
    if let Ok(ranges) = create.ranges() {
        assert!(ranges.iter().all(|range| range.end.is_empty() || range.start < range.end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(key: &'static str, end: &'static str) -> Result<Vec<KeyRange>, Mistake> {
        let request = wire::WatchCreateRequest {
            key: key.into(),
            range_end: end.into(),
            ..wire::WatchCreateRequest::default()
        };
        Create::parse(&request).ranges()
    }

    #[test]
    fn ranges_are_those_that_can_be_read() {
        assert_eq!(ranges("a", "").unwrap(), [KeyRange::single("a")]);
        assert_eq!(ranges("a", "c").unwrap(), [KeyRange::new("a", "c")]);
        assert_eq!(ranges("", "").unwrap(), [KeyRange::single("\0")]);
        assert_eq!(ranges("", "\0").unwrap(), kv::readable(&KeyRange::new("\0", "")));
        assert_eq!(ranges("conclave/lock/a", "").unwrap(), []);
        for (key, end) in [("a", "a"), ("b", "a")] {
            assert_eq!(ranges(key, end).unwrap_err(), Mistake::EmptyRange);
        }
    }

    #[test]
    fn starts_below_the_first_revision_are_the_first() {
        let start = |start_revision| {
            let request = wire::WatchCreateRequest { start_revision, ..Default::default() };
            Create::parse(&request).start.map(Revision::get)
        };
        assert_eq!([start(0), start(7), start(-3)], [None, Some(7), Some(1)]);
    }
}
