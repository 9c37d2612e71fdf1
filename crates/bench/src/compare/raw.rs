//! The raw file: a line of JSON for each run, which tells what it was made on, and for each sample. All that is reported is
//! made from it.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::case::Case;
use super::machine::{Machine, SyncTimes};
use super::sample::Sample;
use super::samples::Samples;

/// What a run was made on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// When it began, by RFC 3339.
    pub(crate) began: String,
    /// Of which commit the builds are, if it was told.
    #[serde(default)]
    pub(crate) commit: Option<String>,
    pub(crate) machine: Machine,
    pub(crate) fdatasync: SyncTimes,
    pub(crate) peers: Vec<PeerVersion>,
    pub(crate) warm_up_seconds: f64,
    pub(crate) measured_seconds: f64,
}

/// What a program says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PeerVersion {
    /// How samples name it.
    pub(crate) name: String,
    /// The first line of its `--version`.
    pub(crate) version: String,
}

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Line {
    Run { run: Box<Run> },
    Sample(Box<Sample>),
}

impl Line {
    /// Adds itself to the file at once: a run that ends before its time leaves what it has found.
    pub(crate) fn keep(&self, file: &Path) -> anyhow::Result<()> {
        let line = serde_json::to_string(self)?;
        let opened = OpenOptions::new().create(true).append(true).open(file);
        let mut opened = opened.with_context(|| format!("cannot write {}", file.display()))?;
        Ok(writeln!(opened, "{line}")?)
    }
}

/// All that raw files tell.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub(crate) runs: Vec<Run>,
    pub(crate) samples: Samples,
}

impl Raw {
    /// Reads the files.
    pub(crate) fn read<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> anyhow::Result<Self> {
        let mut raw = Self::default();
        for file in files {
            let file = file.as_ref();
            let text = fs::read_to_string(file);
            let text = text.with_context(|| format!("cannot read {}", file.display()))?;
            raw.add(&text).with_context(|| file.display().to_string())?;
        }
        raw.tell_repetitions_apart();
        Ok(raw)
    }

    fn add(&mut self, text: &str) -> anyhow::Result<()> {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line = serde_json::from_str(line);
            match line.with_context(|| format!("line {}: neither a run nor a sample", number + 1))? {
                Line::Run { run } => self.runs.push(*run),
                Line::Sample(sample) => self.samples.all.push(*sample),
            }
        }
        Ok(())
    }

    /// Each run counts its rounds from 1: a round that is there already is another one.
    fn tell_repetitions_apart(&mut self) {
        let rounds_max = self.samples.all.iter().map(|sample| sample.round).max().unwrap_or(0);
        let mut seen: BTreeMap<(Case, String, usize), usize> = BTreeMap::new();
        for sample in &mut self.samples.all {
            let times = seen.entry((sample.case.clone(), sample.peer.clone(), sample.round)).or_default();
            sample.round += *times * rounds_max;
            *times += 1;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A run on a machine that is none.
    pub(crate) fn run(fdatasync_p50_us: u64) -> Run {
        Run {
            began: "2026-01-02T03:04:05Z".into(),
            commit: Some("c0ffee".into()),
            machine: Machine {
                cpu: "Abacus 9".into(),
                cores: 2,
                memory_bytes: 8 << 30,
                kernel: "Linux 6".into(),
            },
            fdatasync: SyncTimes { p50_us: fdatasync_p50_us, p99_us: 900 },
            peers: vec![PeerVersion { name: "etcd 3.5.1".into(), version: "etcd Version: 3.5.1".into() }],
            warm_up_seconds: 1.0,
            measured_seconds: 4.0,
        }
    }

    /// As samples have always been written.
    const SAMPLE: &str = r#"{"case":{"workload":"local-get","clients":64,"keys":10000,"value_size_bytes":256,"rate":null,"native":false},"peer":"etcd 3.5.1","round":1,"figures":{"operations_a_second":5000.5,"p50_us":812.0}}"#;

    #[test]
    fn what_is_kept_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("raw.jsonl");
        Line::Run { run: Box::new(run(300)) }.keep(&file).unwrap();
        let sample: Sample = serde_json::from_str(SAMPLE).unwrap();
        Line::Sample(Box::new(sample)).keep(&file).unwrap();
        let raw = Raw::read([&file]).unwrap();
        assert_eq!(raw.runs, [run(300)]);
        assert_eq!(serde_json::to_string(&raw.samples.all[0]).unwrap(), SAMPLE);
    }

    #[test]
    fn rounds_of_two_runs_are_not_the_same() {
        let mut raw = Raw::default();
        let second = SAMPLE.replace("\"round\":1", "\"round\":2");
        raw.add(&format!("{SAMPLE}\n{second}\n\n{SAMPLE}\n")).unwrap();
        raw.tell_repetitions_apart();
        assert_eq!(raw.samples.all.iter().map(|sample| sample.round).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn a_line_that_is_neither_is_told_with_its_number() {
        let told = Raw::default().add(&format!("{SAMPLE}\n{{\"case\":1}}\n")).unwrap_err();
        assert!(told.to_string().starts_with("line 2: "), "{told}");
    }
}
