//! Names that were changed and are not durable yet.

use std::sync::Arc;

use super::tree::{FolderRef, Node};
use crate::dice::Dice;

/// The system makes the older ones durable by itself when there are so many.
const PENDING_MAX: usize = 64;

/// What becomes of some names, whole or not at all.
pub(super) struct NameChange {
    pub(super) names: Vec<Renamed>,
}

/// What a name in a folder becomes.
pub(super) struct Renamed {
    pub(super) folder: FolderRef,
    pub(super) name: String,
    pub(super) to: Option<Node>,
}

impl Renamed {
    fn is_same_name(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.folder, &other.folder) && self.name == other.name
    }
}

impl NameChange {
    /// Whether one cannot be durable without the earlier of the two.
    fn is_about_same(&self, other: &Self) -> bool {
        self.names.iter().any(|name| other.names.iter().any(|of_other| name.is_same_name(of_other)))
    }

    fn make_durable(self) {
        for Renamed { folder, name, to } in self.names {
            folder.lock().set_durable(name, to);
        }
    }
}

/// What is not durable yet, in order.
#[derive(Default)]
pub(super) struct Pending {
    changes: Vec<NameChange>,
}

impl Pending {
    pub(super) fn push(&mut self, change: NameChange) {
        self.changes.push(change);
        if self.changes.len() > PENDING_MAX {
            self.changes.drain(..PENDING_MAX / 2).for_each(NameChange::make_durable);
        }
    }

    /// What a folder's names became is durable, with all that came before of the same names.
    pub(super) fn sync(&mut self, folder: &FolderRef) {
        let mut synced: Vec<NameChange> = Vec::new();
        let mut left = Vec::new();
        for change in std::mem::take(&mut self.changes).into_iter().rev() {
            let is_in_folder = change.names.iter().any(|name| Arc::ptr_eq(&name.folder, folder));
            if is_in_folder || synced.iter().any(|later| later.is_about_same(&change)) {
                synced.push(change);
            } else {
                left.push(change);
            }
        }
        synced.into_iter().rev().for_each(NameChange::make_durable);
        left.reverse();
        self.changes = left;
    }

    /// Makes durable what a loss of power leaves: all, nothing, or any of it in which the order of the changes to a name
    /// is kept.
    pub(super) fn lose_power(&mut self, dice: &mut Dice) {
        let percent = *dice.pick(&[0, 50, 50, 100]);
        let mut lost: Vec<NameChange> = Vec::new();
        for change in std::mem::take(&mut self.changes) {
            let is_lost = lost.iter().any(|earlier| earlier.is_about_same(&change));
            if is_lost || !dice.happens(percent) {
                lost.push(change);
            } else {
                change.make_durable();
            }
        }
    }
}
