//! What of an answer differs between any two servers, and is masked: ids, terms, hashes, sizes, remaining time.

use std::fmt::Debug;

use conclave_proto::etcd::etcdserverpb as pb;
use conclave_proto::etcd::mvccpb::{Event, KeyValue};
use conclave_proto::etcd::v3electionpb as election;
use conclave_proto::etcd::v3lockpb as lock;
use pb::response_op::Response;

/// How much of a lease's time may go by between its renewal and a question about it, in seconds.
const SLACK_S: i64 = 20;

/// An answer that can be compared.
pub(crate) trait Masked: Debug + PartialEq {
    /// Masks what differs anyhow, and takes `ahead` from all revisions.
    fn mask(&mut self, ahead: i64);
}

fn back(revision: &mut i64, ahead: i64) {
    if *revision > 0 {
        *revision -= ahead;
    }
}

impl<T: Masked> Masked for Option<T> {
    fn mask(&mut self, ahead: i64) {
        self.iter_mut().for_each(|it| it.mask(ahead));
    }
}

impl<T: Masked> Masked for Vec<T> {
    fn mask(&mut self, ahead: i64) {
        self.iter_mut().for_each(|it| it.mask(ahead));
    }
}

impl Masked for pb::ResponseHeader {
    fn mask(&mut self, ahead: i64) {
        // That they are told at all is compared.
        self.cluster_id = self.cluster_id.min(1);
        self.member_id = self.member_id.min(1);
        self.raft_term = self.raft_term.min(1);
        back(&mut self.revision, ahead);
    }
}

impl Masked for KeyValue {
    fn mask(&mut self, ahead: i64) {
        back(&mut self.create_revision, ahead);
        back(&mut self.mod_revision, ahead);
    }
}

impl Masked for Event {
    fn mask(&mut self, ahead: i64) {
        self.kv.mask(ahead);
        self.prev_kv.mask(ahead);
    }
}

impl Masked for pb::RangeResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.kvs.mask(ahead);
    }
}

impl Masked for pb::PutResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.prev_kv.mask(ahead);
    }
}

impl Masked for pb::DeleteRangeResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.prev_kvs.mask(ahead);
    }
}

impl Masked for pb::TxnResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.responses.mask(ahead);
    }
}

impl Masked for pb::ResponseOp {
    fn mask(&mut self, ahead: i64) {
        match &mut self.response {
            Some(Response::ResponseRange(range)) => range.mask(ahead),
            Some(Response::ResponsePut(put)) => put.mask(ahead),
            Some(Response::ResponseDeleteRange(deleted)) => deleted.mask(ahead),
            Some(Response::ResponseTxn(txn)) => txn.mask(ahead),
            None => {}
        }
    }
}

impl Masked for pb::WatchResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        back(&mut self.compact_revision, ahead);
        self.events.mask(ahead);
    }
}

impl Masked for pb::LeaseTimeToLiveResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        // A little of its time has gone by, more here than there.
        if self.ttl > 0 && (self.granted_ttl - SLACK_S..=self.granted_ttl).contains(&self.ttl) {
            self.ttl = self.granted_ttl;
        }
        // etcd tells them in any order.
        self.keys.sort();
    }
}

impl Masked for pb::HashKvResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.hash = self.hash.min(1);
        back(&mut self.compact_revision, ahead);
        // Since 3.6.
        self.hash_revision = 0;
    }
}

impl Masked for pb::StatusResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.version.clear();
        self.storage_version.clear();
        self.leader = self.leader.min(1);
        self.raft_index = self.raft_index.min(1);
        self.raft_applied_index = self.raft_applied_index.min(1);
        self.raft_term = self.raft_term.min(1);
        self.db_size = self.db_size.min(1);
        self.db_size_in_use = self.db_size_in_use.min(1);
        // Since 3.6.
        self.db_size_quota = 0;
        self.downgrade_info = None;
    }
}

impl Masked for pb::Member {
    fn mask(&mut self, _ahead: i64) {
        self.id = self.id.min(1);
        // Who has not started yet has none.
        if !self.name.is_empty() {
            "named".clone_into(&mut self.name);
        }
        for url in self.peer_ur_ls.iter_mut().chain(&mut self.client_ur_ls) {
            url.truncate(url.rfind(':').unwrap_or(url.len()));
        }
    }
}

impl Masked for pb::MemberListResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.members.mask(ahead);
        // They come in order of their ids, which are hashes.
        self.members.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

impl Masked for pb::MemberAddResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.member.mask(ahead);
        self.members.mask(ahead);
        self.members.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

macro_rules! members_alone {
    ($($told:ty),* $(,)?) => {$(
        impl Masked for $told {
            fn mask(&mut self, ahead: i64) {
                self.header.mask(ahead);
                self.members.mask(ahead);
                self.members.sort_by(|a, b| a.name.cmp(&b.name));
            }
        }
    )*};
}

members_alone! {
    pb::MemberRemoveResponse, pb::MemberUpdateResponse, pb::MemberPromoteResponse,
}

impl Masked for pb::DowngradeResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.version.clear();
    }
}

impl Masked for pb::HashResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.hash = self.hash.min(1);
    }
}

impl Masked for pb::AlarmResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.alarms.iter_mut().for_each(|alarm| alarm.member_id = alarm.member_id.min(1));
    }
}

impl Masked for pb::AuthenticateResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.token.truncate(0);
    }
}

impl Masked for election::CampaignResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.leader.iter_mut().for_each(|leader| back(&mut leader.rev, ahead));
    }
}

impl Masked for election::LeaderResponse {
    fn mask(&mut self, ahead: i64) {
        self.header.mask(ahead);
        self.kv.mask(ahead);
    }
}

macro_rules! header_alone {
    ($($told:ty),* $(,)?) => {$(
        impl Masked for $told {
            fn mask(&mut self, ahead: i64) {
                self.header.mask(ahead);
            }
        }
    )*};
}

header_alone! {
    pb::CompactionResponse, pb::LeaseGrantResponse, pb::LeaseRevokeResponse, pb::LeaseKeepAliveResponse,
    pb::LeaseLeasesResponse, pb::DefragmentResponse, pb::MoveLeaderResponse,
    pb::AuthEnableResponse, pb::AuthUserAddResponse, pb::AuthUserGetResponse, pb::AuthUserListResponse,
    pb::AuthUserDeleteResponse, pb::AuthUserGrantRoleResponse, pb::AuthUserRevokeRoleResponse,
    pb::AuthRoleAddResponse, pb::AuthRoleGetResponse, pb::AuthRoleListResponse, pb::AuthRoleDeleteResponse,
    pb::AuthRoleGrantPermissionResponse, pb::AuthRoleRevokePermissionResponse,
    lock::LockResponse, lock::UnlockResponse,
    election::ProclaimResponse, election::ResignResponse,
}
