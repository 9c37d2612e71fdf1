//! Requests that were spoilt, of every call: each is refused as the caller's mistake or becomes what the core knows, and
//! nothing panics. The good ones are made from proto/.

mod bounds;
mod cluster;
mod config;
mod lock;

use conclave_door::{Limits, Refusal};
use conclave_fuzz::{inputs_of, messages, requests};
use conclave_proto::FILE_DESCRIPTOR_SET;
use prost::Message;
use tonic::{Code, Status};

/// What is done with the bytes of a request.
type Check = fn(&[u8]);

/// Requests of one package, by name.
type Checks = &'static [(&'static str, Check)];

/// Packages, and their requests.
const PACKAGES: [(&str, &[Checks]); 3] = [
    ("conclave.config.v1", &[config::WRITES, config::PAGES, config::READS]),
    ("conclave.lock.v1", &[lock::WRITES, lock::READS]),
    ("conclave.cluster.v1", &[cluster::MEMBERS]),
];

/// The message, where there is one.
fn decoded<M: Message + Default>(bytes: &[u8]) -> Option<M> {
    M::decode(bytes).ok()
}

/// What was asked for, unless the caller is told what is wrong.
fn accepted<T>(read: Result<T, Refusal>) -> Option<T> {
    read.map_err(|refusal| {
        let status: Status = refusal.into();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    })
    .ok()
}

fn limits() -> Limits {
    Limits::default()
}

/// All requests in which something is checked, by full name.
fn checks() -> impl Iterator<Item = (String, Check)> {
    PACKAGES.into_iter().flat_map(|(package, tables)| {
        let checks = tables.iter().copied().flatten();
        checks.map(move |(name, check)| (format!("{package}.{name}"), *check))
    })
}

#[test]
fn fuzz_requests() {
    let of = |(name, check): (String, Check)| {
        messages(FILE_DESCRIPTOR_SET, &name).into_iter().map(move |seed| (check, seed))
    };
    let seeds: Vec<_> = checks().flat_map(of).collect();
    inputs_of!(seeds.iter().map(|(_, seed)| seed)).for_each(|input| (seeds[input.seed].0)(input));
}

/// Requests in which nothing is checked.
const WITHOUT_CHECKS: [&str; 4] = [
    "conclave.cluster.v1.CreateBackupRequest",
    "conclave.cluster.v1.GetLogLevelRequest",
    "conclave.cluster.v1.GetStatusRequest",
    "conclave.cluster.v1.SetLogLevelRequest",
];

#[test]
fn no_request_is_left_out() {
    let mut checked: Vec<_> = checks().map(|(name, _)| name).collect();
    checked.extend(WITHOUT_CHECKS.map(str::to_owned));
    checked.sort();
    assert_eq!(checked, requests(FILE_DESCRIPTOR_SET));
}
