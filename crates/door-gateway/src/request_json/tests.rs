//! What etcd 3.5.1 takes, and what it refuses.

use conclave_proto::etcd::authpb::Permission;
use conclave_proto::etcd::etcdserverpb::compare::TargetUnion;
use conclave_proto::etcd::etcdserverpb::request_op::Request;
use conclave_proto::etcd::etcdserverpb::watch_request::RequestUnion;
use conclave_proto::etcd::etcdserverpb::{
    AuthRoleGrantPermissionRequest, Compare, DeleteRangeRequest, HashKvRequest, MemberAddRequest,
    MemberRemoveRequest, PutRequest, RangeRequest, RequestOp, TxnRequest, WatchCancelRequest,
    WatchCreateRequest, WatchRequest,
};
use prost::Message;
use prost_reflect::MessageDescriptor;

use super::*;
use crate::paths::descriptors;

fn message(name: &str) -> MessageDescriptor {
    descriptors().get_message_by_name(&format!("etcdserverpb.{name}")).unwrap()
}

fn read<M: Message + Default>(name: &str, json: &str) -> M {
    let encoded = encode(json.as_bytes(), &message(name)).unwrap();
    M::decode(encoded.as_slice()).unwrap()
}

fn range(json: &str) -> RangeRequest {
    read("RangeRequest", json)
}

fn refused(name: &str, json: &str) -> String {
    let failure = encode(json.as_bytes(), &message(name)).unwrap_err();
    format!("{failure:?}")
}

fn of_key(key: &'static str) -> RangeRequest {
    RangeRequest { key: key.into(), ..RangeRequest::default() }
}

