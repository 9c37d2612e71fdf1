//! The machine that a run is made on: what figures depend on besides the programs.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use procfs::{CpuInfo, Current as _, Meminfo};
use serde::{Deserialize, Serialize};

use super::drive::histogram;

/// As many appends are made to learn what one takes.
const APPENDS: usize = 200;
/// As much as the log of a small write.
const APPEND_SIZE_BYTES: usize = 300;

/// What a machine has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Model of its processors.
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_bytes: u64,
    /// Release of its kernel.
    pub(crate) kernel: String,
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> anyhow::Result<Self> {
        let cpus = CpuInfo::current()?;
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        Ok(Self {
            cpu: cpus.model_name(0).unwrap_or("unknown").to_owned(),
            cores: cpus.num_cores(),
            memory_bytes: Meminfo::current()?.mem_total,
            kernel: format!("Linux {}", kernel.trim_end()),
        })
    }
}

/// What half and what 99 of 100 appends took until they were on the disk, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SyncTimes {
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
}

impl SyncTimes {
    /// Appends to a file of that folder, which it removes; blocks until it is through.
    pub(crate) fn of(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(format!("conclave-bench-sync-{}", std::process::id()));
        let found = time_appends(&path).with_context(|| format!("cannot write to {}", folder.display()));
        // It may not have come to be.
        let _ = fs::remove_file(&path);
        found
    }
}

fn time_appends(path: &Path) -> anyhow::Result<SyncTimes> {
    let mut file = File::create(path)?;
    let mut times_us = histogram();
    for _ in 0..APPENDS {
        let began = Instant::now();
        file.write_all(&[b'x'; APPEND_SIZE_BYTES])?;
        file.sync_data()?;
        times_us.saturating_record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(SyncTimes { p50_us: times_us.value_at_quantile(0.5), p99_us: times_us.value_at_quantile(0.99) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told() {
        let machine = Machine::this().unwrap();
        assert!(machine.cores > 0 && machine.memory_bytes > 1 << 20);
        assert!(machine.kernel.starts_with("Linux ") && !machine.kernel.ends_with('\n'));
    }

    #[test]
    fn appends_take_their_time_and_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let times = SyncTimes::of(folder.path()).unwrap();
        assert!(times.p50_us > 0 && times.p50_us <= times.p99_us);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(SyncTimes::of(&folder.path().join("nowhere")).is_err());
    }
}
