//! Which node a connection comes from: all nodes speak from 127.0.0.1, so the kernel's tables are asked
//! which process has the socket at the other end.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;

/// The node whose process has the socket that is bound to `local` and connected to `remote`.
/// `processes` has the process of each node by the node's id.
pub fn owner(local: SocketAddr, remote: SocketAddr, processes: &BTreeMap<u64, u32>) -> Option<u64> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let inode = inode_of(&table, local.port(), remote.port())?;
    processes.iter().find(|(_, process)| has_socket(**process, inode)).map(|(id, _)| *id)
}

/// The socket between two ports of this machine, in the kernel's table.
fn inode_of(table: &str, local: u16, remote: u16) -> Option<u64> {
    let port = |field: &str| u16::from_str_radix(field.split_once(':')?.1, 16).ok();
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (here, there) = (port(fields.next()?)?, port(fields.next()?)?);
        let inode = fields.nth(6)?.parse().ok();
        inode.filter(|inode| (here, there) == (local, remote) && *inode != 0)
    })
}

fn has_socket(process: u32, inode: u64) -> bool {
    let name = format!("socket:[{inode}]");
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    descriptors.flatten().any(|descriptor| {
        fs::read_link(descriptor.path()).is_ok_and(|target| target.as_os_str() == name.as_str())
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_process_that_connected_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        let processes = BTreeMap::from([(7, 1), (8, std::process::id())]);
        assert_eq!(owner(local, remote, &processes), Some(8));
        assert_eq!(owner(remote, remote, &processes), None);
    }
}
