//! Who asks: by the token that a request brings.

use conclave_core::auth::{self, Caller};
use conclave_core::{By, Command, may_administer};
use conclave_mvcc::ReadMap;
use conclave_node::{Consistency, NodeHandle};
use tokio::time::Instant;
use tonic::Request;
use tonic::metadata::MetadataMap;

use crate::refusal::Refusal;

/// Where clients put it; the second is where those of HTTP do.
const TOKEN_HEADERS: [&str; 2] = ["token", "authorization"];

/// The token of a request.
pub(crate) fn token(metadata: &MetadataMap) -> Option<String> {
    let token = TOKEN_HEADERS.iter().find_map(|header| metadata.get(*header))?;
    Some(token.to_str().unwrap_or_default().to_owned())
}

/// Who asks; none if nobody is said to. What he may is looked at where it is done.
pub(crate) async fn caller(
    node: &NodeHandle,
    metadata: &MetadataMap,
    deadline: Instant,
) -> Result<Option<Caller>, Refusal> {
    let Some(token) = token(metadata) else { return Ok(None) };
    let now_ms = node.now_ms();
    let read = move |view: &dyn ReadMap| auth::identify(view, Some(&token), now_ms);
    Ok(node.read(Consistency::Local, deadline, read).await??)
}

/// Refuses whoever is not root, of what is no command and only root may.
pub(crate) async fn require_root<T>(
    node: &NodeHandle,
    request: &Request<T>,
    deadline: Instant,
) -> Result<(), Refusal> {
    let caller = caller(node, request.metadata(), deadline).await?;
    let read = move |view: &dyn ReadMap| may_administer(view, caller.as_ref());
    Ok(node.read(Consistency::Local, deadline, read).await??)
}

/// A command that is refused unless its caller may do it.
pub(crate) fn by(caller: Option<Caller>, command: Command) -> Command {
    Command::By(By { caller, command: Box::new(command) })
}
