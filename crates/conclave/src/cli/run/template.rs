//! Templates and the files made of them. A file is replaced whole or not at all, and only its owner may
//! read it: values can be secrets.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};

use super::arguments::TemplatePaths;
use crate::cli::text::one_line;

/// So many steps may one template take, about: one that never ends is told instead of waited for.
const STEPS_MAX: u64 = 50_000_000;
/// So much is shown of a template's line.
const LINE_CHARS_MAX: usize = 100;

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    source: PathBuf,
    target: PathBuf,
    text: String,
}

/// A file as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RenderedFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Template {
    /// Reads a template. The error names it.
    pub(super) fn read(paths: &TemplatePaths) -> Result<Self, String> {
        let TemplatePaths { source, target } = paths.clone();
        let text = fs::read_to_string(&source)
            .map_err(|error| format!("template {} cannot be read: {error}", source.display()))?;
        Ok(Self { source, target, text })
    }

    /// Makes the file's content. The error names the template and the line, and no value.
    pub(super) fn render(&self, context: &Value) -> Result<RenderedFile, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_syntax(syntax().map_err(|error| self.mistake(&error))?);
        environment.set_formatter(print);
        environment.set_fuel(Some(STEPS_MAX));
        let text = environment.render_str(&self.text, context).map_err(|error| self.mistake(&error))?;
        Ok(RenderedFile { path: self.target.clone(), text })
    }

    fn mistake(&self, error: &Error) -> String {
        let template = self.source.display();
        let what = match error.kind() {
            ErrorKind::UndefinedError => "it names something that is not there".to_owned(),
            // Filters and functions may tell the values that they got.
            ErrorKind::SyntaxError | ErrorKind::UnknownFilter | ErrorKind::UnknownFunction => {
                error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
            }
            kind => kind.to_string(),
        };
        let Some(number) = error.line() else { return format!("template {template}: {what}") };
        let line = self.text.lines().nth(number.saturating_sub(1)).unwrap_or_default();
        format!("template {template}, line {number}: {what}: {}", one_line(line.trim(), LINE_CHARS_MAX))
    }
}

