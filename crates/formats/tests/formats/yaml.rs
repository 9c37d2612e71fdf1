//! YAML: what files mean, what is written, and what is refused where.

use conclave_formats::{FileItem, Format, parse, render};

use crate::support::{bytes, item, items, json, refused, written};

fn read(text: &str) -> Vec<(String, String, String)> {
    items(text.as_bytes(), Format::Yaml)
}

#[test]
fn scalars_get_content_types() {
    let text = "
text: plain words
quoted: \"12\"
single: 'it''s'
integer: 42
negative: -7
hex: 0x1F
octal: 0o17
float: 1.50
exponent: 1e-9
huge: 123456789012345678901234567890
yes: yes
true: True
nothing: ~
absent:
infinite: -.inf
nan: .NaN
post-code: 01234
empty: ''
list: []
map: {}
";
    let expected = [
        ("text", "plain words", "text/plain"),
        ("quoted", "12", "text/plain"),
        ("single", "it's", "text/plain"),
        ("integer", "42", "application/json"),
        ("negative", "-7", "application/json"),
        ("hex", "31", "application/json"),
        ("octal", "15", "application/json"),
        ("float", "1.50", "application/json"),
        ("exponent", "1e-9", "application/json"),
        ("huge", "123456789012345678901234567890", "application/json"),
        ("yes", "yes", "text/plain"),
        ("true", "true", "application/json"),
        ("nothing", "null", "application/json"),
        ("absent", "null", "application/json"),
        ("infinite", "-inf", "application/toml"),
        ("nan", "nan", "application/toml"),
        ("post-code", "01234", "text/plain"),
        ("empty", "", "text/plain"),
        ("list", "[]", "application/json"),
        ("map", "{}", "application/json"),
    ];
    assert_eq!(read(text), expected.map(item));
}

#[test]
fn nesting_becomes_paths() {
    let text = "a:\n  b: [x, {c: y}]\n  d.e:\n    - - z\n8080: port\n";
    let expected = [
        ("a.b[0]", "x", "text/plain"),
        ("a.b[1].c", "y", "text/plain"),
        ("a[\"d.e\"][0][0]", "z", "text/plain"),
        ("8080", "port", "text/plain"),
    ];
    assert_eq!(read(text), expected.map(item));
    assert_eq!(read("- x\n- y\n"), [("[0]", "x", "text/plain"), ("[1]", "y", "text/plain")].map(item));
}

#[test]
fn blocks_folding_and_binary() {
    let text = "lines: |\n  one\n   two\n\nkept: |+\n  end\n\nfolded: >-\n  one\n  line\nbytes: !!binary |\n  AAEC\n  /w==\n";
    let items = parse(text.as_bytes(), Format::Yaml).unwrap();
    assert_eq!(items[0], FileItem::text("lines", "one\n two\n"));
    assert_eq!(items[1], FileItem::text("kept", "end\n\n"));
    assert_eq!(items[2], FileItem::text("folded", "one line"));
    assert_eq!(items[3].value, [0, 1, 2, 255]);
    assert_eq!(items[3].content_type, "application/octet-stream");
}

#[test]
fn anchors_and_merge_keys_are_resolved() {
    let text = "
base: &base {retries: 3, wait: 1s}
other: &other {retries: 9, zone: b}
shop:
  <<: [*base, *other]
  wait: 2s
copy: *base
";
    let expected = [
        ("base.retries", "3", "application/json"),
        ("base.wait", "1s", "text/plain"),
        ("other.retries", "9", "application/json"),
        ("other.zone", "b", "text/plain"),
        ("shop.wait", "2s", "text/plain"),
        ("shop.retries", "3", "application/json"),
        ("shop.zone", "b", "text/plain"),
        ("copy.retries", "3", "application/json"),
        ("copy.wait", "1s", "text/plain"),
    ];
    assert_eq!(read(text), expected.map(item));
}

#[test]
fn files_without_content_have_no_items() {
    for text in ["", "\n", "# nothing\n", "---\n", "{}\n", "[]\n", "null\n", "\u{FEFF}"] {
        assert_eq!(read(text), [], "{text:?}");
    }
}

#[test]
fn carriage_returns_and_a_byte_order_mark_change_nothing() {
    let unix = "a:\n  b: ü\n  text: |\n    one\n    two\n";
    let windows = format!("\u{FEFF}{}", unix.replace('\n', "\r\n"));
    assert_eq!(read(&windows), read(unix));
    assert_eq!(read(unix)[1].1, "one\ntwo\n");
}

