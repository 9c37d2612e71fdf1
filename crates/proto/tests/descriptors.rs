//! What server reflection tells clients: their own services, documented, and not the peers'.

use std::collections::BTreeSet;

use conclave_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

fn files() -> Vec<FileDescriptorProto> {
    FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("the build script wrote it").file
}

#[test]
fn holds_the_client_services_only() {
    let services: BTreeSet<String> = files()
        .iter()
        .flat_map(|file| file.service.iter().map(|s| format!("{}.{}", file.package(), s.name())))
        .collect();
    let expected = [
        "conclave.cluster.v1.ClusterService",
        "conclave.config.v1.ConfigService",
        "conclave.lock.v1.ElectionService",
        "conclave.lock.v1.LockService",
        "conclave.lock.v1.SessionService",
    ]
    .map(String::from);
    assert_eq!(services, BTreeSet::from(expected));
}

#[test]
fn each_rpc_has_a_request_and_a_response_of_its_own() {
    for method in files().iter().flat_map(|file| &file.service).flat_map(|service| &service.method) {
        let (input, output) = (method.input_type(), method.output_type());
        assert!(input.ends_with(&format!(".{}Request", method.name())), "{} takes {input}", method.name());
        // To stand for election is to ask for a lock, and is told the same.
        let answered = if method.name() == "Campaign" { "Acquire" } else { method.name() };
        assert!(output.ends_with(&format!(".{answered}Response")), "{} returns {output}", method.name());
    }
}

#[test]
fn every_enum_has_an_unspecified_zero() {
    for value in files().iter().flat_map(|file| &file.enum_type).map(|e| &e.value[0]) {
        assert!(value.name().ends_with("_UNSPECIFIED") && value.number() == 0, "{}", value.name());
    }
}
