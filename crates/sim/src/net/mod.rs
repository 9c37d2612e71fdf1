//! The network of the simulation: calls between hosts, carried piece by piece in simulated time.
//!
//! A call is what gRPC makes of it, a request with a body and a response with a body, each of which may be a stream.
//! It goes from the client's tonic straight to the service of the server, without sockets or HTTP/2, but with what
//! these would do to it: pieces of one call arrive in order and take their time; a cut link holds them up until it
//! heals or keep-alive gives the call up; a host that ends breaks all its calls.
//!
//! | file | what |
//! |---|---|
//! | `links.rs` | what is wrong with the way from a host to another |
//! | `carrier.rs` | pieces under way, and when they arrive |
//! | `call.rs` | one call, and its two ends |
//! | `body.rs` | a body at the end where it arrives, and what sends one |
//! | `service.rs` | the service that a client calls, and the loop that serves |

mod body;
mod call;
mod carrier;
mod links;
mod service;

pub(crate) use carrier::Net;
pub(crate) use links::{Death, Link};
pub(crate) use service::{Channel, HostNet, Served};

/// A computer of the simulation.
pub(crate) type HostId = u32;
