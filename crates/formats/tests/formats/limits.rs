//! Hostile files: each is refused early, with a place, and without the memory that it asks for.

use std::fmt::Write as _;

use conclave_formats::limits::{DEPTH_MAX, ITEMS_MAX, KEY_SIZE_BYTES_MAX, TEXT_SIZE_BYTES_MAX};
use conclave_formats::{FileItem, Format, FormatError, parse, render};

use crate::support::refused;

#[test]
fn large_files_are_refused_unread() {
    let text = vec![b'#'; TEXT_SIZE_BYTES_MAX + 1];
    for format in Format::ALL {
        let size_bytes = TEXT_SIZE_BYTES_MAX + 1;
        assert_eq!(parse(&text, format), Err(FormatError::TooLarge { size_bytes }), "{format}");
    }
}

#[test]
fn nesting_is_bounded_to_the_level() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for format in [Format::Yaml, Format::Json] {
        let deepest = nested(DEPTH_MAX);
        assert_eq!(parse(deepest.as_bytes(), format).unwrap().len(), 1, "{format}");
        let message = refused(nested(DEPTH_MAX + 1).as_bytes(), format);
        assert!(message.ends_with("nested deeper than 64 levels"), "{format}: {message}");
    }
}

#[test]
fn nesting_of_elements_is_bounded_to_the_level() {
    let nested = |levels: usize| format!("<r>{}x{}</r>", "<a>".repeat(levels), "</a>".repeat(levels));
    assert_eq!(parse(nested(DEPTH_MAX).as_bytes(), Format::Xml).unwrap().len(), 1);
    let message = refused(nested(DEPTH_MAX + 1).as_bytes(), Format::Xml);
    assert!(message.ends_with("nested deeper than 64 levels"), "{message}");
}

#[test]
fn elements_and_items_of_xml_are_counted() {
    let elements = format!("<a>{}</a>", "<b/>".repeat(250_000));
    let message = refused(elements.as_bytes(), Format::Xml);
    assert!(message.ends_with("more than 250000 values, maps and lists in one file"), "{message}");
    let attributes = (0..=ITEMS_MAX).fold(String::from("<a"), |mut text, index| {
        write!(text, " k{index}='1'").unwrap();
        text
    });
    let message = refused(format!("{attributes}/>").as_bytes(), Format::Xml);
    assert!(message.ends_with("more than 100000 items in one file"), "{message}");
    let items = (0..=ITEMS_MAX).fold(String::from("<configuration>"), |mut text, index| {
        write!(text, "<item key='k{index}'/>").unwrap();
        text
    });
    let message = refused(format!("{items}</configuration>").as_bytes(), Format::Xml);
    assert!(message.ends_with("more than 100000 items in one file"), "{message}");
    let key = "k".repeat(KEY_SIZE_BYTES_MAX + 1);
    let message =
        refused(format!("<configuration><item key='{key}'/></configuration>").as_bytes(), Format::Xml);
    assert!(message.ends_with("the key has 4097 bytes, 4096 are allowed"), "{message}");
}

#[test]
fn nesting_without_end_ends() {
    let levels = 1_000_000;
    let brackets = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let dashes = "- ".repeat(levels);
    let dotted = format!("{}a = 1", "a.".repeat(levels));
    let tables = format!("[{}a]\n", "a.".repeat(levels));
    let braces = format!("a = {}1", "{a = ".repeat(levels));
    for (format, text) in [
        (Format::Json, brackets.clone()),
        (Format::Json, "[".repeat(levels)),
        (Format::Json, "{\"a\":".repeat(levels)),
        (Format::Yaml, brackets.clone()),
        (Format::Yaml, "[".repeat(levels)),
        (Format::Yaml, "{a: ".repeat(levels)),
        (Format::Yaml, dashes),
        (Format::Toml, format!("a = {brackets}")),
        (Format::Toml, dotted),
        (Format::Toml, tables),
        (Format::Toml, braces),
        (Format::Xml, "<a>".repeat(levels)),
        (Format::Xml, format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels))),
    ] {
        let error = parse(text.as_bytes(), format).unwrap_err();
        assert!(error.position().is_some(), "{format}: {error}");
    }
}

