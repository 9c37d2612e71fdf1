//! What is done to the cluster and to its clients. A file a fault; [`Kind`] is their table.
//!
//! A fault either leaves something broken, which is made well after a drawn time, or it is a whole story, at whose end
//! all is well again.

mod bits;
mod cuts;
mod disks;
mod ends;
mod members;
mod pauses;
mod programs;

use std::time::Duration;

use clap::ValueEnum;

use crate::stage::Stage;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// A node is killed: most often the leader
    Kill,
    /// All nodes are killed, one right after the other
    KillAll,
    /// A node stands still: most often the leader
    Pause,
    /// Some of the clients stand still
    PauseClients,
    /// A node is cut off from all others
    Partition,
    /// What one node says to another does not arrive
    OneWay,
    /// The ways between nodes are slow, and not equally so
    Delay,
    /// Bits are turned over on the ways between nodes
    Wire,
    /// A bit is turned over in what a node keeps, while it does not run
    Bits,
    /// A bit is turned over in what a node has of a snapshot that comes, while it does not run
    BitsReceived,
    /// The power fails: of what was not synced, something or nothing is left
    Power,
    /// A disk is full
    FullDisk,
    /// A node loses its data, and a new one takes its place
    Wipe,
    /// A node that is well is replaced
    Replace,
    /// All nodes are told to stop, one after the other, and started again
    Restart,
    /// The same, with an older program and then with the newer one again
    Upgrade,
    /// Leadership is handed over
    Transfer,
}

/// All kinds that a run has unless told otherwise.
pub(crate) const USUAL: &[Kind] = &[
    Kind::Kill,
    Kind::KillAll,
    Kind::Pause,
    Kind::PauseClients,
    Kind::Partition,
    Kind::OneWay,
    Kind::Delay,
    Kind::Wire,
    Kind::Bits,
    Kind::BitsReceived,
    Kind::Power,
    Kind::FullDisk,
    Kind::Wipe,
    Kind::Replace,
    Kind::Restart,
    Kind::Upgrade,
    Kind::Transfer,
];

/// Kinds that can come while something else is wrong: they leave a majority to those that they do not hit, and ask
/// nothing of the cluster.
pub(crate) const BESIDES: &[Kind] = &[Kind::Kill, Kind::Pause, Kind::PauseClients, Kind::OneWay, Kind::Delay];

impl Kind {
    /// Its name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether it needs disks of the testkit's own.
    pub(crate) fn needs_disks(self) -> bool {
        matches!(self, Self::Power | Self::FullDisk)
    }

    /// Why it cannot be done here, if it cannot.
    pub(crate) fn missing(self, stage: &Stage) -> Option<&'static str> {
        match self {
            Self::Upgrade if stage.binaries.older.is_none() => Some("no older program was given (--older)"),
            Self::Power | Self::FullDisk if !stage.has_disks() => Some("there are no disks that can do that"),
            _ => None,
        }
    }

    /// Does it; tells how long it is to last. `is_alone`: nothing else is wrong.
    pub(crate) async fn strike(self, stage: &mut Stage, is_alone: bool) -> Duration {
        match self {
            Self::Kill => ends::kill(stage, is_alone).await,
            Self::KillAll => ends::kill_all(stage),
            Self::Restart => ends::restart(stage).await,
            Self::Pause => pauses::pause(stage).await,
            Self::PauseClients => pauses::pause_clients(stage),
            Self::Partition => cuts::partition(stage).await,
            Self::OneWay => cuts::one_way(stage).await,
            Self::Delay => cuts::delay(stage),
            Self::Wire => cuts::wire(stage),
            Self::Bits => bits::turn_over(stage).await,
            Self::BitsReceived => bits::turn_over_received(stage).await,
            Self::Power => disks::power(stage),
            Self::FullDisk => disks::full(stage).await,
            Self::Wipe => members::wipe(stage).await,
            Self::Replace => members::replace(stage).await,
            Self::Transfer => members::transfer(stage).await,
            Self::Upgrade => programs::roll(stage).await,
        }
    }
}
