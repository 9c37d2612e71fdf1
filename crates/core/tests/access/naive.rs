//! The naive model: who walks through all that is asked for, key by key.

use bytes::Bytes;
use conclave_core::LeaseId;
use conclave_core::auth::{Permission, PermissionKind};
use conclave_core::kv::{Operation, Put, PutLease, Txn, keys_of};
use conclave_mvcc::{KeyRange, MemoryMap};

use crate::draw::all_keys;

type Kinds = [PermissionKind; 2];

const READS: Kinds = [PermissionKind::Read, PermissionKind::ReadWrite];
const WRITES: Kinds = [PermissionKind::Write, PermissionKind::ReadWrite];

/// What roles permit together. A later permission of a role for the same keys is in place of the earlier one.
pub(crate) fn granted(roles: &[Vec<Permission>]) -> Vec<Permission> {
    let keys = |permission: &Permission| (permission.key.clone(), permission.range_end.clone());
    let of_role = |role: &Vec<Permission>| {
        let last = |(place, permission): &(usize, &Permission)| {
            role[place + 1..].iter().all(|later| keys(later) != keys(permission))
        };
        role.iter().enumerate().filter(last).map(|(_, permission)| permission.clone()).collect::<Vec<_>>()
    };
    roles.iter().flat_map(of_role).collect()
}

pub(crate) fn may(map: &MemoryMap, permissions: &[Permission], txn: &Txn) -> bool {
    let compares = txn.compares.iter().all(|compare| each_key(permissions, READS, &compare.range));
    let way =
        |operations: &[Operation]| operations.iter().all(|operation| may_do(map, permissions, operation));
    compares && way(&txn.success) && way(&txn.failure)
}

fn may_do(map: &MemoryMap, permissions: &[Permission], operation: &Operation) -> bool {
    match operation {
        Operation::Range(query) => each_key(permissions, READS, &query.range),
        Operation::Put(put) => may_put(map, permissions, put),
        Operation::DeleteRange(delete) => {
            let tells = delete.with_previous;
            each_key(permissions, WRITES, &delete.range)
                && (!tells || each_key(permissions, READS, &delete.range))
        }
        Operation::Txn(within) => may(map, permissions, within),
    }
}

fn may_put(map: &MemoryMap, permissions: &[Permission], put: &Put) -> bool {
    let hangs = match put.lease {
        PutLease::On(lease) => may_write_keys_of(map, permissions, lease),
        PutLease::None | PutLease::Keep => true,
    };
    let tells = put.with_previous;
    hangs && one_key(permissions, WRITES, &put.key) && (!tells || one_key(permissions, READS, &put.key))
}

pub(crate) fn may_write_keys_of(map: &MemoryMap, permissions: &[Permission], lease: LeaseId) -> bool {
    keys_of(map, lease, usize::MAX).unwrap().iter().all(|key| one_key(permissions, WRITES, key))
}

pub(crate) fn may_read_keys_of(map: &MemoryMap, permissions: &[Permission], lease: LeaseId) -> bool {
    keys_of(map, lease, usize::MAX).unwrap().iter().all(|key| one_key(permissions, READS, key))
}

fn each_key(permissions: &[Permission], kinds: Kinds, range: &KeyRange) -> bool {
    all_keys().iter().filter(|key| range.contains(key)).all(|key| one_key(permissions, kinds, key))
}

fn one_key(permissions: &[Permission], kinds: Kinds, key: &Bytes) -> bool {
    let holds = |permission: &Permission| match permission.range_end.as_ref() {
        b"" => permission.key == key,
        b"\0" => permission.key <= key,
        end => permission.key <= key && key.as_ref() < end,
    };
    permissions.iter().any(|permission| kinds.contains(&permission.kind) && holds(permission))
}