#[test]
fn mistakes_have_a_place() {
    let table = [
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: the key \"a\" is set twice, first in line 1"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1: a second document begins here; a file must hold one"),
        ("just text\n", "line 1, column 1: the file must hold a map or a list, not a single value"),
        ("a: !!int x\n", "line 1, column 10: \"x\" is no !!int"),
        ("a: !!binary '*'\n", "line 1, column 13: !!binary is not base64"),
        ("? [a]\n: b\n", "line 1, column 3: a key must be a string; it cannot be a map or a list"),
        ("a: &x 1\n<<: *x\n", "line 2, column 5: a merge key << needs a map or a list of maps"),
        ("a: &x [*x]\n", "line 1, column 8: the alias names a map or list that it is part of"),
        ("ü: 1\nü: 2\n", "line 2, column 1: the key \"ü\" is set twice, first in line 1"),
    ];
    for (text, message) in table {
        assert_eq!(refused(text.as_bytes(), Format::Yaml), message, "{text:?}");
    }
    let tag = refused(b"a: !secret x\n", Format::Yaml);
    assert!(tag.starts_with("line 1, column 12: the tag !secret is not supported; known are !!str"), "{tag}");
}

#[test]
fn broken_syntax_is_located() {
    for (text, line) in
        [("a: [1, 2\n", 1), ("a: 1\n  b: 2\n", 2), ("a: \"x\n", 1), ("a: *nobody\n", 1), ("a:\n\t- x\n", 2)]
    {
        let error = parse(text.as_bytes(), Format::Yaml).unwrap_err();
        assert_eq!(error.position().map(|place| place.0), Some(line), "{text:?}: {error}");
    }
}

#[test]
fn items_become_a_file_for_people() {
    let items = [
        FileItem::text("banner", "  Willkommen\n\nin Köln\n"),
        FileItem::text("answers[0]", "yes"),
        FileItem::text("answers[1]", "12:30"),
        FileItem::text("answers[2]", "30s"),
        FileItem::text("answers[3]", "a: b"),
        FileItem::text("answers[4]", ""),
        FileItem::text("answers[5]", "bell\u{7}"),
        json("db.pool", "8"),
        json("db.replicas", r#"[{"host": "b", "port": 5432}, []]"#),
        bytes("key", &[0, 255]),
        FileItem { content_type: "application/toml".into(), ..FileItem::text("since", "2024-01-31") },
        FileItem { content_type: "application/toml".into(), ..FileItem::text("top", "inf") },
        FileItem::text("hosts[\"db.internal\"]", "10.0.0.1"),
    ];
    let expected = "\
answers:
  - \"yes\"
  - \"12:30\"
  - 30s
  - \"a: b\"
  - \"\"
  - \"bell\\u0007\"
banner: |2
    Willkommen

  in Köln
db:
  pool: 8
  replicas:
    - host: b
      port: 5432
    - []
hosts:
  db.internal: \"10.0.0.1\"
key: !!binary \"AP8=\"
since: \"2024-01-31\"
top: .inf
";
    assert_eq!(written(&items, Format::Yaml), expected);
    assert_eq!(render(&[], Format::Yaml).unwrap(), b"{}\n");
}

#[test]
fn long_keys_and_long_bytes_keep() {
    let all: Vec<u8> = (0..=255).collect();
    let items = [bytes("b", &all), FileItem::text("k".repeat(4000), "x")];
    let text = render(&items, Format::Yaml).unwrap();
    assert!(text.starts_with(b"b: !!binary |-\n  AAEC"));
    assert_eq!(parse(&text, Format::Yaml).unwrap(), items);
}

#[test]
fn another_reader_reads_the_same() {
    let texts = [
        "yes",
        "~",
        "1_000",
        "0b1",
        "1:30",
        "2024-01-31",
        "=",
        "<<",
        "- x",
        "null",
        ".5",
        "#",
        "%",
        "a #b",
        "...",
        "é",
    ];
    let items: Vec<_> =
        texts.iter().enumerate().map(|(index, text)| FileItem::text(format!("[{index}]"), *text)).collect();
    let text = written(&items, Format::Yaml);
    let read: Vec<String> = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(read, texts);
}
