//! The requests that read one thing.

use conclave_core::config::{At, HistoryQuery, Read, get_item, get_namespace, history};
use conclave_core::{ItemKey, NamespaceName, Version};
use conclave_door::{Limits, Refusal};
use conclave_mvcc::{MapError, ReadMap, Revision, newest_revision};
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
        let (item, version) = match get_item(view, &self.namespace, &self.key, self.at)? {
            Ok(found) => found,
            Err(rejection) => return Ok(Err(rejection)),
        };
        Ok(Ok(wire::GetResponse {
            item: Some(messages::item(item)),
            version: version.get(),
            store_revision: self.revision_read(view, version)?.get(),
        }))
    }

    /// The revision of the store that was read, in which this version of the namespace was found.
    fn revision_read(&self, view: &dyn ReadMap, found: Version) -> Result<Revision, MapError> {
        match self.at {
            At::Now => newest_revision(view),
            At::Revision(revision) => Ok(revision),
            At::Version(_) => {
                let (namespace, before) = (&self.namespace, Some(found.next()));
                let query = HistoryQuery { namespace, before, page_max: 1, changes_max: None };
                let (versions, _) = history(view, &query)?.map_err(MapError::new)?;
                let (info, _) = versions
                    .first()
                    .ok_or_else(|| MapError::new("a version that was read has no history"))?;
                Ok(info.revision)
            }
        }
    }
}
