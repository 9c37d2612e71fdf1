//! Files that were spoilt: none makes a reader panic, and what was read keeps as the library promises.

use std::path::Path;

use conclave_formats::{FileItem, Format, limits, parse, render};
use conclave_fuzz::inputs_of;

/// What the example files do not show.
fn more(format: Format) -> &'static [&'static str] {
    match format {
        Format::Yaml => &[
            "a: &x {b: [1, ~, .inf, 0x1f]}\nc: *x\nd: {<<: *x, e: |\n  text\n }\n",
            "%YAML 1.2\n---\n\"k.\\x41\": !!binary aGk=\n? x\n: - - 1\n  - >-\n    folded\n...\n",
        ],
        Format::Json => {
            &["{\"a\": [1.50, -0, 1e400, null, {}, \"\\ud83e\\udd80\\n\"], \"b.c\": {\"\": true}}"]
        }
        Format::Toml => &[
            "a.\"b.c\" = [1, {x = 2026-02-28T17:00:00Z}]\n[[t]]\nn = nan\n[[t]]\nm = '''\nx'''\n[t.u]\nv = 0b1\n",
        ],
        Format::Properties => &["# c\n! d\na\\ b : c\\\n  d\\u00e9\nk\nx=\\:\\t\n"],
        Format::Env => &["# c\nexport A=1\nB='x y'\nC=\"a\\n\\\"$\\` \"\nD=a\\ b # c\nE=\"l1\nl2\"\n"],
        Format::Xml => &[
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n  <item key=\"l\" content-type=\"image/png\" \
             encoding=\"base64\">iVBORw0KGgo=</item>\n</configuration>\n",
            "<!DOCTYPE properties>\n<properties><comment>c</comment><entry key=\"a\">&lt;&#x41;</entry></properties>",
            "<app x=\"1\"><db host=\"db-1\"><pool><![CDATA[8]]></pool></db><!-- c --><s>a</s><s>b</s></app>",
        ],
    }
}

/// Whole files of the format, small ones.
fn seeds(format: Format) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| Format::from_path(path) == Some(format)).collect();
    files.sort();
    let examples = files.iter().map(|path| std::fs::read(path).unwrap()).map(|mut text| {
        text.truncate(2_000);
        text
    });
    examples.chain(more(format).iter().map(|text| text.as_bytes().to_vec())).collect()
}

fn sorted(mut items: Vec<FileItem>) -> Vec<FileItem> {
    items.sort();
    items
}

/// What was read is within the bounds, and written as the same format it reads the same.
fn keeps(items: Vec<FileItem>, format: Format) {
    assert!(items.len() <= limits::ITEMS_MAX);
    assert!(items.iter().all(|item| item.key.len() <= limits::KEY_SIZE_BYTES_MAX));
    let text = render(&items, format).expect("what was read can be written");
    let again = parse(&text, format).expect("what was written can be read");
    assert_eq!(sorted(again), sorted(items));
}

/// Any other format writes it or refuses it, and reads what it wrote.
fn fits_elsewhere(items: &[FileItem]) {
    for format in Format::ALL {
        if let Ok(text) = render(items, format) {
            parse(&text, format).unwrap_or_else(|error| panic!("{format}: {error}"));
        }
    }
}

fn read(text: &[u8], format: Format) {
    if let Ok(items) = parse(text, format) {
        fits_elsewhere(&items);
        keeps(items, format);
    }
}

macro_rules! targets {
    ($($name:ident: $format:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            inputs_of!(seeds(Format::$format)).for_each(|input| read(input, Format::$format));
        })*
    };
}

targets!(
    fuzz_yaml: Yaml,
    fuzz_json: Json,
    fuzz_toml: Toml,
    fuzz_properties: Properties,
    fuzz_env: Env,
    fuzz_xml: Xml,
);
