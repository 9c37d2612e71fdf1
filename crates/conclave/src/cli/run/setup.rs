//! All that a program gets, made of one version: its variables and its files. Two versions that make the
//! same are the same to the program.

use conclave_client::Content;

use super::arguments::TemplatePaths;
use super::context;
use super::template::{RenderedFile, Template};
use super::variables;
use crate::cli::errors::Failure;
use crate::cli::exit::Exit;
use crate::cli::program::Variables;

/// How a program's setup is made.
#[derive(Debug)]
pub(super) struct Recipe {
    /// What names of variables begin with; none: no variables.
    variable_prefix: Option<String>,
    templates: Vec<Template>,
}

/// What a program gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setup {
    pub(super) variables: Variables,
    files: Vec<RenderedFile>,
}

impl Recipe {
    /// Reads the templates. They are read once: a template that is being edited breaks nothing.
    pub(super) fn read(
        variable_prefix: Option<String>,
        templates: &[TemplatePaths],
    ) -> Result<Self, Failure> {
        let twice = |(at, paths): (usize, &TemplatePaths)| {
            templates[..at].iter().any(|other| other.target == paths.target).then(|| paths.target.clone())
        };
        if let Some(target) = templates.iter().enumerate().find_map(twice) {
            return Err(Failure::usage(format!("two templates make the same file, {}", target.display())));
        }
        let templates =
            templates.iter().map(Template::read).collect::<Result<_, _>>().map_err(Failure::usage)?;
        Ok(Self { variable_prefix, templates })
    }

    /// Makes the setup of one version, without touching anything.
    pub(super) fn setup(&self, content: &Content) -> Result<Setup, Failure> {
        let variables = match &self.variable_prefix {
            None => Ok(Variables::new()),
            Some(prefix) => variables::of(content, prefix),
        };
        let variables = variables.map_err(|details| Failure::Told {
            exit: Exit::Invalid,
            message: "these items make no environment:".into(),
            details,
            hint: None,
        })?;
        let context = context::of(content);
        let files = self.templates.iter().map(|template| template.render(&context)).collect::<Result<_, _>>();
        Ok(Setup { variables, files: files.map_err(invalid)? })
    }
}

impl Setup {
    /// Puts the files in their places, as far as they differ from what is there.
    pub(super) fn write_files(&self) -> Result<(), Failure> {
        let failed = |what: String| Failure::new(Exit::Failed, what);
        self.files.iter().try_for_each(|file| file.write().map_err(failed))
    }
}

fn invalid(what: String) -> Failure {
    Failure::new(Exit::Invalid, what)
}

#[cfg(test)]
pub(super) mod samples {
    //! Content for tests.

    use conclave_client::config::Item;
    use conclave_client::{Content, NamespaceState};

    pub(in crate::cli::run) fn item(key: &str, value: &str) -> Item {
        Item { key: key.into(), value: value.to_owned().into(), ..Default::default() }
    }

    pub(in crate::cli::run) fn content_of(items: Vec<Item>) -> Content {
        let state = NamespaceState { namespace: "shop".into(), version: 7, deleted: false, items };
        Content::from_state(state, 107)
    }

    pub(in crate::cli::run) fn content(items: &[(&str, &str)]) -> Content {
        content_of(items.iter().map(|(key, value)| item(key, value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::samples::content;
    use super::*;

    fn paths(source: &std::path::Path, target: &str) -> TemplatePaths {
        TemplatePaths { source: source.into(), target: target.into() }
    }

    #[test]
    fn what_makes_no_difference_to_the_program_is_the_same_setup() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let source = folder.path().join("a.j2");
        std::fs::write(&source, "{{ config.a }}").expect("it is ours");
        let recipe = Recipe::read(None, &[paths(&source, "a")]).expect("all is well");
        let setup = |items| recipe.setup(&content(items)).expect("all is well");
        assert_eq!(setup(&[("a", "1")]), setup(&[("a", "1"), ("b", "2")]));
        assert_ne!(setup(&[("a", "1")]), setup(&[("a", "2")]));
        let recipe = Recipe::read(Some(String::new()), &[]).expect("all is well");
        let setup = |items| recipe.setup(&content(items)).expect("all is well");
        assert_ne!(setup(&[("a", "1")]), setup(&[("a", "1"), ("b", "2")]));
    }

    #[test]
    fn wrong_templates_are_told_before_anything_is_done() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let source = folder.path().join("a.j2");
        let missing = Recipe::read(None, &[paths(&source, "a")]).expect_err("there is none");
        assert_eq!(missing.exit(), Exit::Usage);
        std::fs::write(&source, "").expect("it is ours");
        let twice =
            Recipe::read(None, &[paths(&source, "a"), paths(&source, "a")]).expect_err("one file, twice");
        assert!(twice.to_string().contains("two templates make the same file, a"), "{twice}");
    }
}
