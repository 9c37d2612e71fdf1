//! JSON that was spoilt, and answers that are none: nothing panics, and what becomes of a text is what it says.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use conclave_fuzz::{inputs_of, messages};
use conclave_proto::ETCD_FILE_DESCRIPTOR_SET;
use futures::stream;
use prost_reflect::{DynamicMessage, MessageDescriptor};

use crate::json_texts::JsonTexts;
use crate::paths::descriptors;
use crate::{answer_json, request_json};

/// Larger bodies are not looked at here.
const BODY_SIZE_BYTES_MAX: usize = 4_096;

/// All messages that calls take or answer with, each in several forms.
fn all_messages() -> Vec<(MessageDescriptor, Vec<u8>)> {
    let pool = descriptors();
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let kinds = methods.flat_map(|method| [method.input(), method.output()]);
    kinds
        .flat_map(|kind| {
            let made = messages(ETCD_FILE_DESCRIPTOR_SET, kind.full_name());
            made.into_iter().map(move |encoded| (kind.clone(), encoded))
        })
        .collect()
}

fn json_of(encoded: &[u8], kind: &MessageDescriptor) -> Option<Vec<u8>> {
    let mut json = Vec::new();
    answer_json::write(encoded, kind, &mut json).ok()?;
    Some(json)
}

/// Whatever text is taken, the message of it is whole, and written as JSON it is taken for the same.
#[test]
fn fuzz_requests() {
    let seeds: Vec<_> = all_messages()
        .into_iter()
        .map(|(kind, encoded)| {
            let json = json_of(&encoded, &kind).expect("the message is whole");
            (kind, json)
        })
        .collect();
    inputs_of!(seeds.iter().map(|(_, json)| json)).for_each(|input| {
        let kind = &seeds[input.seed].0;
        let Ok(encoded) = request_json::encode(input, kind) else { return };
        DynamicMessage::decode(kind.clone(), encoded.as_slice()).expect("it is whole");
        let json = json_of(&encoded, kind).expect("it is whole");
        let again = request_json::encode(&json, kind).expect("what was written is taken");
        assert_eq!(json_of(&again, kind), Some(json));
    });
}

/// Whatever bytes an answer has, it is told that they are none, or they make a JSON text.
#[test]
fn fuzz_answers() {
    let seeds = all_messages();
    inputs_of!(seeds.iter().map(|(_, encoded)| encoded)).for_each(|input| {
        if let Some(json) = json_of(input, &seeds[input.seed].0) {
            serde_json::from_slice::<serde_json::Value>(&json).expect("it is JSON");
        }
    });
}

/// The objects of a body that comes in pieces of this size; and whether it ended well.
async fn objects(body: &[u8], piece_size_bytes: usize) -> (Vec<Bytes>, bool) {
    let pieces: Vec<_> = body.chunks(piece_size_bytes).map(Bytes::copy_from_slice).collect();
    let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
    let mut texts = JsonTexts::of(body, BODY_SIZE_BYTES_MAX);
    let mut read = Vec::new();
    loop {
        match texts.next().await {
            Ok(Some(text)) => read.push(text),
            Ok(None) => return (read, true),
            Err(_) => return (read, false),
        }
    }
}

/// How a body is cut on its way changes nothing.
#[test]
fn fuzz_bodies() {
    let seeds = ["{\"a\":[1,{\"b\":\"}\\\"\"}]} {}\n{\"key\":\"Zm9v\"}", " {\"a\":\"\\\\\"}{}", ""];
    inputs_of!(seeds).for_each(|input| {
        if input.len() > BODY_SIZE_BYTES_MAX {
            return;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let whole = runtime.block_on(objects(input, input.len().max(1)));
        for size_bytes in [1, 3] {
            assert_eq!(runtime.block_on(objects(input, size_bytes)), whole);
        }
    });
}
