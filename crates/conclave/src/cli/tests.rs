//! The tree of commands as a whole.

use clap::{Command as Clap, CommandFactory as _, Parser as _};

use super::*;

/// Every command with its path, without clap's own `help`.
fn all_commands() -> Vec<(String, Clap)> {
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    walk(String::new(), &root, &mut found);
    found
}

fn walk(before: String, command: &Clap, found: &mut Vec<(String, Clap)>) {
    let path = format!("{before} {}", command.get_name()).trim().to_owned();
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        walk(path.clone(), inner, found);
    }
    found.push((path, command.clone()));
}

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

/// The examples of all commands, a word a line, spoilt: each is understood or told to be wrong.
#[test]
fn fuzz_command_lines() {
    let mut lines = Vec::new();
    for (_, mut command) in all_commands() {
        let help = command.render_long_help().to_string();
        let examples = help.split_once("Examples:\n").map(|(_, examples)| examples.replace("\\\n", " "));
        let examples = examples.unwrap_or_default();
        lines.extend(examples.lines().filter(|line| line.contains("conclave ")).map(example_words));
    }
    let seeds: Vec<_> = lines.iter().map(|words| words.join("\n")).collect();
    conclave_fuzz::inputs_of!(&seeds).for_each(|input| {
        let text = String::from_utf8_lossy(input);
        let words = text.split('\n').filter(|word| !word.contains('\0'));
        if let Err(error) = Cli::try_parse_from(words) {
            assert!(!error.to_string().is_empty());
        }
    });
}

#[test]
fn the_tree_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_help_has_an_example_of_its_command() {
    let commands = all_commands();
    assert!(commands.len() >= 34, "only {} commands were found", commands.len());
    for (path, mut command) in commands {
        let help = command.render_long_help().to_string();
        let examples = help.split_once("Examples:\n").map(|(_, examples)| examples.to_owned());
        let examples = examples.unwrap_or_else(|| panic!("{path}: its help has no example"));
        let first_words: Vec<&str> = path.split(' ').collect();
        let shows_itself = examples.lines().any(|line| line.contains(&first_words.join(" ")));
        assert!(shows_itself, "{path}: no example shows it");
    }
}

#[test]
fn every_argument_has_a_help_text() {
    for (path, command) in all_commands() {
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path}: {} has none", argument.get_id());
        }
    }
}

#[test]
fn every_example_can_be_parsed() {
    for (path, mut command) in all_commands() {
        let help = command.render_long_help().to_string();
        let examples =
            help.split_once("Examples:\n").map(|(_, examples)| examples.to_owned()).unwrap_or_default();
        let joined = examples.replace("\\\n", " ");
        for line in joined.lines().filter(|line| line.starts_with("  ") && line.contains("conclave ")) {
            let words = example_words(line);
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("{path}: {words:?}: {error}");
            }
        }
    }
}

