//! Items as variables of the environment: `db.url` is `DB_URL`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use conclave_client::Content;
use conclave_client::config::Item;

use crate::cli::program::Variables;

/// What the kernel takes for one variable: its name, `=`, its value and the zero at its end.
const VARIABLE_SIZE_BYTES_MAX: usize = 128 * 1024;
/// Variables that decide which program runs, and how: no item may set them by accident.
const RESERVED: [&str; 6] = ["HOME", "IFS", "PATH", "PWD", "SHELL", "USER"];
/// What the names of more such variables begin with.
const RESERVED_PREFIXES: [&str; 2] = ["LD_", "CONCLAVE_"];

/// The variables of all items, or everything that is wrong with them. No value is told.
pub(super) fn of(content: &Content, prefix: &str) -> Result<Variables, Vec<String>> {
    let mut keys = BTreeMap::<String, &str>::new();
    let mut variables = Variables::new();
    let mut mistakes = Vec::new();
    for item in content.items() {
        let name = name(&item.key, prefix);
        if let Err(what) = check(item, &name) {
            mistakes.push(what);
        }
        if let Some(other) = keys.insert(name.clone(), &item.key) {
            mistakes.push(format!("the keys {other:?} and {:?} both make the variable {name}", item.key));
        }
        variables.insert(name, OsString::from_vec(item.value.to_vec()));
    }
    if mistakes.is_empty() { Ok(variables) } else { Err(mistakes) }
}

fn name(key: &str, prefix: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    prefix.chars().chain(key.chars().map(upper)).collect()
}

fn check(item: &Item, name: &str) -> Result<(), String> {
    let key = &item.key;
    if RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(format!("the key {key:?} would set {name}: give --env-prefix, or another prefix"));
    }
    if item.value.contains(&0) {
        return Err(format!("the value of {key:?} has a zero byte, which no variable can hold"));
    }
    let size_bytes = name.len() + item.value.len() + 2;
    if size_bytes > VARIABLE_SIZE_BYTES_MAX {
        return Err(format!(
            "the variable of {key:?} would have {size_bytes} bytes, of which {VARIABLE_SIZE_BYTES_MAX} are \
             possible: use a template and --no-env"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::setup::samples::content;
    use super::*;

    fn told(items: &[(&str, &str)], prefix: &str) -> Vec<String> {
        of(&content(items), prefix).expect_err("something is wrong")
    }

    #[test]
    fn keys_become_names() {
        let variables =
            of(&content(&[("db.url", "u"), ("größe", "8"), ("a[0]", "")]), "").expect("all is well");
        let names: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (&**name, value.to_str().expect("text"))).collect();
        assert_eq!(names, [("A_0_", ""), ("DB_URL", "u"), ("GR__E", "8")]);
        let variables = of(&content(&[("db.url", "u"), ("path", "p")]), "APP_").expect("all is well");
        assert_eq!(variables.into_keys().collect::<Vec<_>>(), ["APP_DB_URL", "APP_PATH"]);
    }

    #[test]
    fn two_keys_of_one_name_are_both_named() {
        let told = told(&[("a-b", "secret"), ("a.b", "secret"), ("c", "")], "X_");
        assert_eq!(told, ["the keys \"a-b\" and \"a.b\" both make the variable X_A_B"]);
    }

    #[test]
    fn what_would_turn_the_program_into_another_is_refused() {
        for key in ["path", "ld.preload", "Home", "conclave.endpoints"] {
            let told = told(&[(key, "secret")], "");
            assert!(told[0].contains("--env-prefix") && !told[0].contains("secret"), "{told:?}");
        }
    }

    #[test]
    fn what_no_variable_holds_is_refused_by_key() {
        let long = "x".repeat(VARIABLE_SIZE_BYTES_MAX);
        let told = told(&[("long", &long), ("zero", "a\0b")], "");
        assert!(told[0].contains("\"long\"") && told[1].contains("\"zero\""), "{told:?}");
        of(&content(&[("k", &long[..VARIABLE_SIZE_BYTES_MAX - 3])]), "").expect("it just fits");
    }
}
