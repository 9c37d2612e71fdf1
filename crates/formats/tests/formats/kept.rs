//! What each format keeps of an item: docs/formats.md has the table, and here it is held to it.

use conclave_formats::{FileItem, Format, parse, render};

use crate::support::{bytes, json};

const DOCUMENT: &str = include_str!("../../../../docs/formats.md");

/// The cells of the row that begins with these words, in the order of [`Format::ALL`].
fn row(words: &str) -> Vec<&'static str> {
    let begin = format!("| {words} |");
    let table = DOCUMENT.split("## What each format keeps").nth(1).expect("the table is there");
    let line = table.lines().find(|line| line.starts_with(&begin));
    let line = line.unwrap_or_else(|| panic!("docs/formats.md has no row {words:?}"));
    line[begin.len()..].trim_end_matches('|').split('|').map(str::trim).collect()
}

/// What becomes of an item that is written and read again, in the words of the table.
fn outcome(items: &[FileItem], format: Format) -> &'static str {
    let Ok(text) = render(items, format) else { return "refused" };
    let read = parse(&text, format).unwrap_or_else(|error| panic!("{format}: {error}"));
    let values =
        |items: &[FileItem]| items.iter().map(|it| (it.key.clone(), it.value.clone())).collect::<Vec<_>>();
    match &read[..] {
        read if read == items => "yes",
        read if values(read) != values(items) => "its parts",
        [only] if only.content_type == "text/plain" && items[0].content_type.starts_with("application/") => {
            "as text"
        }
        _ => "the value",
    }
}

fn typed(content_type: &str, value: &str) -> FileItem {
    FileItem { content_type: content_type.into(), ..FileItem::text("k", value) }
}

#[test]
fn every_format_keeps_what_the_documentation_says() {
    let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    assert!(
        DOCUMENT.contains(&format!("| | {} |", names.join(" | "))),
        "the columns are those of Format::ALL"
    );
    for (words, item) in [
        ("text", FileItem::text("k", "Größe\n $x \"y\" \u{1}")),
        ("numbers, booleans", json("k", "123456789012345678901234567890.10")),
        ("null", json("k", "null")),
        ("dates, times (`application/toml`)", typed("application/toml", "2026-02-28T17:00:00Z")),
        ("`inf`, `nan`", typed("application/toml", "inf")),
        ("bytes", bytes("k", &[0, 0xff])),
        ("other content types (`image/png`, `text/html`)", typed("text/html", "<p>")),
        ("a map or list as one JSON value", json("k", "{\"a\": [1]}")),
    ] {
        let found: Vec<&str> =
            Format::ALL.iter().map(|format| outcome(std::slice::from_ref(&item), *format)).collect();
        assert_eq!(found, row(words), "{words}");
    }
}

#[test]
fn keys_that_are_no_places_go_to_formats_without_structure() {
    let items = [FileItem::text("a", "1"), FileItem::text("a.b", "2"), FileItem::text("c d=[", "3")];
    let cells = row("any key, also `a` beside `a.b`");
    for (format, cell) in Format::ALL.into_iter().zip(cells) {
        let expected = if cell == "names only" { "refused" } else { cell };
        assert_eq!(outcome(&items, format), expected, "{format}");
    }
    assert_eq!(outcome(&items[..2], Format::Env), "yes", "these are names");
}
