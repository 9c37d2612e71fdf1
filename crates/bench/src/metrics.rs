//! What a node tells at `/metrics`.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Size of the state, flushed and not, in bytes.
const STATE_SIZE: &str = "conclave_state_size_bytes";
/// Sessions that are open.
const SESSIONS: &str = "conclave_sessions";
/// Bytes of snapshots that came since the node was started.
const SNAPSHOTS_RECEIVED: &str = "conclave_snapshot_transferred_bytes_total{way=\"received\"}";

/// The metrics of one node at one moment.
#[derive(Debug)]
pub(crate) struct Metrics {
    text: String,
}

impl Metrics {
    /// Asks the node. An answer to HTTP 1.0 ends with its connection.
    pub(crate) async fn of(node: SocketAddr) -> anyhow::Result<Self> {
        let mut connection = TcpStream::connect(node).await?;
        connection.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
        let mut text = String::new();
        connection.read_to_string(&mut text).await?;
        ensure!(text.ends_with("# EOF\n"), "node {node} does not tell its metrics");
        Ok(Self { text })
    }

    pub(crate) fn state_size_bytes(&self) -> anyhow::Result<u64> {
        self.value(STATE_SIZE).with_context(|| format!("{STATE_SIZE} is not told"))
    }

    /// Sessions that are open.
    pub(crate) fn sessions(&self) -> anyhow::Result<u64> {
        self.value(SESSIONS).with_context(|| format!("{SESSIONS} is not told"))
    }

    /// None if no snapshot came.
    pub(crate) fn snapshots_received_bytes(&self) -> Option<u64> {
        self.value(SNAPSHOTS_RECEIVED)
    }

    fn value(&self, name: &str) -> Option<u64> {
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        self.text.lines().find_map(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_whole_name() {
        let text = "# HELP conclave_state_size_bytes Size\nconclave_state_size_bytes 17\n\
            conclave_snapshot_transferred_bytes_total{way=\"received\"} 5\n# EOF\n";
        let metrics = Metrics { text: text.into() };
        assert_eq!(metrics.state_size_bytes().ok(), Some(17));
        assert_eq!(metrics.snapshots_received_bytes(), Some(5));
        assert_eq!(metrics.value("conclave_state"), None);
    }
}
