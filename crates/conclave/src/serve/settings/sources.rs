//! Where settings are given: flags, environment, file; and which of them holds.

use std::collections::BTreeMap;

use super::values::Value;
use super::{KEYS, Mistake, file};

/// How alike two names must be (0 to 1) for one to be taken as a slip of the other.
const LIKENESS_MIN: f64 = 0.55;

/// A text that somebody gave for a setting, and where.
#[derive(Debug, Clone)]
struct Given {
    text: String,
    place: String,
}

/// All that was given.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    given: BTreeMap<String, Given>,
    mistakes: Vec<Mistake>,
    /// Variables that nothing is known of.
    passed_over: Vec<String>,
}

impl Sources {
    /// Adds a settings file. Call this first: what comes later wins.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Sources {
        let (entries, mistakes) = file::read(name, text);
        self.mistakes.extend(mistakes);
        for entry in entries {
            let place = format!("{name}:{}: {}", entry.line, entry.key);
            if KEYS.iter().any(|key| key.name == entry.key) {
                self.given.insert(entry.key, Given { text: entry.text, place });
            } else {
                self.mistakes.push(Mistake(format!("{place} is not a setting{}", meant(&entry.key))));
            }
        }
        self
    }

    /// Adds the environment. A variable that looks like a slip of a setting's name is a mistake. Any other
    /// that is no setting may be none of ours, as those are that Kubernetes makes for a service named
    /// `conclave`: it is passed over, and told.
    pub(crate) fn environment(mut self, variables: impl Iterator<Item = (String, String)>) -> Sources {
        for (name, text) in variables.filter(|(name, _)| name.starts_with("CONCLAVE_")) {
            match KEYS.iter().find(|key| key.variable() == name) {
                Some(key) => drop(self.given.insert(key.name.into(), Given { text, place: name })),
                None => match slip(&name) {
                    Some(mistake) => self.mistakes.push(mistake),
                    None => self.passed_over.push(name),
                },
            }
        }
        self
    }

    /// Adds a flag.
    pub(crate) fn flag(mut self, name: &'static str, text: String) -> Sources {
        let flag = KEYS.iter().find(|key| key.name == name).map_or_else(|| name.to_owned(), super::Key::flag);
        self.given.insert(name.into(), Given { text, place: format!("--{flag}") });
        self
    }

    /// Variables that look like ours and are no settings.
    pub(crate) fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    /// What is wrong with what was given, whatever the values are.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        self.mistakes.clone()
    }

    /// The value of a setting.
    pub(super) fn value<V: Value>(&self, name: &str, default: &str) -> Result<V, Mistake> {
        let text = self.given.get(name).map_or(default, |given| &given.text);
        V::read(text).map_err(|what| self.mistake(name, &what))
    }

    /// A mistake in the value of a setting, with the place where it was given.
    pub(super) fn mistake(&self, name: &str, what: &str) -> Mistake {
        Mistake(format!("{}: {what}", self.given.get(name).map_or(name, |given| &given.place)))
    }

    /// Whether somebody set it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }
}

/// The setting that a wrong name may mean, for the end of a sentence.
fn meant(name: &str) -> String {
    let nearest = nearest(name, |key| key.name.to_owned());
    nearest.map_or_else(String::new, |(_, known)| format!(": did you mean {known}?"))
}

fn slip(variable: &str) -> Option<Mistake> {
    let (likeness, known) = nearest(variable, super::Key::variable)?;
    let close = likeness >= 0.85;
    close.then(|| Mistake(format!("{variable} is not a setting: did you mean {known}?")))
}

fn nearest(name: &str, form: impl Fn(&super::Key) -> String) -> Option<(f64, String)> {
    let known = KEYS.iter().map(form);
    let rated = known.map(|known| (strsim::normalized_damerau_levenshtein(name, &known), known));
    rated.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
}
