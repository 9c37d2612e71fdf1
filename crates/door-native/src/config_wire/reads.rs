//! The requests that read one thing.

use conclave_core::config::{At, Read, defaults, get_item, get_namespace, get_snapshot};
use conclave_core::{ItemKey, NamespaceName, PinName};
use conclave_door::{Limits, Refusal};
use conclave_mvcc::{ReadMap, newest_revision};
use conclave_node::Consistency;
use conclave_proto::config::v1 as wire;

use super::messages;
use crate::fields::Fields;

/// Asks for one namespace.
#[derive(Debug)]
pub(crate) struct OneNamespace {
    namespace: NamespaceName,
}

impl OneNamespace {
    pub(crate) fn parse(
        request: wire::GetNamespaceRequest,
        limits: &Limits,
    ) -> Result<(Self, Consistency), Refusal> {
        let mut fields = Fields::new(limits);
        let namespace = fields.namespace("namespace", &request.namespace);
        let consistency = fields.consistency(request.consistency);
        fields.finish(namespace.map(|namespace| (Self { namespace }, consistency)))
    }

    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::GetNamespaceResponse> {
        let store_revision = newest_revision(view)?.get();
        let response =
            |info| wire::GetNamespaceResponse { namespace: Some(messages::namespace(info)), store_revision };
        Ok(get_namespace(view, &self.namespace)?.map(response))
    }
}

/// Asks for one item.
#[derive(Debug)]
pub(crate) struct OneItem {
    namespace: NamespaceName,
    key: ItemKey,
    at: At,
}

impl OneItem {
    pub(crate) fn parse(request: wire::GetRequest, limits: &Limits) -> Result<(Self, Consistency), Refusal> {
        let mut fields = Fields::new(limits);
        let namespace = fields.namespace("namespace", &request.namespace);
        let key = fields.key("key", &request.key);
        let at = fields.at(request.at);
        let consistency = fields.consistency(request.consistency);
        let query = namespace.zip(key).map(|(namespace, key)| Self { namespace, key, at });
        fields.finish(query.map(|query| (query, consistency)))
    }

    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::GetResponse> {
        let found = get_item(view, &self.namespace, &self.key, &self.at)?;
        Ok(found.map(|(item, version, revision)| wire::GetResponse {
            item: Some(messages::item(item)),
            version: version.get(),
            store_revision: revision.get(),
        }))
    }
}

/// Asks for the defaults.
#[derive(Debug)]
pub(crate) struct TheDefaults;

impl TheDefaults {
    pub(crate) fn parse(
        request: &wire::GetDefaultsRequest,
        limits: &Limits,
    ) -> Result<(Self, Consistency), Refusal> {
        let mut fields = Fields::new(limits);
        let consistency = fields.consistency(request.consistency);
        fields.finish(Some((Self, consistency)))
    }

    pub(crate) fn answer(view: &dyn ReadMap) -> Read<wire::GetDefaultsResponse> {
        let (found, namespaces) = defaults(view)?;
        Ok(Ok(wire::GetDefaultsResponse { defaults: Some(messages::defaults(found)), namespaces }))
    }
}

/// Asks for one snapshot.
#[derive(Debug)]
pub(crate) struct OneSnapshot {
    snapshot: PinName,
}

impl OneSnapshot {
    pub(crate) fn parse(
        request: &wire::GetSnapshotRequest,
        limits: &Limits,
    ) -> Result<(Self, Consistency), Refusal> {
        let mut fields = Fields::new(limits);
        let snapshot = fields.pin_name("snapshot", &request.snapshot);
        let consistency = fields.consistency(request.consistency);
        fields.finish(snapshot.map(|snapshot| (Self { snapshot }, consistency)))
    }

    pub(crate) fn answer(&self, view: &dyn ReadMap) -> Read<wire::GetSnapshotResponse> {
        let found = get_snapshot(view, &self.snapshot)?;
        Ok(found.map(|info| wire::GetSnapshotResponse { snapshot: Some(messages::snapshot(info)) }))
    }
}
