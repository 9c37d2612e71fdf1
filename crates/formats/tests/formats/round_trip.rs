//! Whatever items there are: what is written reads back as the same items, and what was read is
//! written so that it reads the same again.

use conclave_formats::{FileItem, Format, parse, render};
use proptest::prelude::*;

/// Texts that some reader might take for something else.
#[rustfmt::skip]
const TRICKY: &[&str] = &[
    "", " ", "\n", "\n\n", " a\nb", "a\n b\n", "a\n\n", "\n a", "\ta\nb", "a\n \nb", "a\r\nb", "a\rb",
    "yes", "No", "~", "null", "0x1f", "0o7", "007", "1e5", ".5", "5.", "-.inf", ".nan", "12:30",
    "2024-01-31", "- a", "? a", "a: b", "a #b", "#a", "!a", "&a", "*a", "%a", "@a", "`a", "a:", "{a", "[a",
    "a]", "'a", "\"a\"", "\\", "a\\", "\\n", "$a", "---", "...", "--- a", "...\na", "---\na\n", "<<", "=",
    "\"\"\"", "'''", "a\"\"\"\nb", "a\\\nb", "\u{FEFF}", "a\u{85}b", "a\u{2028}b", "\u{0}", "\u{7f}", "🦀",
    "日本\n語\n", "|", ">", "a\tb", "a\t\nb\n", "trailing \nline", "it's \"it\"",
];

/// Text of all kinds: plain, in many scripts, several lines, unprintable, and what other readers
/// would take for something else.
fn text() -> impl Strategy<Value = String> {
    let tricky = prop::sample::select(TRICKY);
    let any = prop::collection::vec(prop::char::any(), 0..12).prop_map(String::from_iter);
    let lines = "[ a\\t#:'\"\\\\-]{0,6}(\n[ ab\\t#:'\"\\\\$-]{0,6}){0,4}";
    prop_oneof![3 => tricky.prop_map(str::to_owned), 2 => any, 2 => lines, 1 => "[a-z0-9.:/_-]{0,20}"]
}

fn item(key: String, (value, content_type): (Vec<u8>, &str)) -> FileItem {
    FileItem { key, value, content_type: content_type.to_owned() }
}

type Content = (Vec<u8>, &'static str);

fn text_content() -> impl Strategy<Value = Content> {
    text().prop_map(|text| (text.into_bytes(), "text/plain"))
}

fn json_content() -> impl Strategy<Value = Content> {
    let words =
        prop::sample::select(vec!["true", "false", "{}", "[]", "0", "-0", "1.50", "1e400", "-2.5E-7"]);
    let numbers = "-?[1-9][0-9]{0,30}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let json = prop_oneof![words.prop_map(str::to_owned), numbers];
    json.prop_map(|text| (text.into_bytes(), "application/json"))
}

fn toml_content() -> impl Strategy<Value = Content> {
    let words = ["inf", "-inf", "nan", "2024-01-31", "07:32:00", "2024-01-31T07:32:00.5+02:00"];
    prop::sample::select(words.to_vec()).prop_map(|word| (word.into(), "application/toml"))
}

fn not_finite_content() -> impl Strategy<Value = Content> {
    prop::sample::select(vec!["inf", "-inf", "nan"]).prop_map(|word| (word.into(), "application/toml"))
}

fn null_content() -> impl Strategy<Value = Content> {
    Just((b"null".to_vec(), "application/json"))
}

fn bytes_content() -> impl Strategy<Value = Content> {
    prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| (bytes, "application/octet-stream"))
}

/// Any bytes under any name of a type.
fn typed_content() -> impl Strategy<Value = Content> {
    let types =
        vec!["image/png", "text/html; charset=\"utf-8\"", "", "application/json", "text/plain", "a\tb\n"];
    (prop::collection::vec(any::<u8>(), 0..40), prop::sample::select(types))
}

/// What a format can hold and give back.
fn content(format: Format) -> BoxedStrategy<Content> {
    match format {
        Format::Yaml => {
            prop_oneof![4 => text_content(), 2 => json_content(), 1 => null_content(), 1 => not_finite_content(), 1 => bytes_content()]
                .boxed()
        }
        Format::Json => prop_oneof![4 => text_content(), 2 => json_content(), 1 => null_content()].boxed(),
        Format::Toml => prop_oneof![4 => text_content(), 2 => json_content(), 1 => toml_content()].boxed(),
        Format::Properties | Format::Env => text_content().boxed(),
        Format::Xml => {
            prop_oneof![4 => text_content(), 1 => json_content(), 1 => toml_content(), 1 => bytes_content(), 1 => typed_content()]
                .boxed()
        }
    }
}

/// Nested content, as it will lie in keys: a list's entries, or a map's.
#[derive(Debug, Clone)]
enum Shape {
    Single(Content),
    List(Vec<Shape>),
    Map(Vec<(String, Shape)>),
}

fn shape(format: Format) -> impl Strategy<Value = Shape> {
    let map = |inner: BoxedStrategy<Shape>| {
        prop::collection::btree_map(text(), inner, 1..5).prop_map(|map| Shape::Map(map.into_iter().collect()))
    };
    let single = content(format).prop_map(Shape::Single).boxed();
    let nested = single.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 1..5).prop_map(Shape::List), map(inner.boxed())]
    });
    map(nested.boxed())
}

