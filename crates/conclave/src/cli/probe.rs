//! `conclave probe`: asks one node over HTTP whether it lives or is ready, as a health check does.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use super::errors::Failure;
use super::exit::Exit;
use super::options::{Environment, duration};

/// Where a node listens for clients if nobody says.
const DEFAULT: &str = "127.0.0.1:4101";
/// Longest answer that is read, in bytes.
const ANSWER_SIZE_BYTES_MAX: u64 = 16 * 1024;

/// Ask a node whether it lives or is ready: exit code 0 if so, else 5
///
/// Nothing but the node itself is asked about. A node without a quorum lives, and is not ready.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  conclave probe
  conclave probe ready --endpoint db1.internal:4101 --timeout 2s")]
pub(super) struct ProbeArgs {
    /// What is asked: live (the process does its work) or ready (it can serve every request)
    #[arg(value_enum, default_value_t = Question::Live, value_name = "QUESTION")]
    question: Question,
    /// The node [default: where CONCLAVE_CLIENT_LISTEN says that it listens, else 127.0.0.1:4101]
    #[arg(long, value_name = "HOST:PORT")]
    endpoint: Option<String>,
    /// How long it may take
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration)]
    timeout: Duration,
}

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Question {
    Live,
    Ready,
}

impl ProbeArgs {
    pub(super) fn run(&self, environment: &Environment) -> Result<(), Failure> {
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            None => of_listener(environment.get("CONCLAVE_CLIENT_LISTEN")),
        };
        let path = match self.question {
            Question::Live => "/livez",
            Question::Ready => "/readyz",
        };
        let answer = ask(&endpoint, path, Instant::now() + self.timeout);
        let no = |what: String| Err(Failure::new(Exit::Unavailable, format!("{endpoint}: {what}")));
        match answer.as_deref().map(read) {
            Ok(Some((200, _))) => Ok(()),
            Ok(Some((_, text))) if !text.is_empty() => no(text.to_owned()),
            Ok(Some((status, _))) => no(format!("it answered with HTTP status {status}")),
            Ok(None) => no("it does not speak HTTP: is this the port for clients?".into()),
            Err(error) => no(error.to_string()),
        }
    }
}

/// Where a listener is reached from its own machine.
fn of_listener(listen: Option<&str>) -> String {
    let address: Option<SocketAddr> = listen.and_then(|listen| listen.parse().ok());
    match address {
        Some(address) if address.ip().is_unspecified() && address.is_ipv6() => {
            format!("[::1]:{}", address.port())
        }
        Some(address) if address.ip().is_unspecified() => format!("127.0.0.1:{}", address.port()),
        Some(address) => address.to_string(),
        None => listen.filter(|listen| !listen.is_empty()).unwrap_or(DEFAULT).to_owned(),
    }
}

/// What the node answers, head and body.
fn ask(endpoint: &str, path: &str, deadline: Instant) -> io::Result<String> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time");
    let left = || deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
    let mut refused = io::Error::other("its name has no address");
    for address in endpoint.to_socket_addrs()? {
        let mut stream = match TcpStream::connect_timeout(&address, left().ok_or_else(late)?) {
            Ok(stream) => stream,
            Err(error) => {
                refused = error;
                continue;
            }
        };
        stream.set_write_timeout(Some(left().ok_or_else(late)?))?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {endpoint}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        stream.set_read_timeout(Some(left().ok_or_else(late)?))?;
        let mut answer = Vec::new();
        stream.take(ANSWER_SIZE_BYTES_MAX).read_to_end(&mut answer).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => late(),
            _ => error,
        })?;
        return Ok(String::from_utf8_lossy(&answer).into_owned());
    }
    Err(refused)
}

/// The status of an answer, and its text.
fn read(answer: &str) -> Option<(u16, &str)> {
    let status = answer.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some((status, body.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_asked_on_loopback() {
        for (listen, expected) in [
            (None, "127.0.0.1:4101"),
            (Some(""), "127.0.0.1:4101"),
            (Some("0.0.0.0:4111"), "127.0.0.1:4111"),
            (Some("[::]:4111"), "[::1]:4111"),
            (Some("10.0.0.1:4101"), "10.0.0.1:4101"),
        ] {
            assert_eq!(of_listener(listen), expected, "{listen:?}");
        }
    }

    #[test]
    fn an_answer_is_a_status_and_a_text() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 10\r\n\r\nno-leader\n";
        assert_eq!(read(answer), Some((503, "no-leader")));
        assert_eq!(read("PRI * HTTP/2.0"), None);
        assert_eq!(read(""), None);
    }
}
