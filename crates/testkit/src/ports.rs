//! Ports on loopback that nobody else takes, also while the process that listens there is being restarted.
//!
//! The system's own range of ports for outgoing connections is left out, so that no connection is given
//! one of ours by chance. Among tests a port belongs to whoever holds the abstract socket of its name,
//! which the kernel gives back when that process ends, however it ends. tests/python does the same.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};

/// Below the range that Linux takes for outgoing connections (32,768 on).
const RANGE: Range<u16> = 20_000..32_000;

/// A port on loopback, ours for as long as this lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _claim: UnixListener,
}

impl Port {
    /// Takes a port that nobody listens at and no other test has taken.
    ///
    /// # Panics
    /// If there is none.
    pub fn take() -> Self {
        let count = u32::from(RANGE.end - RANGE.start);
        // Tests that run side by side begin their search in different places.
        let first = std::process::id().wrapping_mul(37) % count;
        let candidates = (0..count).map(|step| (first + step) % count);
        let numbers = candidates.filter_map(|offset| Some(RANGE.start + u16::try_from(offset).ok()?));
        numbers.filter_map(Self::claim).next().expect("one of twelve thousand ports is free")
    }

    fn claim(number: u16) -> Option<Self> {
        let name = UnixAddress::from_abstract_name(format!("conclave-test-port-{number}")).ok()?;
        let claim = UnixListener::bind_addr(&name).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _claim: claim })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_once_and_given_back() {
        let (first, second) = (Port::take(), Port::take());
        assert_ne!(first.address(), second.address());
        let number = first.number;
        assert!(Port::claim(number).is_none());
        drop(first);
        assert!(Port::claim(number).is_some());
    }

    #[test]
    fn a_port_that_somebody_listens_at_is_left_out() {
        let port = Port::take();
        let number = port.number;
        let _listener = TcpListener::bind(port.address()).expect("it is free");
        drop(port);
        assert!(Port::claim(number).is_none());
    }
}