/// The words of the `conclave` command in an example, as a shell would see them.
fn example_words(line: &str) -> Vec<String> {
    let start = line.find("conclave ").expect("the line holds the command");
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line[start..].chars() {
        match c {
            '"' => quoted = !quoted,
            '|' | '>' | '<' | '#' if !quoted => break,
            c if c.is_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn client_options_stand_before_or_after_the_command() {
    for line in ["conclave config --endpoints a:1 list", "conclave config list --endpoints a:1"] {
        let Ok(Cli { command: Command::Config { client, .. } }) = parse(line) else { panic!("{line}") };
        assert_eq!(client.endpoints.as_deref(), Some("a:1"));
    }
}

#[test]
fn a_lock_is_run_under_its_name_or_looked_at_by_a_command() {
    let words = |line: &str| match parse(line) {
        Ok(Cli { command: Command::Lock { args, .. } }) => format!("{args:?}"),
        other => panic!("{line}: {other:?}"),
    };
    for (line, is_run) in [
        ("conclave lock orders/42 -- true", true),
        ("conclave lock --shared orders/42 --endpoints a:1 -- true list", true),
        ("conclave lock list", false),
        ("conclave lock --endpoints a:1 list", false),
        ("conclave lock run list -- true", false),
    ] {
        let found = words(line);
        assert_eq!(found.starts_with("LockArgs { run: RunArgs { name: Some("), is_run, "{line}: {found}");
        assert_eq!(found.ends_with("command: None }"), is_run, "{line}: {found}");
    }
}

#[test]
fn the_root_help_lists_the_exit_codes() {
    let help = Cli::command().render_long_help().to_string();
    assert!(help.contains(&exit::help()), "{help}");
}

#[track_caller]
fn assert_refused(lines: &[&str]) {
    for line in lines {
        let error = parse(line).expect_err(line);
        assert!(error.use_stderr(), "{line}");
    }
}

#[test]
fn wrong_arguments_are_refused_at_the_door() {
    assert_refused(&[
        "conclave",
        "conclave nonsense",
        "conclave config get",
        "conclave config get ns --at-version 0",
        "conclave config get ns --at-version 1 --at-revision 2",
        "conclave config get ns key --format yaml",
        "conclave config get ns --format ini",
        "conclave config get ns --format yaml --output json",
        "conclave config get ns --output xml",
        "conclave config diff ns",
        "conclave config diff ns 3 0",
        "conclave config rollback ns",
        "conclave config rollback ns --to 0",
        "conclave config history ns --limit 0",
        "conclave config watch",
        "conclave config watch ns --from-revision 0",
        "conclave config wait ns",
        "conclave config wait ns --version 0",
        "conclave run ns",
        "conclave run ns true",
        "conclave run ns --on-change reload -- true",
        "conclave run ns --template app.j2 -- true",
        "conclave run ns --no-env --env-prefix A_ -- true",
        "conclave run ns --no-cache --cache file -- true",
        "conclave run ns --grace 10 -- true",
        "conclave config get ns --version 1 --tag stable",
        "conclave config get ns --at-time yesterday",
        "conclave config diff ns 3 --tag stable",
        "conclave config history ns key --changes",
        "conclave config search",
        "conclave config tag ns",
        "conclave config update ns --keep-versions 0",
        "conclave config defaults set --max-namespaces 0",
        "conclave config export folder",
        "conclave config export folder --all --namespace ns",
        "conclave config export folder --namespace ns --prune",
        "conclave config import",
        "conclave config import folder --prune-namespaces",
        "conclave config import ns file --prune --prune-namespaces",
        "conclave snapshot create name",
        "conclave snapshot create name ns --all",
        "conclave snapshot rollback",
        "conclave config put ns",
        "conclave config put ns a=1 --request-id=",
        "conclave config put ns a=1 --held orders",
        "conclave serve --no-such-setting 1",
        "conclave completions cmd",
    ]);
}

#[test]
fn wrong_arguments_about_locks_are_refused_too() {
    assert_refused(&[
        "conclave lock",
        "conclave lock orders/42",
        "conclave lock orders/42 true",
        "conclave lock --wait 5s -- true",
        "conclave lock orders/42 --wait 5s --no-wait -- true",
        "conclave lock orders/42 --shared --permits 1/3 -- true",
        "conclave lock orders/42 --permits 4/3 -- true",
        "conclave lock orders/42 --ttl 10ms -- true",
        "conclave lock run orders/42",
        "conclave lock show",
        "conclave lock watch --exact",
        "conclave lock release orders/42 --reason text",
        "conclave lock release orders/42 --force",
        "conclave lock release orders/42 --force --reason=",
        "conclave lock check orders/42",
        "conclave lock check orders/42 0",
        "conclave elect",
        "conclave elect scheduler",
        "conclave elect scheduler -- true",
        "conclave elect scheduler node-a --observe",
        "conclave elect scheduler --observe --ttl 10s",
        "conclave elect scheduler --observe -- true",
        "conclave session",
        "conclave session show",
        "conclave session show worker-7",
    ]);
}

#[test]
fn help_and_version_are_no_mistakes() {
    for line in
        ["conclave --help", "conclave --version", "conclave config put --help", "conclave help config"]
    {
        assert!(!parse(line).expect_err(line).use_stderr(), "{line}");
    }
}
