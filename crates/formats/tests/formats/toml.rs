//! TOML: what files mean, what is written, and what is refused where.

use conclave_formats::{FileItem, Format, parse, render};

use crate::support::{bytes, item, items, json, refused, written};

#[test]
fn values_get_content_types() {
    let text = "
title = \"Größe\"
lines = '''
one
two'''
int = 1_000
plus = +7
hex = 0xff
octal = 0o17
binary = 0b101
float = 1_0.50
infinite = -inf
nan = nan
on = true
day = 2024-01-31
time = 07:32:00
when = 2024-01-31 07:32:00Z
list = []
inline = { a.b = 1 }

[[server]]
name = \"x\"
[[server]]
[server.empty]
";
    let mut expected = [
        ("title", "Größe", "text/plain"),
        ("lines", "one\ntwo", "text/plain"),
        ("int", "1000", "application/json"),
        ("plus", "7", "application/json"),
        ("hex", "255", "application/json"),
        ("octal", "15", "application/json"),
        ("binary", "5", "application/json"),
        ("float", "10.50", "application/json"),
        ("infinite", "-inf", "application/toml"),
        ("nan", "nan", "application/toml"),
        ("on", "true", "application/json"),
        ("day", "2024-01-31", "application/toml"),
        ("time", "07:32:00", "application/toml"),
        ("when", "2024-01-31T07:32:00Z", "application/toml"),
        ("list", "[]", "application/json"),
        ("inline.a.b", "1", "application/json"),
        ("server[0].name", "x", "text/plain"),
        ("server[1].empty", "{}", "application/json"),
    ]
    .map(item);
    expected.sort();
    let mut found = items(text.as_bytes(), Format::Toml);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn carriage_returns_and_a_byte_order_mark_change_nothing() {
    let unix = "a = 1\n[b]\nc = \"\"\"\none\ntwo\"\"\"\n";
    let windows = format!("\u{FEFF}{}", unix.replace('\n', "\r\n"));
    assert_eq!(items(windows.as_bytes(), Format::Toml), items(unix.as_bytes(), Format::Toml));
}

#[test]
fn mistakes_have_a_place() {
    for (text, place) in [
        ("a = 1\na = 2\n", (2, 1)),
        ("a = 1\n[a]\n", (2, 2)),
        ("ü = 1\n", (1, 1)),
        ("a = \n", (1, 5)),
        ("[t]\na = \"x\n", (2, 7)),
        ("a = 2024-13-01\n", (1, 5)),
        ("a = 01\n", (1, 5)),
    ] {
        let error = parse(text.as_bytes(), Format::Toml).unwrap_err();
        assert_eq!(error.position(), Some(place), "{text:?}: {error}");
    }
    let wide = format!("a = 0x{}\n", "f".repeat(33));
    assert!(refused(wide.as_bytes(), Format::Toml).contains("has more than 128 bits"));
}

#[test]
fn items_become_a_file_for_people() {
    let date = FileItem { content_type: "application/toml".into(), ..FileItem::text("since", "2024-01-31") };
    let items = [
        date,
        FileItem::text("banner", "say \"hi\"\n\tGröße\n"),
        json("db.pool", "8"),
        json("db.hosts", "[\"a\", \"b\"]"),
        FileItem::text("server[0].name", "x"),
        FileItem::text("server[1].name", "y"),
        FileItem::text("server[1].tags[\"a.b\"]", "z"),
        FileItem::text("mixed[0]", "x"),
        json("mixed[1].y", "true"),
    ];
    let expected = r#"banner = """
say \"hi\"
\tGröße
"""
mixed = ["x", { y = true }]
since = 2024-01-31

[db]
hosts = ["a", "b"]
pool = 8

[[server]]
name = "x"

[[server]]
name = "y"

[server.tags]
"a.b" = "z"
"#;
    assert_eq!(written(&items, Format::Toml), expected);
    assert_eq!(written(&[], Format::Toml), "");
}

#[test]
fn what_toml_cannot_hold_is_named() {
    for (item, message) in [
        (json("a.b", "null"), "item \"a.b\": toml cannot hold null"),
        (bytes("a", b"\x00"), "item \"a\": toml cannot hold bytes"),
        (FileItem::text("[0]", "x"), "item \"[0]\": toml cannot hold a list at its root"),
    ] {
        assert_eq!(render(&[item], Format::Toml).unwrap_err().to_string(), message);
    }
    let wrong = FileItem { content_type: "application/toml".into(), ..FileItem::text("a", "soon") };
    let error = render(&[wrong], Format::Toml).unwrap_err().to_string();
    assert_eq!(
        error,
        "item \"a\": its content type is application/toml, but its value is no date, time, inf or nan"
    );
}
