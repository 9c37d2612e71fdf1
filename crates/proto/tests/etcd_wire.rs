//! What clients of etcd see is etcd's wire: every call, message, field and value, and some messages as bytes.
//!
//! `etcd_wire.txt` tells what etcd 3.7 has, less the messages that no call carries; it was read from etcd's own
//! definitions. What 3.6 and 3.5 have is a part of it.

use std::collections::BTreeSet;
use std::fmt::Debug;

use conclave_proto::ETCD_FILE_DESCRIPTOR_SET;
use conclave_proto::etcd::{etcdserverpb as pb, mvccpb};
use prost::Message;
use prost::bytes::Bytes;
use prost_types::field_descriptor_proto::Label;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    MethodDescriptorProto,
};

#[test]
fn every_call_message_field_and_value_is_etcds() {
    let files = FileDescriptorSet::decode(ETCD_FILE_DESCRIPTOR_SET).expect("the build script wrote it").file;
    let ours: BTreeSet<String> = files.iter().flat_map(told_of_file).collect();
    let etcds: BTreeSet<String> = include_str!("etcd_wire.txt").lines().map(String::from).collect();
    let missing: Vec<_> = etcds.difference(&ours).collect();
    let added: Vec<_> = ours.difference(&etcds).collect();
    assert!(missing.is_empty() && added.is_empty(), "missing: {missing:#?}\nadded: {added:#?}");
    assert!(etcds.len() > 400, "the table is whole");
}

fn told_of_file(file: &FileDescriptorProto) -> Vec<String> {
    let mut told = Vec::new();
    for message in &file.message_type {
        tell_message(file.package(), message, &mut told);
    }
    for kind in &file.enum_type {
        tell_enum(file.package(), kind, &mut told);
    }
    for service in &file.service {
        let path = format!("{}.{}", file.package(), service.name());
        told.extend(service.method.iter().map(|method| told_of_call(&path, method)));
    }
    told
}

fn tell_message(scope: &str, message: &DescriptorProto, told: &mut Vec<String>) {
    let path = format!("{scope}.{}", message.name());
    told.push(format!("message {path}"));
    told.extend(message.field.iter().map(|field| told_of_field(&path, message, field)));
    for nested in &message.nested_type {
        tell_message(&path, nested, told);
    }
    for kind in &message.enum_type {
        tell_enum(&path, kind, told);
    }
}

fn tell_enum(scope: &str, kind: &EnumDescriptorProto, told: &mut Vec<String>) {
    let tell = |value: &prost_types::EnumValueDescriptorProto| {
        format!("value {scope}.{}.{} {}", kind.name(), value.name(), value.number())
    };
    told.extend(kind.value.iter().map(tell));
}

fn told_of_field(path: &str, message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let named = field.type_name().trim_start_matches('.');
    let scalar = field.r#type().as_str_name().trim_start_matches("TYPE_").to_lowercase();
    let kind = if named.is_empty() { scalar.as_str() } else { named };
    let repeated = if field.label() == Label::Repeated { "repeated " } else { "" };
    let union = field.oneof_index.and_then(|at| message.oneof_decl.get(usize::try_from(at).ok()?));
    let union = union.map(|union| format!(" of {}", union.name())).unwrap_or_default();
    format!("field {path}.{} {} {repeated}{kind}{union}", field.name(), field.number())
}

fn told_of_call(service: &str, method: &MethodDescriptorProto) -> String {
    let stream = |is_one: bool| if is_one { "stream " } else { "" };
    let asked =
        format!("{}{}", stream(method.client_streaming()), method.input_type().trim_start_matches('.'));
    let told =
        format!("{}{}", stream(method.server_streaming()), method.output_type().trim_start_matches('.'));
    format!("call {service}/{} {asked} -> {told}", method.name())
}

fn assert_bytes<M: Message + Default + PartialEq + Debug>(message: &M, hex: &str) {
    let encoded = message.encode_to_vec();
    assert_eq!(encoded.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), hex);
    assert_eq!(&M::decode(encoded.as_slice()).expect("what was encoded"), message);
}

#[test]
fn comparisons_are_the_bytes_of_etcds_own_types() {
    let lease = pb::Compare {
        result: pb::compare::CompareResult::NotEqual.into(),
        target: pb::compare::CompareTarget::Lease.into(),
        key: Bytes::from_static(b"a"),
        target_union: Some(pb::compare::TargetUnion::Lease(7)),
        range_end: Bytes::from_static(b"b"),
    };
    assert_bytes(&lease, "080310041a0161400782040162");
    let absent = pb::Compare {
        key: Bytes::from_static(b"a"),
        target_union: Some(pb::compare::TargetUnion::Version(0)),
        ..pb::Compare::default()
    };
    assert_bytes(&absent, "1a01612000");
}

#[test]
fn watches_are_the_bytes_of_etcds_own_types() {
    let deleted = mvccpb::KeyValue { key: Bytes::from_static(b"k"), mod_revision: 3, ..Default::default() };
    let response = pb::WatchResponse {
        header: Some(pb::ResponseHeader { cluster_id: 1, member_id: 2, revision: 3, raft_term: 4 }),
        watch_id: 5,
        compact_revision: 6,
        cancel_reason: "x".to_owned(),
        events: vec![mvccpb::Event { r#type: 1, kv: Some(deleted), prev_kv: None }],
        ..Default::default()
    };
    assert_bytes(&response, "0a080801100218032004100528063201785a09080112050a016b1803");
    let create = pb::WatchCreateRequest {
        key: Bytes::from_static(b"k"),
        filters: vec![0, 1],
        watch_id: 9,
        fragment: true,
        ..Default::default()
    };
    let union = Some(pb::watch_request::RequestUnion::CreateRequest(create));
    assert_bytes(&pb::WatchRequest { request_union: union }, "0a0b0a016b2a02000138094001");
}

#[test]
fn a_lease_is_the_bytes_of_etcds_own_types() {
    assert_bytes(&pb::LeaseGrantRequest { ttl: -1, id: 300 }, "08ffffffffffffffffff0110ac02");
}
