//! What processes take of the machine, as the system counts it.

use std::path::PathBuf;

use procfs::WithCurrentSystemInfo as _;
use procfs::process::Process;

use crate::footprint::taken_by;

/// The processes of a cluster, and this one.
#[derive(Debug)]
pub(crate) struct Meter {
    servers: Vec<Process>,
    folders: Vec<PathBuf>,
    own: Process,
}

/// What was taken up to a moment, or between two.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Taken {
    /// Time of processors, user and system, of all nodes, in microseconds.
    pub(crate) server_cpu_us: f64,
    /// The same of the generator.
    pub(crate) own_cpu_us: f64,
    /// What all nodes had written to disks, in bytes.
    pub(crate) written_bytes: u64,
}

impl Meter {
    pub(crate) fn of(processes: &[u32], folders: Vec<PathBuf>) -> anyhow::Result<Self> {
        let server = |process: &u32| Ok(Process::new(i32::try_from(*process)?)?);
        let servers = processes.iter().map(server).collect::<anyhow::Result<_>>()?;
        Ok(Self { servers, folders, own: Process::myself()? })
    }

    /// What was taken until now.
    pub(crate) fn read(&self) -> anyhow::Result<Taken> {
        let mut taken = Taken { own_cpu_us: cpu_us(&self.own)?, ..Taken::default() };
        for server in &self.servers {
            taken.server_cpu_us += cpu_us(server)?;
            taken.written_bytes += server.io()?.write_bytes;
        }
        Ok(taken)
    }

    /// Resident memory of a node, in the mean, in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let sizes = self.servers.iter().map(|server| Ok(server.stat()?.rss_bytes().get()));
        let sum: u64 = sizes.collect::<anyhow::Result<Vec<_>>>()?.into_iter().sum();
        Ok(sum / self.servers.len() as u64)
    }

    /// What a node's files take on the disk, in the mean, in bytes.
    pub(crate) fn disk_bytes(&self) -> anyhow::Result<u64> {
        let sizes = self.folders.iter().map(|folder| taken_by(folder));
        let sum: u64 = sizes.collect::<anyhow::Result<Vec<_>>>()?.into_iter().sum();
        Ok(sum / self.folders.len() as u64)
    }
}

/// Time of processors that a process took, user and system, in microseconds.
fn cpu_us(process: &Process) -> anyhow::Result<f64> {
    let stat = process.stat()?;
    Ok((stat.utime + stat.stime) as f64 * 1e6 / procfs::ticks_per_second() as f64)
}

impl Taken {
    /// What was taken since an earlier moment.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            server_cpu_us: self.server_cpu_us - earlier.server_cpu_us,
            own_cpu_us: self.own_cpu_us - earlier.own_cpu_us,
            written_bytes: self.written_bytes - earlier.written_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_writes_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let meter = Meter::of(&[std::process::id()], vec![folder.path().into()]).unwrap();
        let before = meter.read().unwrap();
        let mut work = 0_u64;
        while meter.read().unwrap().since(before).server_cpu_us < 20_000.0 {
            work = std::hint::black_box(work + 1);
        }
        std::fs::write(folder.path().join("file"), vec![1; 10_000]).unwrap();
        assert!(meter.resident_bytes().unwrap() > 1 << 20);
        assert!(meter.disk_bytes().unwrap() >= 10_000);
    }
}
