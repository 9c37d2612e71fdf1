//! The header of an answer: who gave it, and how far the store had come.

use conclave_mvcc::Revision;
use conclave_node::NodeHandle;
use conclave_proto::etcd::etcdserverpb::ResponseHeader;

/// The header that this node puts before its answers.
pub(crate) fn header(node: &NodeHandle, revision: Revision) -> Option<ResponseHeader> {
    Some(ResponseHeader {
        cluster_id: node.cluster_id(),
        member_id: node.node_id(),
        raft_term: node.term(),
        ..of_revision(revision)
    })
}

/// The header of an answer within an answer: it tells the revision alone.
pub(crate) fn within(revision: Revision) -> Option<ResponseHeader> {
    Some(of_revision(revision))
}

fn of_revision(revision: Revision) -> ResponseHeader {
    ResponseHeader { revision: told(revision), ..ResponseHeader::default() }
}

/// A revision as the wire has it.
pub(crate) fn told(revision: Revision) -> i64 {
    revision.get().cast_signed()
}
