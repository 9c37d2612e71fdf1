//! Exit codes: what scripts can tell apart without reading messages. They are stable.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what was asked.
    Done,
    /// It failed for a reason that no other code names.
    Failed,
    /// The arguments, variables or a settings file are wrong.
    Usage,
    /// There is no such namespace, key, version, tag, snapshot, member, lock or session, or it is no longer kept.
    NotFound,
    /// A precondition does not hold, or the name is taken.
    Conflict,
    /// No node could answer in time.
    Unavailable,
    /// A write may have taken place or not.
    OutcomeUnknown,
    /// What was sent, or the file that was read, breaks a rule or a quota.
    Invalid,
    /// A lock or an election was not to be had in the time given.
    NotGranted,
    /// A lock or leadership was lost while it was needed.
    Lost,
}

/// Every code with its number and its meaning.
const TABLE: [(Exit, u8, &str); 10] = [
    (Exit::Done, 0, "done"),
    (Exit::Failed, 1, "failed, for a reason that no other code names"),
    (Exit::Usage, 2, "wrong arguments, variables or settings file"),
    (
        Exit::NotFound,
        3,
        "no such namespace, key, version, tag, snapshot, member, lock or session, or no longer kept",
    ),
    (Exit::Conflict, 4, "a precondition does not hold, or the name is taken: nothing was changed"),
    (Exit::Unavailable, 5, "no node answered in time, or there is no quorum: nothing was changed"),
    (
        Exit::OutcomeUnknown,
        6,
        "a write may have taken place or not: the same again, with its --request-id, settles it",
    ),
    (Exit::Invalid, 7, "a name, value or file breaks a rule or a quota: nothing was changed"),
    (Exit::NotGranted, 124, "a lock or an election was not to be had in the time given"),
    (Exit::Lost, 125, "a lock or leadership was lost while it was needed"),
];

impl Exit {
    fn number(self) -> u8 {
        TABLE.iter().find(|(exit, ..)| *exit == self).map_or(1, |(_, number, _)| *number)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// The table, for the end of a help text.
pub(super) fn help() -> String {
    let lines = TABLE.iter().map(|(_, number, meaning)| format!("  {number:<3}  {meaning}"));
    format!("Exit codes:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_scripts_rely_on() {
        let all = [
            (Exit::Done, 0),
            (Exit::Failed, 1),
            (Exit::Usage, 2),
            (Exit::NotFound, 3),
            (Exit::Conflict, 4),
            (Exit::Unavailable, 5),
            (Exit::OutcomeUnknown, 6),
            (Exit::Invalid, 7),
            (Exit::NotGranted, 124),
            (Exit::Lost, 125),
        ];
        for (exit, number) in all {
            assert_eq!(exit.number(), number, "{exit:?}");
        }
        assert_eq!(all.len(), TABLE.len());
    }

    #[test]
    fn the_help_names_every_code() {
        assert_eq!(help().lines().count(), 1 + TABLE.len());
        assert!(help().contains("\n  6    a write may have taken place or not"));
    }
}
