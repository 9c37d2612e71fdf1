//! The flags of `conclave run`, as types.

use std::path::PathBuf;

use rustix::process::Signal;

/// A template and the file that is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TemplatePaths {
    pub(super) source: PathBuf,
    pub(super) target: PathBuf,
}

/// What is done when something has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnChange {
    /// The program ends and starts anew.
    Restart,
    /// It gets a signal.
    Signal(Signal),
    /// Only files are written.
    None,
}

/// Signals that may be sent on a change, by name.
const SIGNALS: [(&str, Signal); 7] = [
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("TERM", Signal::TERM),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("WINCH", Signal::WINCH),
];

/// Reads `SRC:DST`.
pub(super) fn template_paths(text: &str) -> Result<TemplatePaths, String> {
    let parts = text.split_once(':').filter(|(source, target)| !source.is_empty() && !target.is_empty());
    let (source, target) =
        parts.ok_or("it must be SRC:DST, a template and the file to make of it".to_owned())?;
    if source == target {
        return Err("the file would replace its own template".into());
    }
    Ok(TemplatePaths { source: source.into(), target: target.into() })
}

/// Reads what variables begin with: a shell must be able to name them.
pub(super) fn env_prefix(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.chars().all(fits) && !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("it may have letters, digits and _, and does not begin with a digit".into())
}

/// Reads what is to be done on a change.
pub(super) fn on_change(text: &str) -> Result<OnChange, String> {
    match (text, text.split_once(':')) {
        ("restart", _) => Ok(OnChange::Restart),
        ("none", _) => Ok(OnChange::None),
        (_, Some(("signal", name))) => {
            let name = name.to_ascii_uppercase();
            let name = name.strip_prefix("SIG").unwrap_or(&name);
            let known = SIGNALS.iter().find(|(known, _)| *known == name);
            known.map(|(_, signal)| OnChange::Signal(*signal)).ok_or_else(|| {
                let names: Vec<&str> = SIGNALS.iter().map(|(name, _)| *name).collect();
                format!("the signal must be one of {}", names.join(", "))
            })
        }
        _ => Err("it must be restart, signal:NAME or none".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_pairs() {
        let paths = template_paths("a.j2:/etc/a:b").expect("the first colon divides");
        assert_eq!(paths, TemplatePaths { source: "a.j2".into(), target: "/etc/a:b".into() });
        for wrong in ["", "a", ":b", "a:", "a:a"] {
            template_paths(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn a_shell_can_name_what_a_prefix_begins() {
        for text in ["", "APP_", "app2", "_"] {
            assert_eq!(env_prefix(text), Ok(text.to_owned()));
        }
        for wrong in ["bad prefix", "2APP", "A-B", "A=", "Ä"] {
            env_prefix(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn actions_are_known_by_name() {
        assert_eq!(on_change("restart"), Ok(OnChange::Restart));
        assert_eq!(on_change("none"), Ok(OnChange::None));
        for text in ["signal:HUP", "signal:SIGHUP", "signal:hup"] {
            assert_eq!(on_change(text), Ok(OnChange::Signal(Signal::HUP)));
        }
        for wrong in ["", "reload", "signal", "signal:", "signal:KILL", "restart:now"] {
            on_change(wrong).expect_err(wrong);
        }
    }
}
