//! Commands that read.

use conclave_core::config::{
    At, DiffQuery, HistoryQuery, ItemHistoryQuery, ItemQuery, NamespaceQuery, SearchQuery, defaults, diff,
    get_item, get_namespace, history, item_history, list_items, list_namespaces, list_snapshots, list_tags,
    next_collection, search, snapshot_namespaces, version_in, watch_ranges,
};
use conclave_core::{PinName, Rejection, Version};
use conclave_mvcc::{ChangeLimits, MemoryMap, Revision, changes_since, floor_of, newest_revision};

use crate::change::{key, name};
use crate::show::{self, line};
use crate::words::Words;

pub(crate) fn run(map: &MemoryMap, words: &Words) -> String {
    let told = match words.word(0) {
        "get" if words.plain.len() == 2 => {
            let found = get_namespace(map, &name(words.word(1))).unwrap();
            found.map(|info| line("namespace", &show::namespace(&info)))
        }
        "get" => get(map, words),
        "list" => list(map, words),
        "namespaces" => Ok(namespaces(map, words)),
        "history" => tell_history(map, words),
        "diff" => tell_diff(map, words),
        "watch" => Ok(watch(map, words)),
        "defaults" => Ok(tell_defaults(map)),
        "tags" => tell_tags(map, words),
        "snapshots" => Ok(tell_snapshots(map)),
        "held" => tell_held(map, words),
        "item" => tell_changes(map, words),
        "search" => Ok(tell_search(map, words)),
        "due" => Ok(tell_due(map, words)),
        other => panic!("unknown command {other}"),
    };
    told.unwrap_or_else(|rejection| show::refusal(&rejection))
}

type Told = Result<String, Rejection>;

fn at(words: &Words) -> At {
    let version = words.number("version").map(|version| At::Version(Version::new(version)));
    let revision = words.number("revision").map(|revision| At::Revision(Revision::new(revision)));
    let pin = |text| PinName::parse(text).unwrap();
    let tag = words.text("with-tag").map(|tag| At::Tag(pin(tag)));
    let snapshot = words.text("in-snapshot").map(|name| At::Snapshot(pin(name)));
    let then = words.number("by-time").map(At::Time);
    version.or(revision).or(tag).or(snapshot).or(then).unwrap_or(At::Now)
}

fn tell_defaults(map: &MemoryMap) -> String {
    let (defaults, namespaces) = defaults(map).unwrap();
    line("defaults", &show::defaults(&defaults)) + &line("there are", &format!("{namespaces} namespaces"))
}

fn tell_tags(map: &MemoryMap, words: &Words) -> Told {
    let (page, further) = list_tags(map, &name(words.word(1)), words.text("after"), max(words)).unwrap()?;
    let told: String = page.iter().map(|tag| line("tag", &show::tag(tag))).collect();
    Ok(told + &more(further))
}

fn tell_snapshots(map: &MemoryMap) -> String {
    let (page, further) = list_snapshots(map, None, 100).unwrap();
    let told: String = page.iter().map(|found| line("snapshot", &show::snapshot(found))).collect();
    told + &more(further)
}

fn tell_held(map: &MemoryMap, words: &Words) -> Told {
    let snapshot = PinName::parse(words.word(1)).unwrap();
    let (page, further) = snapshot_namespaces(map, &snapshot, words.text("after"), max(words)).unwrap()?;
    let told: String = page
        .iter()
        .map(|held| {
            let deleted = if held.deleted { ", deleted since" } else { "" };
            let (version, newest) = (held.version, held.newest_version);
            line("holds", &format!("{} version {version}, newest {newest}{deleted}", held.name))
        })
        .collect();
    Ok(told + &more(further))
}

fn tell_changes(map: &MemoryMap, words: &Words) -> Told {
    let query = ItemHistoryQuery {
        namespace: &name(words.word(1)),
        key: &key(words.word(2)),
        before: words.number("before").map(Revision::new),
        page_max: max(words),
        size_bytes_max: usize::MAX,
    };
    let (page, further) = item_history(map, &query).unwrap()?;
    Ok(page.iter().map(show::item_revision).collect::<String>() + &more(further))
}

