//! What all doors share: limits, deadlines, the error table and the request span.
//!
//! - [`Limits`]: every bound on what a request may carry.
//! - [`deadline_of`]: how long a request may take; [`end_of`]: when a call that waits is to end.
//! - [`Refusal`]: why a request got no answer, and in `status.rs` the one table that turns it into a status.
//! - [`RequestSpanLayer`]: one span for each request, with its method, peer, code and time, never its content.
//! - [`RpcMetrics`]: how many calls were answered, how, and how fast.
//! - [`Places`]: how many streams of a kind are served at once; [`Ends`]: what ends one from this side.
//! - [`BoundedCodec`]: bounds what decoding a request may cost.
//! - [`Services`]: the gRPC services of the port, by name.
//! - [`gathered()`]: has answers that are ready at about the same time leave together.
//! - [`Readable`]: says clearly that a request could not be decoded.
//!
//! Absent on purpose: the generated types of any wire, and what any one door does.

mod bounded_codec;
mod deadline;
mod gathered;
mod limits;
mod metered;
mod places;
mod readable;
mod refusal;
mod request_span;
mod rpc_metrics;
mod services;
mod status;
mod trust;
mod violations;

pub use bounded_codec::BoundedCodec;
pub use deadline::{deadline_of, end_of};
pub use gathered::{Gathered, gathered};
pub use limits::Limits;
pub use places::{NoPlace, Place, Places};
pub use readable::Readable;
pub use refusal::Refusal;
pub use request_span::{RequestSpan, RequestSpanLayer};
pub use rpc_metrics::RpcMetrics;
pub use services::{Answering, ByName, Called, Services, is_grpc};
pub use trust::{Ends, closed};
pub use violations::{Violation, Violations};
