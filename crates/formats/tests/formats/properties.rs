//! Properties: what files mean, what is written, and what is refused where.

use conclave_formats::{FileItem, Format, render};

use crate::support::{bytes, items, json, refused, written};

/// Keys and values; the content type is always text.
fn read(text: &str) -> Vec<(String, String)> {
    let pair = |(key, value, content_type): (String, String, String)| {
        assert_eq!(content_type, "text/plain");
        (key, value)
    };
    items(text.as_bytes(), Format::Properties).into_iter().map(pair).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn lines_as_java_reads_them() {
    let table: &[(&str, &[(&str, &str)])] = &[
        ("", &[]),
        ("# c\n  ! c\\\n\n", &[]),
        ("a=1", &[("a", "1")]),
        ("a = 1 ", &[("a", "1 ")]),
        ("a:1\nb 2\nc\t=\t3", &[("a", "1"), ("b", "2"), ("c", "3")]),
        ("  a.b[0] == x", &[("a.b[0]", "= x")]),
        ("a", &[("a", "")]),
        ("a=", &[("a", "")]),
        ("= x", &[("", "x")]),
        (r"a\ b\=c\:d=e", &[("a b=c:d", "e")]),
        (r"a=\ x\ty\\z\q", &[("a", " x\ty\\zq")]),
        (r"a=\u00fC\u0041!", &[("a", "üA!")]),
        (r"gr\u00f6\u00dfe=\ud83e\udd80", &[("größe", "🦀")]),
        ("a=one,\\\n    two,\\\n\tthree", &[("a", "one,two,three")]),
        ("a\\\n  b=c", &[("ab", "c")]),
        ("a=x\\\n\nb=y", &[("a", "x"), ("b", "y")]),
        ("a=x\\\\\nb=y", &[("a", "x\\"), ("b", "y")]),
        ("a=x\\\n# no comment", &[("a", "x# no comment")]),
        ("a=x\\", &[("a", "x")]),
        ("a=1\r\nb=2\\\r\n  3\rc=4", &[("a", "1"), ("b", "23"), ("c", "4")]),
        ("\u{FEFF}a=Łódź", &[("a", "Łódź")]),
    ];
    for (text, expected) in table {
        assert_eq!(read(text), pairs(expected), "{text:?}");
    }
}

#[test]
fn mistakes_have_a_place() {
    let table = [
        ("a=1\nb=2\n  a=3\n", "line 3, column 3: the key \"a\" is set twice, first in line 1"),
        ("ü=1\nä=\\u12\n", "line 2, column 3: \\u needs four hexadecimal digits"),
        ("a=\\u+123\n", "line 1, column 3: \\u needs four hexadecimal digits"),
        ("a=\\u12\u{e9}4\n", "line 1, column 3: \\u needs four hexadecimal digits"),
        ("a=\\ud83e\n", "line 1, column 3: \\ud83e is half of a surrogate pair"),
        ("a=\\udd80\n", "line 1, column 3: \\udd80 is half of a surrogate pair"),
        ("a=\\ud83e\\u0041\n", "line 1, column 3: \\ud83e is half of a surrogate pair"),
    ];
    for (text, message) in table {
        assert_eq!(refused(text.as_bytes(), Format::Properties), message, "{text:?}");
    }
}

#[test]
fn any_key_and_any_text_is_written() {
    let items = [
        FileItem::text("a b=c:d", " x \\ \t"),
        FileItem::text("a", "1"),
        FileItem::text("a.b", "two\nlines\r"),
        FileItem::text("#key", "#value"),
        FileItem::text("größe", "🦀\u{85}"),
        json("pool", "8"),
        json("list", "[1, 2]"),
    ];
    let expected = "\\#key=#value
a=1
a\\ b\\=c\\:d=\\ x \\\\ \\t
a.b=two\\nlines\\r
größe=🦀\\u0085
list=[1, 2]
pool=8
";
    assert_eq!(written(&items, Format::Properties), expected);
}

#[test]
fn what_properties_cannot_hold_is_named() {
    let error = render(&[bytes("key", b"\xFF")], Format::Properties).unwrap_err();
    assert_eq!(error.to_string(), "item \"key\": properties cannot hold bytes");
    let twice = [FileItem::text("a", "1"), FileItem::text("b", "1"), FileItem::text("a", "2")];
    assert_eq!(render(&twice, Format::Properties).unwrap_err().to_string(), "item \"a\": it is given twice");
}
