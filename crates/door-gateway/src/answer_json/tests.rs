//! What etcd 3.5.1 writes.

use conclave_proto::etcd::authpb::Permission;
use conclave_proto::etcd::etcdserverpb::response_op::Response as Done;
use conclave_proto::etcd::etcdserverpb::{
    AlarmMember, AlarmResponse, AuthRoleGetResponse, AuthUserListResponse, DefragmentResponse,
    DeleteRangeResponse, HashResponse, LeaseGrantResponse, LeaseTimeToLiveResponse, Member,
    MemberListResponse, PutResponse, RangeResponse, ResponseHeader, ResponseOp, SnapshotResponse,
    TxnResponse, WatchResponse,
};
use conclave_proto::etcd::mvccpb::{Event, KeyValue};
use prost::Message;
use prost::encoding::encode_varint;

use super::*;
use crate::paths::descriptors;

fn message(name: &str) -> MessageDescriptor {
    descriptors().get_message_by_name(&format!("etcdserverpb.{name}")).unwrap()
}

fn written(name: &str, encoded: &[u8]) -> Result<String, Failure> {
    let mut out = Vec::new();
    write(encoded, &message(name), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn assert_written(name: &str, answer: &impl Message, json: &str) {
    assert_eq!(written(name, &answer.encode_to_vec()), Ok(json.to_owned()));
}

fn header(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { revision, ..ResponseHeader::default() })
}

fn key_value() -> KeyValue {
    let (key, value) = ("foo".into(), "bar".into());
    KeyValue { key, create_revision: 2, mod_revision: 3, version: 2, value, lease: 0 }
}

#[test]
fn a_range() {
    let header = ResponseHeader {
        cluster_id: 324_952,
        member_id: 15_008_509_886_387_115_719,
        revision: 3,
        raft_term: 2,
    };
    let range = RangeResponse { header: Some(header), kvs: vec![key_value()], more: true, count: 2 };
    let json = r#"{"header":{"cluster_id":"324952","member_id":"15008509886387115719","revision":"3","raft_term":"2"},"kvs":[{"key":"Zm9v","create_revision":"2","mod_revision":"3","version":"2","value":"YmFy"}],"more":true,"count":"2"}"#;
    assert_written("RangeResponse", &range, json);
}

#[test]
fn what_has_its_default_value_is_left_out() {
    assert_written("RangeResponse", &RangeResponse::default(), "{}");
    assert_written("DefragmentResponse", &DefragmentResponse::default(), "{}");
    let put = PutResponse { header: header(0), prev_kv: Some(KeyValue::default()) };
    assert_written("PutResponse", &put, r#"{"header":{},"prev_kv":{}}"#);
}

#[test]
fn names_are_those_of_the_definitions() {
    let granted = LeaseGrantResponse { header: None, id: 777, ttl: -1, error: String::new() };
    assert_written("LeaseGrantResponse", &granted, r#"{"ID":"777","TTL":"-1"}"#);
    let left = LeaseTimeToLiveResponse {
        id: i64::MIN,
        granted_ttl: 60,
        keys: vec!["a".into(), "".into()],
        ..LeaseTimeToLiveResponse::default()
    };
    let json = r#"{"ID":"-9223372036854775808","grantedTTL":"60","keys":["YQ==",""]}"#;
    assert_written("LeaseTimeToLiveResponse", &left, json);
    let member = Member {
        id: 3_319_814_642_761_637_952,
        name: "n1".into(),
        peer_ur_ls: vec!["http://127.0.0.1:2380".into()],
        client_ur_ls: vec!["http://127.0.0.1:2379".into()],
        is_learner: false,
    };
    let list = MemberListResponse { header: None, members: vec![member] };
    let json = r#"{"members":[{"ID":"3319814642761637952","name":"n1","peerURLs":["http://127.0.0.1:2380"],"clientURLs":["http://127.0.0.1:2379"]}]}"#;
    assert_written("MemberListResponse", &list, json);
}

#[test]
fn small_numbers_are_bare_and_enums_have_names() {
    assert_written("HashResponse", &HashResponse { header: None, hash: u32::MAX }, r#"{"hash":4294967295}"#);
    let alarms = [1, 2, 9, -1, 0].map(|alarm| AlarmMember { member_id: 0, alarm }).to_vec();
    let json = r#"{"alarms":[{"alarm":"NOSPACE"},{"alarm":"CORRUPT"},{"alarm":9},{"alarm":-1},{}]}"#;
    assert_written("AlarmResponse", &AlarmResponse { header: None, alarms }, json);
    let perm = [
        Permission { perm_type: 0, key: "a".into(), range_end: "".into() },
        Permission { perm_type: 2, key: "foo".into(), range_end: "fop".into() },
    ];
    let json = r#"{"perm":[{"key":"YQ=="},{"permType":"READWRITE","key":"Zm9v","range_end":"Zm9w"}]}"#;
    assert_written("AuthRoleGetResponse", &AuthRoleGetResponse { header: None, perm: perm.to_vec() }, json);
}

#[test]
fn a_transaction_tells_what_was_done() {
    let done = |response| ResponseOp { response: Some(response) };
    let put = PutResponse { header: header(5), prev_kv: None };
    let deleted = DeleteRangeResponse { header: header(5), deleted: 2, prev_kvs: Vec::new() };
    let range = RangeResponse { header: header(5), ..RangeResponse::default() };
    let inner =
        TxnResponse { header: header(0), succeeded: true, responses: vec![done(Done::ResponseRange(range))] };
    let txn = TxnResponse {
        header: None,
        succeeded: false,
        responses: vec![
            done(Done::ResponsePut(put)),
            done(Done::ResponseDeleteRange(deleted)),
            done(Done::ResponseTxn(inner)),
            done(Done::ResponsePut(PutResponse::default())),
        ],
    };
    let json = r#"{"responses":[{"response_put":{"header":{"revision":"5"}}},{"response_delete_range":{"header":{"revision":"5"},"deleted":"2"}},{"response_txn":{"header":{},"succeeded":true,"responses":[{"response_range":{"header":{"revision":"5"}}}]}},{"response_put":{}}]}"#;
    assert_written("TxnResponse", &txn, json);
}

#[test]
fn a_watch_tells_changes() {
    let put = Event { r#type: 0, kv: Some(key_value()), prev_kv: None };
    let key = KeyValue { key: "foo".into(), mod_revision: 4, ..KeyValue::default() };
    let deleted = Event { r#type: 1, kv: Some(key), prev_kv: Some(key_value()) };
    let told = WatchResponse { watch_id: -1, events: vec![put, deleted], ..WatchResponse::default() };
    let json = r#"{"watch_id":"-1","events":[{"kv":{"key":"Zm9v","create_revision":"2","mod_revision":"3","version":"2","value":"YmFy"}},{"type":"DELETE","kv":{"key":"Zm9v","mod_revision":"4"},"prev_kv":{"key":"Zm9v","create_revision":"2","mod_revision":"3","version":"2","value":"YmFy"}}]}"#;
    assert_written("WatchResponse", &told, json);
}

#[test]
fn texts_and_bytes_are_told_whatever_is_in_them() {
    let users = vec!["a\"<\\\n\u{1}é".to_owned(), String::new()];
    let json = r#"{"users":["a\"<\\\n\u0001é",""]}"#;
    assert_written("AuthUserListResponse", &AuthUserListResponse { header: None, users }, json);
    let blob = vec![0, 0xfb, 0xff].into();
    let piece = SnapshotResponse { remaining_bytes: 9, blob, ..SnapshotResponse::default() };
    assert_written("SnapshotResponse", &piece, r#"{"remaining_bytes":"9","blob":"APv/"}"#);
}

#[test]
fn what_a_newer_version_says_is_left_out() {
    // Field 99 as a number, a text, and 64 bits; then field 4 of a range, which is known.
    let encoded = [0x98, 6, 1, 0x9a, 6, 1, b'x', 0x99, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 7];
    assert_eq!(written("RangeResponse", &encoded), Ok(r#"{"count":"7"}"#.into()));
}

#[test]
fn numbers_of_a_list_may_be_packed() {
    // Field 5 of a watch that is made: two filters in one piece, and one alone.
    let json = r#"{"filters":["NOPUT","NODELETE","NODELETE"]}"#;
    assert_eq!(written("WatchCreateRequest", &[0x2a, 2, 0, 1, 0x28, 1]), Ok(json.into()));
}

#[test]
fn what_is_no_message_is_refused() {
    let cut = PutResponse { header: header(5), prev_kv: Some(key_value()) }.encode_to_vec();
    for size in 1..cut.len() {
        // At the end of a field it is a message.
        if size != 4 {
            assert!(written("PutResponse", &cut[..size]).is_err(), "cut at {size}");
        }
    }
    // Field 4 of a range is a number, not bytes; field 1 a message, not a number.
    assert!(written("RangeResponse", &[0x22, 1, 0]).is_err());
    assert!(written("RangeResponse", &[0x08, 1]).is_err());
    let mut deep = Vec::new();
    for _ in 0..200 {
        // A transaction in a transaction.
        let mut op = vec![0x22];
        encode_varint(deep.len() as u64, &mut op);
        op.append(&mut deep);
        deep.push(0x1a);
        encode_varint(op.len() as u64, &mut deep);
        deep.append(&mut op);
    }
    assert!(written("TxnResponse", &deep).is_err());
}
