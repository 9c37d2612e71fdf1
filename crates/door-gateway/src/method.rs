//! One call of etcd's services, by its descriptors.

use axum::http::Uri;
use prost_reflect::{DescriptorPool, MessageDescriptor};

/// A call: where it is, what it takes and what it answers.
#[derive(Debug)]
pub(crate) struct Method {
    /// Where the inner router has it.
    pub(crate) uri: Uri,
    pub(crate) request: MessageDescriptor,
    pub(crate) answer: MessageDescriptor,
    /// Whether it takes many messages.
    pub(crate) takes_many: bool,
    /// Whether it answers many messages.
    pub(crate) answers_many: bool,
}

impl Method {
    /// The call of that name, `package.Service/Method`.
    pub(crate) fn find(pool: &DescriptorPool, name: &str) -> Option<Self> {
        let (service, method) = name.split_once('/')?;
        let service = pool.get_service_by_name(service)?;
        let method = service.methods().find(|it| it.name() == method)?;
        Some(Self {
            uri: format!("/{name}").parse().ok()?,
            request: method.input(),
            answer: method.output(),
            takes_many: method.is_client_streaming(),
            answers_many: method.is_server_streaming(),
        })
    }
}