#[test]
fn aliases_that_multiply_end_early() {
    let mut nodes = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    let mut bytes = format!("b0: &b0 {}\n", "x".repeat(1 << 20));
    for level in 1..30 {
        let below = level - 1;
        let aliases = vec![format!("*a{below}"); 10].join(", ");
        writeln!(nodes, "a{level}: &a{level} [{aliases}]").unwrap();
        writeln!(bytes, "b{level}: [*b0, *b0]").unwrap();
    }
    let message = refused(nodes.as_bytes(), Format::Yaml);
    assert!(message.ends_with("more than 250000 values, maps and lists in one file"), "{message}");
    assert!(message.starts_with("line 6,"), "{message}");
    let message = refused(bytes.as_bytes(), Format::Yaml);
    assert!(message.ends_with("aliases unfold to more than 33554432 bytes"), "{message}");
}

#[test]
fn anchors_within_anchors_end_early_and_others_cost_nothing() {
    let nested = |levels: usize, leaf: &str| {
        let open: String = (0..levels).map(|level| format!("&a{level} [")).collect();
        format!("{open}{leaf}{}\n", "]".repeat(levels))
    };
    // 5,000 values are held once more for each of the anchors around them.
    let message = refused(nested(60, &vec!["x"; 5_000].join(", ")).as_bytes(), Format::Yaml);
    assert!(
        message.ends_with("anchors within anchors hold more than 250000 values, maps and lists"),
        "{message}"
    );
    let message = refused(nested(60, &"x".repeat(1 << 20)).as_bytes(), Format::Yaml);
    assert!(message.ends_with("anchors within anchors hold more than 33554432 bytes"), "{message}");

    let side_by_side = (0..40_000).fold(String::new(), |mut text, index| {
        writeln!(text, "k{index}: &a{index} [x, y]").unwrap();
        text
    });
    assert_eq!(parse(side_by_side.as_bytes(), Format::Yaml).unwrap().len(), 80_000);
}

#[test]
fn merge_keys_that_multiply_end_early() {
    let mut text = String::from("m0: &m0 {");
    (0..1000).for_each(|key| write!(text, "k{key}: v, ").unwrap());
    text.push_str("}\n");
    (1..400).for_each(|map| writeln!(text, "m{map}: {{<<: *m0}}").unwrap());
    let message = refused(text.as_bytes(), Format::Yaml);
    assert!(message.contains("more than 250000 values"), "{message}");
}

#[test]
fn items_are_counted() {
    let lines: String = (0..=ITEMS_MAX).fold(String::new(), |mut text, index| {
        writeln!(text, "k{index}=1").unwrap();
        text
    });
    for format in [Format::Properties, Format::Env, Format::Toml] {
        let message = refused(lines.as_bytes(), format);
        assert!(message.ends_with("more than 100000 items in one file"), "{format}: {message}");
    }
}

#[test]
fn keys_are_bounded() {
    let longest = "k".repeat(KEY_SIZE_BYTES_MAX);
    for format in [Format::Properties, Format::Env, Format::Toml] {
        let text = format!("{longest}=1");
        assert_eq!(parse(text.as_bytes(), format).unwrap().len(), 1, "{format}");
        let message = refused(format!("k{text}").as_bytes(), format);
        assert!(message.ends_with("the key has 4097 bytes, 4096 are allowed"), "{format}: {message}");
    }
}

#[test]
fn one_long_key_over_many_children_is_bounded() {
    let key = "k".repeat(4000);
    let children = vec!["1"; 20_000].join(",");
    let text = format!("{{\"{key}\": [{children}]}}");
    let message = refused(text.as_bytes(), Format::Json);
    assert!(message.ends_with("keys and values unfold to more than 33554432 bytes"), "{message}");
}

#[test]
fn written_depth_is_bounded() {
    let deep = FileItem::text(vec!["a"; DEPTH_MAX + 1].join("."), "x");
    let error = render(&[deep], Format::Yaml).unwrap_err();
    assert!(error.to_string().ends_with("its path has 65 steps, 64 are allowed"), "{error}");
    let wide = FileItem::text("a[4000000000]", "x");
    let error = render(&[wide], Format::Json).unwrap_err();
    assert!(error.to_string().ends_with("its list has an entry [4000000000] but none [0]"), "{error}");
}

#[test]
fn large_bytes_are_written_in_time() {
    let bytes = vec![0xA5; 4 << 20];
    let item = FileItem { key: "k".into(), value: bytes, content_type: "application/octet-stream".into() };
    for format in [Format::Yaml, Format::Xml] {
        let text = render(std::slice::from_ref(&item), format).unwrap();
        assert_eq!(parse(&text, format).unwrap(), std::slice::from_ref(&item), "{format}");
    }
}
