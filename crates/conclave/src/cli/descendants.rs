//! Our descendants: a program that we run at a terminal, and all that it has started. Such a program stays in our group
//! of processes, which is not ours alone, so that no signal can be sent to the group; what it has started is found by
//! the parents that /proc tells.

use std::collections::{BTreeMap, HashSet};

use procfs::process::all_processes;
use rustix::process::{Pid, Signal, getpid, kill_process};

/// How often it is looked for what was started while others were signalled.
const LOOKS_MAX: usize = 16;

/// Sends a signal to a child and all other descendants. What loses its parent from here on becomes our child, so that
/// it is found the next time.
pub(super) fn signal_all(child: Option<Pid>, signal: Signal) {
    adopt_orphans();
    let mut told = HashSet::new();
    for _ in 0..LOOKS_MAX {
        let found = child.into_iter().chain(of(getpid()));
        let new: Vec<Pid> = found.filter(|pid| told.insert(*pid)).collect();
        if new.is_empty() {
            return;
        }
        for pid in new {
            // One that has just ended has nobody to hear it.
            let _ = kill_process(pid, signal);
        }
    }
}

/// Whether there are any that have not ended.
pub(super) fn are_there() -> bool {
    !of(getpid()).is_empty()
}

/// All that a process has started, and that these have: parents before their children.
fn of(root: Pid) -> Vec<Pid> {
    let mut children = children_by_parent();
    let mut found = children.remove(&root.as_raw_nonzero().get()).unwrap_or_default();
    let mut at = 0;
    while let Some(parent) = found.get(at) {
        found.extend(children.remove(parent).unwrap_or_default());
        at += 1;
    }
    found.into_iter().filter_map(Pid::from_raw).collect()
}

/// Process ids by that of the parent. One that has ended, and for which its parent has not asked yet, is none.
fn children_by_parent() -> BTreeMap<i32, Vec<i32>> {
    let mut children = BTreeMap::<i32, Vec<i32>>::new();
    let processes = all_processes().into_iter().flatten();
    for stat in processes.filter_map(|process| process.ok()?.stat().ok()) {
        if !['Z', 'X'].contains(&stat.state) {
            children.entry(stat.ppid).or_default().push(stat.pid);
        }
    }
    children
}

fn adopt_orphans() {
    // Without it, what has lost its parent is not found: nothing else can be done for that.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(getpid()));
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn children_of_children_are_found_until_they_have_ended() {
        let script = "sh -c 'sleep 600 & echo up; wait' & wait";
        let mut child =
            Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().expect("a shell is there");
        let mut lines = BufReader::new(child.stdout.take().expect("it was asked for"));
        lines.read_line(&mut String::new()).expect("it says that it is up");
        let pid = Pid::from_child(&child);
        let found = of(pid);
        assert_eq!(found.len(), 2, "the inner shell, and what that has started: {found:?}");
        for pid in found {
            kill_process(pid, Signal::KILL).expect("it runs");
        }
        child.wait().expect("it is our child");
        assert!(of(pid).is_empty());
    }
}
