//! All that clients noted over a run, and how it is kept.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use conclave_checker::lock::LockHistory;
use conclave_checker::watch::Account;

use crate::clients::config::ConfigHistory;
use crate::clients::kv::KvHistory;

/// What clients noted.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) keys: KvHistory,
    pub(crate) config: ConfigHistory,
    pub(crate) locks: LockHistory,
    pub(crate) key_watches: Vec<Account>,
    pub(crate) config_watches: Vec<Account>,
}

impl Noted {
    /// Keeps all of it in a folder, as `--example check` of the checker reads it.
    pub(crate) fn save(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let file = |name: &str| File::create(folder.join(name)).map(BufWriter::new);
        self.keys.save(file("kv.jsonl")?)?;
        self.config.save(file("config.jsonl")?)?;
        self.locks.save(file("lock.jsonl")?)?;
        let mut watches = file("watches.jsonl")?;
        for account in self.key_watches.iter().chain(&self.config_watches) {
            serde_json::to_writer(&mut watches, account)?;
            watches.write_all(b"\n")?;
        }
        watches.flush()
    }
}