fn tell_search(map: &MemoryMap, words: &Words) -> String {
    let query = SearchQuery {
        text: words.word(1),
        namespace_prefix: words.text("prefix").unwrap_or_default(),
        in_keys: true,
        in_values: true,
        ignore_case: words.has("ignore-case"),
        after: None,
        at: words.number("revision").map_or_else(|| newest_revision(map).unwrap(), Revision::new),
        matches_max: max(words),
        items_max: usize::MAX,
        size_bytes_max: usize::MAX,
    };
    let page = search(map, &query).unwrap();
    let told: String = page
        .matches
        .iter()
        .map(|found| {
            let place = match (found.key_matches, found.value_matches) {
                (true, true) => "key and value",
                (true, false) => "key",
                _ => "value",
            };
            line("match", &format!("{} {} ({place})", found.namespace, show::item(&found.item)))
        })
        .collect();
    if page.matches.is_empty() { "nothing\n".to_owned() } else { told + &more(page.next.is_some()) }
}

fn tell_due(map: &MemoryMap, words: &Words) -> String {
    let now_ms = words.number("now").unwrap_or(0);
    match next_collection(map, now_ms, None, usize::MAX).unwrap() {
        (Some(namespace), _) => line("due", namespace.as_str()),
        (None, _) => "nothing\n".to_owned(),
    }
}

fn max(words: &Words) -> usize {
    words.number("max").unwrap_or(100)
}

fn more(more: bool) -> String {
    if more { "more follow\n".to_owned() } else { String::new() }
}

fn get(map: &MemoryMap, words: &Words) -> Told {
    let (item, version, _) = get_item(map, &name(words.word(1)), &key(words.word(2)), &at(words)).unwrap()?;
    Ok(line("item", &format!("{} of version {version}", show::item(&item))))
}

fn list(map: &MemoryMap, words: &Words) -> Told {
    let query = ItemQuery {
        namespace: &name(words.word(1)),
        key_prefix: words.text("prefix").unwrap_or_default(),
        after: words.text("after"),
        at: at(words),
        records_max: max(words),
        size_bytes_max: usize::MAX,
        keys_only: words.has("keys-only"),
    };
    let page = list_items(map, &query).unwrap()?;
    let mut told = line("page", &format!("version {}, revision {}", page.version, page.revision));
    told.extend(page.items.iter().map(|item| line("item", &show::item(item))));
    Ok(told + &more(page.next.is_some()))
}

fn namespaces(map: &MemoryMap, words: &Words) -> String {
    let prefix = words.text("prefix").unwrap_or_default();
    let at = words.number("revision").map_or(Revision::MAX, Revision::new);
    let (after, namespaces_max) = (words.text("after"), max(words));
    let query = NamespaceQuery { prefix, after, at, namespaces_max, size_bytes_max: usize::MAX };
    let page = list_namespaces(map, &query).unwrap();
    let told: String = page.namespaces.iter().map(|info| line("namespace", &show::namespace(info))).collect();
    told + &more(page.next.is_some())
}

fn tell_history(map: &MemoryMap, words: &Words) -> Told {
    let query = HistoryQuery {
        namespace: &name(words.word(1)),
        before: words.number("before").map(Version::new),
        page_max: max(words),
        changes_max: words.number("changes"),
    };
    let (page, further) = history(map, &query).unwrap()?;
    let mut told = String::new();
    for (version, changes) in &page {
        told += &show::version(version);
        told.extend(changes.iter().map(show::key_change));
    }
    Ok(told + &more(further))
}

fn tell_diff(map: &MemoryMap, words: &Words) -> Told {
    let version = |place| Version::new(words.word(place).parse().unwrap());
    let query = DiffQuery {
        namespace: &name(words.word(1)),
        from: version(2),
        to: version(3),
        key_prefix: words.text("prefix").unwrap_or_default(),
        after: words.text("after"),
        changes_max: max(words),
        size_bytes_max: usize::MAX,
    };
    let (page, further) = diff(map, &query).unwrap()?;
    let told: String = page.iter().map(show::item_change).collect();
    Ok(told + if page.is_empty() { "no difference\n" } else { "" } + &more(further))
}

fn watch(map: &MemoryMap, words: &Words) -> String {
    let namespace = name(words.word(1));
    let from = words.number("from").map_or(Revision::ZERO, Revision::new);
    let limits = ChangeLimits { revisions_max: usize::MAX, size_bytes_max: usize::MAX };
    for range in watch_ranges(&namespace, words.text("prefix").unwrap_or_default()) {
        let floor = floor_of(map, &range).unwrap();
        if from <= floor && floor != Revision::ZERO {
            return line("reset", &format!("changes up to revision {floor} may be gone"));
        }
    }
    let mut told = String::new();
    for revised in changes_since(map, from, limits).unwrap() {
        let prefix = words.text("prefix").unwrap_or_default();
        if let Some((version, changes)) = version_in(&revised, &namespace, prefix).unwrap() {
            told += &show::version(&version);
            told.extend(changes.iter().map(show::item_change));
        }
    }
    if told.is_empty() { "nothing\n".to_owned() } else { told }
}
