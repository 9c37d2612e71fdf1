//! What processes take of the machine, as the system counts it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use procfs::WithCurrentSystemInfo as _;
use procfs::process::Process;

use crate::footprint::taken_by;

/// The place of the sectors that were written among a device's counts, and how large they are counted.
const SECTORS_WRITTEN: usize = 6;
const SECTOR_SIZE_BYTES: u64 = 512;

/// The processes of a cluster, and this one.
#[derive(Debug)]
pub(crate) struct Meter {
    servers: Vec<Process>,
    folders: Vec<PathBuf>,
    /// What the system counts of the disk that the folders are on; none: it is no device.
    device: Option<PathBuf>,
    own: Process,
}

/// What was taken up to a moment, or between two.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Taken {
    /// Time of processors, user and system, of all nodes, in microseconds.
    pub(crate) server_cpu_us: f64,
    /// The same of the generator.
    pub(crate) own_cpu_us: f64,
    /// What came to the disk that the nodes' folders are on, in bytes. What processes dirtied would be another figure: the
    /// system counts a large page whole for each small write into it.
    pub(crate) written_bytes: u64,
}

impl Meter {
    pub(crate) fn of(processes: &[u32], folders: Vec<PathBuf>) -> anyhow::Result<Self> {
        let server = |process: &u32| Ok(Process::new(i32::try_from(*process)?)?);
        let servers = processes.iter().map(server).collect::<anyhow::Result<_>>()?;
        let device = folders.first().map(|folder| device_of(folder)).transpose()?;
        let device = device.filter(|counts| counts.exists());
        Ok(Self { servers, folders, device, own: Process::myself()? })
    }

    /// What was taken until now.
    pub(crate) fn read(&self) -> anyhow::Result<Taken> {
        let mut taken = Taken { own_cpu_us: cpu_us(&self.own)?, ..Taken::default() };
        for server in &self.servers {
            taken.server_cpu_us += cpu_us(server)?;
            if self.device.is_none() {
                taken.written_bytes += server.io()?.write_bytes;
            }
        }
        if let Some(counts) = &self.device {
            taken.written_bytes = written_to(&fs::read_to_string(counts)?)?;
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

/// Where the system counts what comes to the device that a folder is on.
fn device_of(folder: &Path) -> anyhow::Result<PathBuf> {
    let device = fs::metadata(folder)?.dev();
    let major = (device >> 8) & 0xfff | (device >> 32) & !0xfff;
    let minor = device & 0xff | (device >> 12) & !0xff;
    Ok(format!("/sys/dev/block/{major}:{minor}/stat").into())
}

/// What was written to a device, in bytes, by its counts.
fn written_to(counts: &str) -> anyhow::Result<u64> {
    let sectors = counts.split_whitespace().nth(SECTORS_WRITTEN).context("a device without counts")?;
    Ok(sectors.parse::<u64>()? * SECTOR_SIZE_BYTES)
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
    fn what_came_to_a_device_is_read_from_its_counts() {
        let counts = "  2135 10 138938  1166  6199031 51 345799296 1 0 2 3 4 5 6 7 8 9\n";
        assert_eq!(written_to(counts).unwrap(), 345_799_296 * 512);
        assert!(written_to("1 2 3").is_err());
    }

    #[test]
    fn work_and_writes_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let meter = Meter::of(&[std::process::id()], vec![folder.path().into()]).unwrap();
        let before = meter.read().unwrap();
        let mut work = 0_u64;
        while meter.read().unwrap().since(before).server_cpu_us < 20_000.0 {
            work = std::hint::black_box(work + 1);
        }
        fs::write(folder.path().join("file"), vec![1; 10_000]).unwrap();
        assert!(meter.resident_bytes().unwrap() > 1 << 20);
        assert!(meter.disk_bytes().unwrap() >= 10_000);
    }
}
