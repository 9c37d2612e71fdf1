//! Which setting wins, and what is told of those that cannot be used.

use std::ffi::OsString;
use std::path::Path;

use super::*;
use crate::cli::exit::Exit;

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::of(variables.iter().map(|(name, text)| (OsString::from(name), OsString::from(text))))
}

fn flags(endpoints: Option<&str>, timeout: Option<&str>, output: Option<OutputFormat>) -> ClientArgs {
    let own = |text: Option<&str>| text.map(str::to_owned);
    ClientArgs { endpoints: own(endpoints), timeout: own(timeout), output, client_config: None }
}

fn folder_with(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("conclave");
    std::fs::create_dir(&inner).expect("an inner folder");
    std::fs::write(inner.join("config.toml"), text).expect("a file");
    folder
}

fn home(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

#[test]
fn fuzz_files() {
    let seed = "endpoints = [\"f:1\", \"g:2\"]\ntimeout_ms = 10_000\noutput = \"yaml\"\nauthor = 'file'\n";
    conclave_fuzz::inputs_of!([seed]).for_each(|input| {
        let (settings, mistakes) = file::read("config.toml", &String::from_utf8_lossy(input));
        assert!(mistakes.iter().all(|mistake| mistake.starts_with("config.toml:")), "{mistakes:?}");
        drop(settings);
    });
}

#[test]
fn defaults_hold_where_nothing_is_said() {
    let options = Options::read(&ClientArgs::default(), &environment(&[("USER", "ada")])).expect("usable");
    assert_eq!(options.client.endpoints, ["127.0.0.1:4101"]);
    assert_eq!(options.client.timeout_ms, 10_000);
    assert_eq!((options.output, options.author.as_str()), (OutputFormat::Table, "ada"));
}

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let folder = folder_with("endpoints = \"f:1\"\ntimeout_ms = 1\noutput = \"yaml\"\nauthor = \"file\"\n");
    let base = [("XDG_CONFIG_HOME", home(folder.path()))];

    let of_file = Options::read(&ClientArgs::default(), &environment(&base)).expect("usable");
    assert_eq!((of_file.client.endpoints[0].as_str(), of_file.client.timeout_ms), ("f:1", 1));
    assert_eq!((of_file.output, of_file.author.as_str()), (OutputFormat::Yaml, "file"));

    let variables = environment(&[
        base[0],
        ("CONCLAVE_ENDPOINTS", "v:1,v:2"),
        ("CONCLAVE_TIMEOUT_MS", "2"),
        ("CONCLAVE_OUTPUT", "json"),
        ("CONCLAVE_AUTHOR", "variable"),
    ]);
    let of_variables = Options::read(&ClientArgs::default(), &variables).expect("usable");
    assert_eq!(of_variables.client.endpoints, ["v:1", "v:2"]);
    assert_eq!((of_variables.client.timeout_ms, of_variables.output), (2, OutputFormat::Json));
    assert_eq!(of_variables.author, "variable");

    let of_flags = Options::read(&flags(Some("a:1"), Some("3s"), Some(OutputFormat::Table)), &variables)
        .expect("usable");
    assert_eq!((of_flags.client.endpoints[0].as_str(), of_flags.client.timeout_ms), ("a:1", 3_000));
    assert_eq!(of_flags.output, OutputFormat::Table);
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let folder = folder_with("timeout_ms = 0\nendpoint = \"x:1\"\n");
    let variables = environment(&[
        ("XDG_CONFIG_HOME", home(folder.path())),
        ("CONCLAVE_OUTPUT", "xml"),
        ("CONCLAVE_ENDPOINT", "a:1"),
    ]);
    let failure = Options::read(&flags(Some("a"), None, None), &variables).expect_err("much is wrong");
    assert_eq!(failure.exit(), Exit::Usage);
    let Failure::Told { details, .. } = failure else { panic!("it must be told") };
    let file = folder.path().join("conclave/config.toml").display().to_string();
    let expected = [
        "CONCLAVE_ENDPOINT is not a setting: did you mean CONCLAVE_ENDPOINTS?".to_owned(),
        format!("{file}:2: endpoint is not a setting: did you mean endpoints?"),
        "--endpoints: \"a\" is not of the form host:port or http://host:port".into(),
        format!("{file}:1: timeout_ms: 0 ms is not from 1 ms to 3600000 ms"),
        "CONCLAVE_OUTPUT: \"xml\" is none of table, json and yaml".into(),
    ];
    assert_eq!(details, expected);
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let named = ClientArgs { client_config: Some("/nowhere/c.toml".into()), ..ClientArgs::default() };
    let failure = Options::read(&named, &environment(&[])).expect_err("it is not there");
    assert!(failure.to_string().contains("/nowhere/c.toml: cannot be read"), "{failure}");

    let home_without_file = environment(&[("HOME", "/nowhere")]);
    Options::read(&ClientArgs::default(), &home_without_file).expect("the usual file need not be there");
    let by_variable = environment(&[("CONCLAVE_CLIENT_CONFIG", "/nowhere/c.toml")]);
    Options::read(&ClientArgs::default(), &by_variable).expect_err("it is not there");
}

#[test]
fn variables_of_the_server_are_no_slips() {
    let variables =
        environment(&[("CONCLAVE_NODE_ID", "1"), ("CONCLAVE_CONFIG", "s.toml"), ("CONCLAVE_X", "")]);
    Options::read(&ClientArgs::default(), &variables).expect("they belong to the server");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_told() {
    use std::os::unix::ffi::OsStringExt as _;
    let broken = || OsString::from_vec(vec![0xff]);
    let environment = Environment::of([("CONCLAVE_AUTHOR".into(), broken()), ("OTHER".into(), broken())]);
    let failure = Options::read(&ClientArgs::default(), &environment).expect_err("it is no text");
    assert!(failure.to_string().contains("CONCLAVE_AUTHOR: its value is not UTF-8"), "{failure}");
}
