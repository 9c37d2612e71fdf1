//! The example configuration in `deploy/examples`: what it holds, and that it keeps.

use std::collections::BTreeSet;
use std::path::PathBuf;

use conclave_formats::{FileItem, Format, parse, render};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every namespace and the file that it comes from, as `namespaces.txt` lists them.
fn namespaces() -> Vec<(String, String)> {
    let list = String::from_utf8(read("namespaces.txt")).expect("the list is text");
    let pair = |line: &str| {
        let (namespace, file) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?} is no pair"));
        (namespace.to_owned(), file.to_owned())
    };
    list.lines().map(pair).collect()
}

fn format_of(file: &str) -> Format {
    Format::from_path(file.as_ref()).unwrap_or_else(|| panic!("{file} has no known format"))
}

fn items_of(file: &str) -> Vec<FileItem> {
    let mut items = parse(&read(file), format_of(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    items.sort();
    items
}

fn all_items() -> Vec<FileItem> {
    namespaces().iter().flat_map(|(_, file)| items_of(file)).collect()
}

fn value<'a>(items: &'a [FileItem], key: &str) -> &'a [u8] {
    let item = items.iter().find(|item| item.key == key);
    &item.unwrap_or_else(|| panic!("there is no {key}")).value
}

#[test]
fn every_file_is_listed_once_and_every_format_is_there() {
    let listed = namespaces();
    let files: BTreeSet<_> = listed.iter().map(|(_, file)| file.clone()).collect();
    let names: BTreeSet<_> = listed.iter().map(|(namespace, _)| namespace.clone()).collect();
    assert_eq!((files.len(), names.len()), (listed.len(), listed.len()));
    let entries = std::fs::read_dir(folder()).unwrap();
    let found = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(found.filter(|name| name != "namespaces.txt").collect::<BTreeSet<_>>(), files);
    let formats: BTreeSet<_> = files.iter().map(|file| format_of(file)).collect();
    assert_eq!(formats, BTreeSet::from(Format::ALL));
}

#[test]
fn there_are_several_hundred_items_of_every_kind() {
    let items = all_items();

    assert!(items.len() >= 300, "there are {} items", items.len());
    for content_type in ["text/plain", "application/json", "application/toml", "application/octet-stream"] {
        assert!(items.iter().any(|item| item.content_type == content_type), "{content_type}");
    }
    assert!(items.iter().any(|item| item.value.starts_with(b"-----BEGIN CERTIFICATE-----\nMIIB")));
    assert!(items.iter().all(|item| item.key.len() <= 512 && !item.key.chars().any(char::is_control)));
}

#[test]
fn every_file_keeps_its_items_when_written_in_its_own_format() {
    for (_, file) in namespaces() {
        let items = items_of(&file);
        let text = render(&items, format_of(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut read = parse(&text, format_of(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        read.sort();
        assert_eq!(read, items, "{file}");
        assert_eq!(render(&read, format_of(&file)), Ok(text), "{file}");
    }
}

#[test]
fn values_are_what_their_authors_meant() {
    let shop = items_of("application.yaml");
    assert_eq!(value(&shop, "shop.postal-code-of-warehouse"), b"01067");
    assert_eq!(value(&shop, "shop.opening-hours.sunday"), b"no");
    assert_eq!(value(&shop, "shop.tax.rounding-unit"), b"0.0100000000000000000001");
    assert_eq!(value(&shop, "shop.reporting.datasource.hikari.pool-name"), b"reporting");
    assert_eq!(value(&shop, "shop.reporting.datasource.hikari.max-lifetime"), b"1500000");
    assert!(value(&shop, "shop.banner").starts_with(b"  ( (\n"));
    assert!(value(&shop, "shop.assets.favicon").starts_with(b"\x89PNG\r\n\x1A\n"));

    let orders = items_of("orders.properties");
    assert_eq!(value(&orders, "app.title"), "Aufträge und Rückläufer".as_bytes());
    assert_eq!(value(&orders, "app.icon"), "📦".as_bytes());
    assert_eq!(value(&orders, "order.note.default"), b" Bitte beim Nachbarn abgeben.");
    assert_eq!(value(&orders, "export.sap.path"), br"C:\exchange\out");

    let features = items_of("features.json");
    assert_eq!(value(&features, "experiments.home-hero.seed"), b"18446744073709551615");
    assert_eq!(value(&features, "experiments[\"free-shipping.bar\"].variants.on"), b"50");

    let gateway = items_of("gateway.toml");
    assert_eq!(value(&gateway, "http.header_size_bytes_max"), b"32768");
    assert_eq!(value(&gateway, "route[2].status"), b"300");

    let worker = items_of("worker.env");
    assert_eq!(value(&worker, "WORKER_PRICE_FORMAT"), b"$ %.2f");
    assert_eq!(value(&worker, "WORKER_TEMP_DIR"), b"/var/tmp/worker");
}

#[test]
fn xml_is_what_its_authors_meant() {
    let search = items_of("search.xml");
    assert_eq!(value(&search, "index.language"), b"de");
    assert_eq!(value(&search, "index.field[2]"), b"brand");
    assert_eq!(value(&search, "synonyms.set[1]"), "Möhre, Karotte & gelbe Rübe".as_bytes());
    assert!(value(&search, "ranking.script").starts_with(b"if (doc.stock < 1 && "));
}
