//! TEMP stand-in.
use std::path::PathBuf;
use std::sync::Arc;
use crate::dice::Dice;
#[derive(Clone)]
pub(crate) struct SimDisk { pub(crate) dir: Arc<tempfile::TempDir> }
#[derive(Clone, Copy)]
pub(crate) enum Crash { Process, Power }
#[derive(Clone, Default)]
pub(crate) struct Fault { pub(crate) slow_ms: u64, pub(crate) room_bytes: Option<u64>, pub(crate) error_ppm: u32 }
impl SimDisk {
    pub(crate) fn new(_: Dice) -> Self { Self { dir: Arc::new(tempfile::tempdir().unwrap()) } }
    pub(crate) fn crash(&self, _: Crash) {}
    pub(crate) fn set_fault(&self, _: Fault) {}
    pub(crate) fn path(&self) -> PathBuf { self.dir.path().join("data") }
}