/// Prints a value as its item has it: booleans as JSON and most other formats write them.
fn print(out: &mut minijinja::Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match (value.kind(), value.is_true()) {
        (ValueKind::Bool, true) => Ok(out.write_str("true")?),
        (ValueKind::Bool, false) => Ok(out.write_str("false")?),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

fn syntax() -> Result<SyntaxConfig, Error> {
    SyntaxConfig::builder().keep_trailing_newline(true).build()
}

impl RenderedFile {
    /// Puts the file in its place, unless it is there as it is to be.
    pub(super) fn write(&self) -> Result<(), String> {
        if fs::read(&self.path).is_ok_and(|found| found == self.text.as_bytes()) {
            return Ok(());
        }
        self.replace().map_err(|error| format!("{} cannot be written: {error}", self.path.display()))
    }

    fn replace(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        // Temporary files are made for their owner only (0600), and go if they are not put in place.
        let mut beside = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        beside.write_all(self.text.as_bytes())?;
        beside.as_file().sync_all()?;
        beside.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::context;
    use super::super::setup::samples::{content, content_of, item};
    use super::*;

    fn rendered(template: &str, items: &[(&str, &str)]) -> Result<String, String> {
        let text = template.to_owned();
        let template = Template { source: "app.j2".into(), target: "app.conf".into(), text };
        template.render(&context::of(&content(items))).map(|file| file.text)
    }

    #[test]
    fn items_are_found_nested_and_by_key() {
        let items = [("db.url", "postgres://<db>"), ("db.pool", "8"), ("hosts[0]", "a"), ("hosts[1]", "b")];
        let template = "url = {{ config.db.url }}\npool = {{ items[\"db.pool\"] + 1 }}\n\
                        {% for host in config.hosts %}{{ host }};{% endfor %} {{ namespace }} {{ version }}\n";
        let expected = "url = postgres://<db>\npool = 9\na;b; shop 7\n";
        assert_eq!(rendered(template, &items), Ok(expected.into()));
    }

    /// A template makes a file or is told to be wrong, and never tells a value that it was not to print.
    #[test]
    fn fuzz_templates() {
        let seeds = [
            "url = {{ config.db.url }}\npool = {{ items[\"db.pool\"] + 1 }}\n",
            "{% for host in config.hosts %}{{ host | upper }};{% endfor %}{{ version ~ namespace }}",
            "{% if config.a is defined and not false %}{{ config.a | default(1) }}{% else %}{# x #}{% endif %}",
            "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(revision) }}{% set y = [1, {\"a\": 2}] %}{{ y[1].a }}",
        ];
        conclave_fuzz::inputs_of!(seeds).for_each(|input| {
            let items = [("db.url", "postgres://db"), ("db.pool", "8"), ("hosts[0]", "a"), ("a", "x")];
            if let Err(told) = rendered(&String::from_utf8_lossy(input), &items) {
                assert!(told.starts_with("template app.j2"), "{told}");
            }
        });
    }

    #[test]
    fn values_print_as_they_are() {
        for value in
            ["0.10", "007", "true", "false", "-5", "1e3", "null", "99999999999999999999", "+1", " 1", "", "ä"]
        {
            assert_eq!(rendered("{{ config.a }}", &[("a", value)]), Ok(value.into()));
        }
        assert_eq!(
            rendered("{% if config.a %}yes{% else %}no{% endif %}", &[("a", "false")]),
            Ok("no".into())
        );
    }

    #[test]
    fn json_can_be_walked_through() {
        let mut list = item("l", "[{\"port\": 80}, {\"port\": 443}]");
        list.content_type = "application/json".into();
        let template =
            Template { source: "s".into(), target: "t".into(), text: "{{ config.l[1].port }}".into() };
        let file = template.render(&context::of(&content_of(vec![list]))).expect("it can be rendered");
        assert_eq!(file.text, "443");
    }

    #[test]
    fn a_key_that_is_value_and_group_has_its_value_in_items() {
        let items = [("a", "x"), ("a.b", "y")];
        assert_eq!(rendered("{{ config.a.b }}{{ items.a }}", &items), Ok("yx".into()));
    }

    #[test]
    fn mistakes_name_the_line_and_no_value() {
        let items = [("a", "secret")];
        let told = |template: &str| rendered(template, &items).expect_err("it cannot be rendered");
        let undefined = told("one\n{{ config.b }}\n");
        assert_eq!(
            undefined,
            "template app.j2, line 2: it names something that is not there: {{ config.b }}"
        );
        assert!(told("{{ config.a.b.c }}").contains("line 1"));
        assert!(told("\n\n{% if %}").starts_with("template app.j2, line 3: "));
        assert!(told("{{ config.a | nonsense }}").contains("nonsense"));
        let sum = told("{{ config.a + 1 }}");
        assert!(sum.contains("line 1") && !sum.contains("secret"), "{sum}");
    }

    #[test]
    fn a_template_without_end_is_told() {
        let endless = "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}";
        let told = rendered(endless, &[]).expect_err("it has no end");
        assert!(told.starts_with("template app.j2"), "{told}");
    }

    #[test]
    fn files_are_for_their_owner_and_replaced_only_if_they_differ() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("app.conf");
        let file = |text: &str| RenderedFile { path: path.clone(), text: text.into() };
        file("one").write().expect("the folder is ours");
        let first = fs::metadata(&path).expect("it is there");
        assert_eq!(first.permissions().mode() & 0o777, 0o600);
        file("one").write().expect("nothing to do");
        assert_eq!(fs::metadata(&path).expect("it is there").modified().ok(), first.modified().ok());
        file("two").write().expect("the folder is ours");
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), Some("two"));
        assert_eq!(fs::read_dir(folder.path()).expect("it is ours").count(), 1);
        let nowhere = RenderedFile { path: folder.path().join("no/such/app.conf"), text: String::new() };
        let told = nowhere.write().expect_err("there is no such folder");
        assert!(told.contains("no/such/app.conf cannot be written"), "{told}");
    }
}
