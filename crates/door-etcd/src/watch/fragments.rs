//! Large answers in pieces, for clients that ask for that: cut where etcd cuts them.

use std::collections::VecDeque;

use conclave_proto::etcd::etcdserverpb as wire;
use prost::Message as _;
use prost::encoding::message;

/// Size that a piece does not reach, in bytes, unless one event alone does.
const PIECE_SIZE_BYTES: usize = 2 << 20;
/// The number of the events in the message.
const EVENTS_TAG: u32 = 11;

/// The pieces of an answer, all but the last marked.
pub(super) fn fragments(whole: wire::WatchResponse) -> VecDeque<wire::WatchResponse> {
    in_pieces(whole, PIECE_SIZE_BYTES)
}

fn in_pieces(whole: wire::WatchResponse, size_bytes: usize) -> VecDeque<wire::WatchResponse> {
    if whole.encoded_len() < size_bytes {
        return [whole].into();
    }
    let events = whole.events;
    let empty = wire::WatchResponse { events: Vec::new(), fragment: true, ..whole };
    let empty_size = empty.encoded_len();
    let (mut pieces, mut size) = (VecDeque::from([empty.clone()]), empty_size);
    for event in events {
        let event_size = message::encoded_len(EVENTS_TAG, &event);
        let piece = pieces.back().expect("there is one from the first on");
        if !piece.events.is_empty() && size + event_size >= size_bytes {
            pieces.push_back(empty.clone());
            size = empty_size;
        }
        size += event_size;
        pieces.back_mut().expect("there is one from the first on").events.push(event);
    }
    pieces.back_mut().expect("there is one from the first on").fragment = false;
    pieces
}

#[cfg(test)]
mod tests {
    use conclave_proto::etcd::mvccpb;

    use super::*;

    fn response(sizes: &[usize]) -> wire::WatchResponse {
        let event = |size: &usize| {
            let kv = mvccpb::KeyValue { value: vec![0; *size].into(), ..mvccpb::KeyValue::default() };
            mvccpb::Event { kv: Some(kv), ..mvccpb::Event::default() }
        };
        wire::WatchResponse {
            watch_id: 7,
            events: sizes.iter().map(event).collect(),
            ..wire::WatchResponse::default()
        }
    }

    #[test]
    fn pieces_stay_below_the_size_and_all_but_the_last_say_that_more_follows() {
        let counts = |sizes: &[usize]| -> Vec<usize> {
            let pieces = in_pieces(response(sizes), 1_000);
            for piece in &pieces {
                assert!(piece.encoded_len() < 1_000 || piece.events.len() == 1);
                assert_eq!(piece.watch_id, 7);
            }
            let marks: Vec<_> = pieces.iter().map(|piece| piece.fragment).collect();
            assert!(marks[..marks.len() - 1].iter().all(|mark| *mark) && !marks[marks.len() - 1]);
            pieces.iter().map(|piece| piece.events.len()).collect()
        };
        assert_eq!(counts(&[10, 20]), [2]);
        assert_eq!(counts(&[400, 400, 400, 10]), [2, 2]);
        assert_eq!(counts(&[5_000]), [1]);
        assert_eq!(counts(&[10, 5_000, 10]), [1, 1, 1]);
        assert_eq!(counts(&[]), [0]);
    }
}
