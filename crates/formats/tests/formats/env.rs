//! Env files: what they mean, what is written, and what is refused where.

use conclave_formats::{FileItem, Format, render};

use crate::support::{bytes, items, json, refused, written};

/// Names and values; the content type is always text.
fn read(text: &str) -> Vec<(String, String)> {
    let pair = |(key, value, content_type): (String, String, String)| {
        assert_eq!(content_type, "text/plain");
        (key, value)
    };
    items(text.as_bytes(), Format::Env).into_iter().map(pair).collect()
}

#[test]
fn values_bare_and_quoted() {
    let table = [
        ("A=1", "1"),
        ("A=", ""),
        ("A =  two words \t", "two words"),
        ("export A=x", "x"),
        ("A=x # comment", "x"),
        ("A=x#y", "x#y"),
        ("A= # comment", ""),
        ("A=#x", "#x"),
        ("A=it's $HOME\\n", "it's $HOME\\n"),
        ("A='a \"b\" \\n $c # d' # comment", "a \"b\" \\n $c # d"),
        ("A='one\n  two\n'", "one\n  two\n"),
        ("A=\"a\\tb\\n\\\"c\\\" \\\\ \\$d \\` \\x\"", "a\tb\n\"c\" \\ $d ` \\x"),
        ("A=\"one\\\ntwo\nthree\"", "onetwo\nthree"),
        ("A=\"\"", ""),
        ("# c\n\n  A=Köln\n", "Köln"),
        ("\u{FEFF}A=x\r\n", "x"),
        ("A=\"one\r\ntwo\\\r\n three\"\r\n", "one\ntwo three"),
    ];
    for (text, value) in table {
        assert_eq!(read(text), [("A".to_owned(), value.to_owned())], "{text:?}");
    }
    assert_eq!(read("export=1\rspring.url=a-b\nX-Y_1=2").len(), 3);
}

#[test]
fn mistakes_have_a_place() {
    let table = [
        ("A=1\nB=2\nA=3", "line 3, column 1: the key \"A\" is set twice, first in line 1"),
        ("A=1\n1B=2", "line 2, column 1: \"1B\" is not a name: letters, digits, _ . - and no digit first"),
        ("=x", "line 1, column 1: \"\" is not a name: letters, digits, _ . - and no digit first"),
        ("Ä=x", "line 1, column 1: \"Ä\" is not a name: letters, digits, _ . - and no digit first"),
        ("A=1\nB 2", "line 2, column 3: an = is expected here: a line is NAME=value"),
        ("A", "line 1, column 2: an = is expected here: a line is NAME=value"),
        ("A=1\nB='x\ny", "line 2, column 3: the value begins with ' and never ends"),
        ("A=\"ü\\\"", "line 1, column 3: the value begins with \" and never ends"),
        ("A='x'y", "line 1, column 6: nothing but a comment may follow the closing '"),
    ];
    for (text, message) in table {
        assert_eq!(refused(text.as_bytes(), Format::Env), message, "{text:?}");
    }
}

#[test]
fn items_become_a_file_that_a_shell_reads() {
    let items = [
        FileItem::text("PLAIN", "postgres://db:5432/shop"),
        FileItem::text("EMPTY", ""),
        FileItem::text("WORDS", "two words, $HOME"),
        FileItem::text("QUOTES", "it's \"$5\""),
        FileItem::text("LINES", "SELECT 1\nFROM x"),
        FileItem::text("RETURN", "a\r\n"),
        json("POOL", "8"),
    ];
    let expected = r#"EMPTY=
LINES='SELECT 1
FROM x'
PLAIN=postgres://db:5432/shop
POOL=8
QUOTES="it's \"\$5\""
RETURN="a\r
"
WORDS='two words, $HOME'
"#;
    assert_eq!(written(&items, Format::Env), expected);
}

#[test]
fn what_env_files_cannot_hold_is_named() {
    let error = render(&[bytes("KEY", b"x")], Format::Env).unwrap_err();
    assert_eq!(error.to_string(), "item \"KEY\": env cannot hold bytes");
    let error = render(&[FileItem::text("a[0]", "x")], Format::Env).unwrap_err();
    assert_eq!(
        error.to_string(),
        "item \"a[0]\": the key is no name of an env file: letters, digits, _ . - and no digit first"
    );
}
