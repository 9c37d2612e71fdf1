//! Commands that read.

use conclave_core::config::{
    At, DiffQuery, HistoryQuery, ItemQuery, diff, get_item, get_namespace, history, list_items,
    list_namespaces, version_in,
};
use conclave_core::{Rejection, Version};
use conclave_mvcc::{ChangeLimits, MemoryMap, Revision, changes_since};

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
        other => panic!("unknown command {other}"),
    };
    told.unwrap_or_else(|rejection| show::refusal(&rejection))
}

type Told = Result<String, Rejection>;

fn at(words: &Words) -> At {
    let version = words.number("version").map(|version| At::Version(Version::new(version)));
    let revision = words.number("revision").map(|revision| At::Revision(Revision::new(revision)));
    version.or(revision).unwrap_or(At::Now)
}

fn max(words: &Words) -> usize {
    words.number("max").unwrap_or(100)
}

fn more(more: bool) -> String {
    if more { "more follow\n".to_owned() } else { String::new() }
}

fn get(map: &MemoryMap, words: &Words) -> Told {
    let (item, version) = get_item(map, &name(words.word(1)), &key(words.word(2)), at(words)).unwrap()?;
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
    Ok(told + &more(page.more))
}

fn namespaces(map: &MemoryMap, words: &Words) -> String {
    let prefix = words.text("prefix").unwrap_or_default();
    let at = words.number("revision").map_or(Revision::MAX, Revision::new);
    let (page, further) = list_namespaces(map, prefix, words.text("after"), at, max(words)).unwrap();
    let told: String = page.iter().map(|info| line("namespace", &show::namespace(info))).collect();
    told + &more(further)
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