/// The items of nested content, with keys as the crate's documentation writes them.
fn flatten(shape: Shape, key: &str, items: &mut Vec<FileItem>) {
    match shape {
        Shape::Single(content) => items.push(item(key.to_owned(), content)),
        Shape::List(entries) => {
            for (index, entry) in entries.into_iter().enumerate() {
                flatten(entry, &format!("{key}[{index}]"), items);
            }
        }
        Shape::Map(entries) => {
            for (name, entry) in entries {
                flatten(entry, &extended(key, &name), items);
            }
        }
    }
}

fn extended(key: &str, name: &str) -> String {
    let prints = |c: char| !c.is_control() && !"\u{2028}\u{2029}\u{FEFF}\u{FFFE}\u{FFFF}".contains(c);
    if name.is_empty() || !name.chars().all(|c| prints(c) && !".[]\"'".contains(c)) {
        return format!("{key}[{}]", quoted(name));
    }
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}

fn quoted(name: &str) -> String {
    let json = serde_json::to_string(name).unwrap();
    let escaped = |c: char| match c {
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => {
            format!("\\u{:04x}", u32::from(c))
        }
        _ => c.to_string(),
    };
    json.replace("\\b", "\\u0008").replace("\\f", "\\u000c").chars().map(escaped).collect()
}

fn sorted(mut items: Vec<FileItem>) -> Vec<FileItem> {
    items.sort();
    items
}

/// Writes, reads and writes again; both files and the items must be equal.
fn assert_round_trip(items: Vec<FileItem>, format: Format) -> Result<(), TestCaseError> {
    let text = render(&items, format).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let shown = String::from_utf8_lossy(&text);
    let read = parse(&text, format).map_err(|error| TestCaseError::fail(format!("{error}\n{shown}")))?;
    prop_assert_eq!(sorted(read.clone()), sorted(items), "{}", shown);
    prop_assert_eq!(render(&read, format), Ok(text.clone()));
    Ok(())
}

fn structured(format: Format) -> impl Strategy<Value = Vec<FileItem>> {
    shape(format).prop_map(|shape| {
        let mut items = Vec::new();
        flatten(shape, "", &mut items);
        items
    })
}

fn flat(format: Format, key: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<FileItem>> {
    let items = prop::collection::btree_map(key, content(format), 0..8);
    items.prop_map(|map| map.into_iter().map(|(key, content)| item(key, content)).collect())
}

/// Whether XML cannot hold a character, not even as a reference.
fn has_no_place(c: char) -> bool {
    (c.is_ascii_control() && !"\t\n\r\u{7f}".contains(c)) || "\u{FFFE}\u{FFFF}".contains(c)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn yaml(items in structured(Format::Yaml)) {
        assert_round_trip(items, Format::Yaml)?;
    }

    #[test]
    fn json(items in structured(Format::Json)) {
        assert_round_trip(items, Format::Json)?;
    }

    #[test]
    fn toml(items in structured(Format::Toml)) {
        assert_round_trip(items, Format::Toml)?;
    }

    #[test]
    fn properties(items in flat(Format::Properties, text())) {
        assert_round_trip(items, Format::Properties)?;
    }

    #[test]
    fn env(items in flat(Format::Env, "[A-Za-z_][A-Za-z0-9_.-]{0,12}")) {
        assert_round_trip(items, Format::Env)?;
    }

    #[test]
    fn xml(items in flat(Format::Xml, text().prop_filter("XML cannot hold it", |key| !key.contains(has_no_place)))) {
        assert_round_trip(items, Format::Xml)?;
    }

    /// Whatever another format holds, XML holds to the byte.
    #[test]
    fn yaml_to_xml_and_back(items in structured(Format::Yaml)) {
        assert_round_trip(items, Format::Xml)?;
    }

    /// What YAML holds, and JSON can, crosses over unchanged.
    #[test]
    fn yaml_to_json_and_back(items in structured(Format::Json)) {
        let yaml = render(&items, Format::Yaml).unwrap();
        let crossed = render(&parse(&yaml, Format::Yaml).unwrap(), Format::Json).unwrap();
        prop_assert_eq!(sorted(parse(&crossed, Format::Json).unwrap()), sorted(items));
    }

    /// No document makes the reader panic, and what it takes it writes so that it reads the same again.
    #[test]
    fn any_document(text in "(<configuration>|<properties>|<a>)((<b>|</b>|<b c='1'/>|<item key='k'>|</item>|<entry key=\"j\"/>|&lt;|&#9;|<!--|-->|<!\\[CDATA\\[|\\]\\]>|[ax\\n\\r <>&]){0,6})(</configuration>|</properties>|</a>)") {
        if let Ok(items) = parse(text.as_bytes(), Format::Xml) {
            assert_round_trip(items, Format::Xml)?;
        }
    }

    /// No text makes a reader panic, and what it takes it writes so that it reads the same again.
    #[test]
    fn any_text(text in "[\\[\\]{}:,#&*!|>'\"%@`=\\\\ \\t\\r\\na1.~<?u-]{0,40}") {
        for format in Format::ALL {
            if let Ok(items) = parse(text.as_bytes(), format) {
                assert_round_trip(items, format)?;
            }
        }
    }
}
