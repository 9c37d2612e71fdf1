//! JSON: what files mean, what is written, and what is refused where.

use conclave_formats::{FileItem, Format, parse, render};

use crate::support::{bytes, item, items, json, refused, written};

#[test]
fn values_keep_their_digits() {
    let text = r#"{"s": "x\u00fc\ud83e\udd80\n", "i": 10, "f": 1.10, "e": 1E5, "big": 98765432109876543210.5,
        "b": false, "n": null, "m": {}, "l": [], "a": [1, {"x.y": "z"}]}"#;
    let expected = [
        ("s", "xü🦀\n", "text/plain"),
        ("i", "10", "application/json"),
        ("f", "1.10", "application/json"),
        ("e", "1E5", "application/json"),
        ("big", "98765432109876543210.5", "application/json"),
        ("b", "false", "application/json"),
        ("n", "null", "application/json"),
        ("m", "{}", "application/json"),
        ("l", "[]", "application/json"),
        ("a[0]", "1", "application/json"),
        ("a[1][\"x.y\"]", "z", "text/plain"),
    ];
    assert_eq!(items(text.as_bytes(), Format::Json), expected.map(item));
}

#[test]
fn carriage_returns_and_a_byte_order_mark_change_nothing() {
    let text = "\u{FEFF}{\r\n  \"a\": \"b\"\r\n}\r\n";
    assert_eq!(items(text.as_bytes(), Format::Json), [item(("a", "b", "text/plain"))]);
}

#[test]
fn mistakes_have_a_place() {
    let table: &[(&[u8], &str)] = &[
        (
            b"{\"a\": 1,\n  \"b\": 2,\n  \"a\": 3}",
            "line 3, column 3: the key \"a\" is set twice, first in line 1",
        ),
        (
            b"{\"a\": {\"b\": 1, \"\\u0062\": 2}}",
            "line 1, column 16: the key \"b\" is set twice, first in line 1",
        ),
        (b"\"text\"", "line 1, column 1: the file must hold a map or a list, not a single value"),
        (b"{\"a\": \"\xFF\"}", "line 1, column 8: the byte 0xFF is not part of UTF-8 text"),
        (b"{\"a\": 1}\n{}", "line 2, column 1: trailing characters"),
    ];
    for (text, message) in table {
        assert_eq!(refused(text, Format::Json), *message);
    }
}

#[test]
fn broken_syntax_is_located() {
    let table = [
        ("{\"a\": 1\n \"b\": 2}", (2, 2)),
        ("{\"ü\": ,}", (1, 7)),
        ("{\"a\": 01}", (1, 8)),
        ("{\"a\": 1,\n}", (2, 1)),
        ("{\"a\": [1, 2\n", (2, 1)),
        ("", (1, 1)),
        ("{'a': 1}", (1, 2)),
        ("{\"a\": NaN}", (1, 7)),
    ];
    for (text, place) in table {
        let error = parse(text.as_bytes(), Format::Json).unwrap_err();
        assert_eq!(error.position(), Some(place), "{text:?}: {error}");
    }
}

#[test]
fn items_become_a_file_for_people() {
    let items = [
        FileItem::text("name", "Café \"Łódź\"\n"),
        json("db.pool", "8"),
        json("db.hosts", "[\"a\", {}]"),
        FileItem { content_type: "application/toml".into(), ..FileItem::text("since", "2024-01-31") },
        FileItem { content_type: "application/x-pem-file".into(), ..FileItem::text("cert", "-----BEGIN") },
    ];
    let expected = r#"{
  "cert": "-----BEGIN",
  "db": {
    "hosts": [
      "a",
      {}
    ],
    "pool": 8
  },
  "name": "Café \"Łódź\"\n",
  "since": "2024-01-31"
}
"#;
    assert_eq!(written(&items, Format::Json), expected);
    assert_eq!(written(&[], Format::Json), "{}\n");
}

#[test]
fn what_json_cannot_hold_is_named() {
    let binary = render(&[bytes("a[0].key", b"\xFF")], Format::Json);
    let list = FileItem::text("a[1]", "x");
    assert_eq!(binary.unwrap_err().to_string(), "item \"a[0].key\": json cannot hold bytes");
    let nan = FileItem { content_type: "application/toml".into(), ..FileItem::text("a[0]", "nan") };
    let error = render(&[nan, list], Format::Json).unwrap_err();
    assert_eq!(error.to_string(), "item \"a[0]\": json cannot hold a float that is not finite");
    let broken = render(&[json("a", "{\"b\": }")], Format::Json).unwrap_err();
    assert!(
        broken
            .to_string()
            .starts_with("item \"a\": its content type is application/json, but its value is not JSON")
    );
}