#[test]
fn fields_go_by_both_of_their_names() {
    let expected = RangeRequest { range_end: "fop".into(), ..of_key("foo") };
    assert_eq!(range(r#"{"key":"Zm9v","range_end":"Zm9w"}"#), expected);
    assert_eq!(range(r#"{"key":"Zm9v","rangeEnd":"Zm9w"}"#), expected);
    assert_eq!(range(r#"{"rangeEnd":"Zm9w","k\u0065y":"Zm9v"}"#), expected);
}

#[test]
fn what_is_unknown_or_null_is_passed_over() {
    assert_eq!(range(r#"{"nope":{"a":[1,{}]},"key":"Zm9v","x":[[[]]],"KEY":1}"#), of_key("foo"));
    assert_eq!(range(r#"{"key":"Zm9v","range_end":null,"limit":null,"sort_order":null}"#), of_key("foo"));
    assert_eq!(range("{}"), RangeRequest::default());
}

#[test]
fn of_two_values_the_last_one_counts() {
    assert_eq!(range(r#"{"key":"YQ==","limit":3,"key":"Zm9v","limit":"0"}"#), of_key("foo"));
}

#[test]
fn whole_numbers_may_be_in_quotes() {
    for limit in ["7", "\"7\"", "\" 7\"", "\"7 \""] {
        assert_eq!(range(&format!(r#"{{"limit":{limit}}}"#)).limit, 7, "{limit}");
    }
    for limit in [i64::MIN, -1, i64::MAX] {
        assert_eq!(range(&format!(r#"{{"limit":{limit}}}"#)).limit, limit);
        assert_eq!(range(&format!(r#"{{"limit":"{limit}"}}"#)).limit, limit);
    }
    let id: MemberRemoveRequest = read("MemberRemoveRequest", r#"{"ID":"18446744073709551615"}"#);
    assert_eq!(id.id, u64::MAX);
}

#[test]
fn what_is_no_such_number_is_refused() {
    for limit in
        ["3.5", "3.0", "1e30", "\"x\"", "\"\"", "\"1e1\"", "true", "{}", "[1]", "9223372036854775808"]
    {
        let why = refused("RangeRequest", &format!(r#"{{"limit":{limit}}}"#));
        assert!(why.contains("limit") && why.contains("whole number"), "{limit}: {why}");
    }
    for id in ["-1", "\"-1\"", "18446744073709551616", "\"18446744073709551616\""] {
        refused("MemberRemoveRequest", &format!(r#"{{"ID":{id}}}"#));
    }
}

#[test]
fn values_of_enums_go_by_name_and_number() {
    for (sorted, number) in [("\"DESCEND\"", 2), ("2", 2), ("77", 77), ("-1", -1)] {
        let json = format!(r#"{{"sort_order":{sorted}}}"#);
        assert_eq!(range(&json).sort_order, number, "{sorted}");
    }
    for sorted in ["\"NOPE\"", "\"descend\"", "\"2\"", "1.0", "4294967297", "true", "[]"] {
        let why = refused("RangeRequest", &format!(r#"{{"sort_order":{sorted}}}"#));
        assert!(why.contains("etcdserverpb.RangeRequest.SortOrder"), "{sorted}: {why}");
    }
}

#[test]
fn bytes_are_padded_base64() {
    for (key, bytes) in [("YQ==", "a"), ("YR==", "a"), ("Y\\nQ=\\r\\n=", "a"), ("", ""), ("+/+/", "")] {
        let read = range(&format!(r#"{{"key":"{key}"}}"#)).key;
        let expected = if key == "+/+/" { b"\xfb\xff\xbf".as_slice() } else { bytes.as_bytes() };
        assert_eq!(read, expected, "{key}");
    }
    for key in ["\"YQ\"", "\"Zm9\"", "\"Zm9-\"", "\"!!\"", "\" YQ==\"", "17", "true", "{\"a\":1}"] {
        let why = refused("RangeRequest", &format!(r#"{{"key":{key}}}"#));
        assert!(why.contains("key") && why.contains("base64"), "{key}: {why}");
    }
}

#[test]
fn truth_is_a_word() {
    assert!(range(r#"{"serializable":true}"#).serializable);
    assert!(!range(r#"{"serializable":false}"#).serializable);
    for serializable in ["\"true\"", "1", "0", "[]", "{}"] {
        refused("RangeRequest", &format!(r#"{{"serializable":{serializable}}}"#));
    }
}

#[test]
fn lists_keep_their_order_and_take_nulls_for_empty_values() {
    let added: MemberAddRequest = read("MemberAddRequest", r#"{"peerURLs":["b",null,"a"],"isLearner":true}"#);
    let expected = ["b", "", "a"].map(String::from).to_vec();
    assert_eq!(added, MemberAddRequest { peer_ur_ls: expected, is_learner: true });
    for peers in ["\"http://a\"", "{}", "[17]", "[[\"a\"]]"] {
        refused("MemberAddRequest", &format!(r#"{{"peerURLs":{peers}}}"#));
    }
    let watch: WatchRequest = read("WatchRequest", r#"{"create_request":{"filters":["NOPUT",1,null]}}"#);
    let create = WatchCreateRequest { filters: vec![0, 1, 0], ..WatchCreateRequest::default() };
    assert_eq!(watch.request_union, Some(RequestUnion::CreateRequest(create)));
}

#[test]
fn messages_lie_in_messages() {
    let granted: AuthRoleGrantPermissionRequest = read(
        "AuthRoleGrantPermissionRequest",
        r#"{"name":"r","perm":{"permType":"READWRITE","key":"Zm9v","range_end":"Zm9w"}}"#,
    );
    let perm = Permission { perm_type: 2, key: "foo".into(), range_end: "fop".into() };
    assert_eq!(granted, AuthRoleGrantPermissionRequest { name: "r".into(), perm: Some(perm) });
}

#[test]
fn a_transaction_has_all_of_it() {
    let json = r#"{
        "compare":[{"result":"EQUAL","target":"VERSION","key":"Zm9v","version":"2"},
                   {"key":"Zm9v","target":"VALUE","value":""}, {"target":3}],
        "success":[{"request_range":{"key":"Zm9v"}}, {"requestTxn":{"success":[{"request_put":{}}]}}],
        "failure":[{"request_put":{"key":"YQ==","value":"Yg=="}},
                   {"requestDeleteRange":{"key":"YQ==","range_end":"AA=="}}, null]
    }"#;
    let txn: TxnRequest = read("TxnRequest", json);
    let compare = |target, target_union| Compare { target, target_union, ..Compare::default() };
    let op = |request| RequestOp { request: Some(request) };
    let put = |key, value| op(Request::RequestPut(PutRequest { key, value, ..PutRequest::default() }));
    let inner = TxnRequest { success: vec![put("".into(), "".into())], ..TxnRequest::default() };
    let deleted = DeleteRangeRequest { key: "a".into(), range_end: "\0".into(), prev_kv: false };
    let expected = TxnRequest {
        compare: vec![
            Compare { key: "foo".into(), ..compare(0, Some(TargetUnion::Version(2))) },
            Compare { key: "foo".into(), ..compare(3, Some(TargetUnion::Value("".into()))) },
            compare(3, None),
        ],
        success: vec![op(Request::RequestRange(of_key("foo"))), op(Request::RequestTxn(inner))],
        failure: vec![
            put("a".into(), "b".into()),
            op(Request::RequestDeleteRange(deleted)),
            RequestOp::default(),
        ],
    };
    assert_eq!(txn, expected);
}

#[test]
fn of_a_oneof_the_last_field_by_number_counts() {
    let cancel = RequestUnion::CancelRequest(WatchCancelRequest { watch_id: 7 });
    let watch = WatchRequest { request_union: Some(cancel) };
    for json in [
        r#"{"create_request":{},"cancel_request":{"watch_id":7}}"#,
        r#"{"cancel_request":{"watch_id":7},"create_request":{}}"#,
    ] {
        assert_eq!(read::<WatchRequest>("WatchRequest", json), watch);
    }
    let none: WatchRequest = read("WatchRequest", r#"{"create_request":null}"#);
    assert_eq!(none, WatchRequest::default());
}

#[test]
fn names_that_are_no_camel_case_are_found() {
    let hash: HashKvRequest = read("HashKVRequest", r#"{"revision":"9"}"#);
    assert_eq!(hash.revision, 9);
}

#[test]
fn what_is_not_json_is_refused() {
    for json in ["", "[]", "17", "\"x\"", "{", "{\"key\"", "{\"nope\":[}", "{\"key\":\"\u{1}\"}", "{'key':1}"]
    {
        refused("RangeRequest", json);
    }
    assert!(encode(b"{\"key\":\"\xff\"}", &message("RangeRequest")).is_err());
}

#[test]
fn how_deep_it_goes_is_bounded() {
    let nested = |depth: usize| {
        let open = r#"{"success":[{"request_txn":"#.repeat(depth);
        open + "{}" + &"}]}".repeat(depth)
    };
    assert!(encode(nested(40).as_bytes(), &message("TxnRequest")).is_ok());
    refused("TxnRequest", &nested(50));
    refused("TxnRequest", &nested(100_000));
    // What is passed over is not gone into.
    let unknown = format!("{{\"nope\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(encode(unknown.as_bytes(), &message("TxnRequest")).is_ok());
}

#[test]
fn a_refused_value_is_not_told() {
    let role = "AuthRoleGrantPermissionRequest";
    for (name, json) in [
        (role, r#"{"name":["secret"]}"#),
        (role, r#"{"perm":"secret"}"#),
        (role, r#"{"perm":{"key":"secret!","permType":"secret"}}"#),
        (role, r#"{"perm":{"permType":"secret"}}"#),
        ("MemberAddRequest", r#"{"peerURLs":"secret"}"#),
        ("MemberAddRequest", r#"{"isLearner":"secret"}"#),
    ] {
        let why = refused(name, json);
        assert!(!why.contains("secret"), "{why}");
    }
}

#[test]
fn all_fields_are_of_kinds_that_are_read_and_written() {
    for field in descriptors().all_messages().flat_map(|message| message.fields().collect::<Vec<_>>()) {
        let is_known = matches!(
            field.kind(),
            Kind::Bool
                | Kind::Int32
                | Kind::Int64
                | Kind::Uint32
                | Kind::Uint64
                | Kind::Enum(_)
                | Kind::String
                | Kind::Bytes
                | Kind::Message(_)
        );
        assert!(is_known && !field.is_map(), "{}", field.full_name());
    }
}
