//! The naive model: all keys, copied for each revision.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use conclave_mvcc::{
    ChangeKind, ChangeLimits, ChangedKey, ChangedKeys, Event, EventKind, KeyRange, RangeLimits, RangePage,
    ReadMap, Record, Revised, Revision, changed_keys, changes_since, get_at, history,
};

/// Keys with what they are.
pub(crate) type Keys = BTreeMap<Bytes, Record>;

/// All keys at each revision, and what happened at it.
#[derive(Clone)]
pub(crate) struct Copies {
    keys: Vec<Keys>,
    revised: Vec<Revised>,
    pub(crate) side: BTreeMap<Bytes, Bytes>,
}

impl Copies {
    pub(crate) fn new() -> Self {
        // Nothing exists at revision zero, nor in the empty store, which is at one.
        Self { keys: vec![Keys::new(), Keys::new()], revised: Vec::new(), side: BTreeMap::new() }
    }

    pub(crate) fn newest(&self) -> Revision {
        Revision::new(1 + self.revised.len() as u64)
    }

    pub(crate) fn now(&self) -> &Keys {
        self.keys.last().unwrap()
    }

    /// Every revision with its keys, and two after the newest, at which the keys are those of now.
    pub(crate) fn moments(&self) -> impl Iterator<Item = (Revision, &Keys)> {
        let past = (0..).map(Revision::new).zip(&self.keys);
        past.chain([(self.newest().next(), self.now()), (Revision::MAX, self.now())])
    }

    /// What `key` becomes if the transaction after the newest revision sets it while it is as in `keys`.
    pub(crate) fn put(&self, keys: &Keys, key: &Bytes, value: &Bytes, annotations: &Bytes) -> Record {
        let revision = self.newest().next();
        let before = keys.get(key);
        let is_again = before.is_some_and(|before| before.mod_revision == revision);
        Record {
            create_revision: before.map_or(revision, |before| before.create_revision),
            mod_revision: revision,
            version: before.map_or(1, |before| before.version + u64::from(!is_again)),
            annotations: annotations.clone(),
            value: value.clone(),
        }
    }

    /// Takes in what a transaction led to; `touched` are the keys that it wrote.
    pub(crate) fn commit(
        &mut self,
        touched: Vec<Bytes>,
        keys: Keys,
        side: BTreeMap<Bytes, Bytes>,
    ) -> Option<Revised> {
        self.side = side;
        let revision = self.newest().next();
        let mut order = BTreeMap::new();
        for key in touched {
            let place = u32::try_from(order.len()).unwrap();
            order.entry(key).or_insert(place);
        }
        let event = |(key, order): (Bytes, u32)| {
            let previous = self.now().get(&key).cloned();
            let kind = match keys.get(&key) {
                Some(record) => EventKind::Put(record.clone()),
                None if previous.is_some() => EventKind::Delete { revision },
                None => return None,
            };
            Some(Event { key, kind, previous, order })
        };
        let events: Vec<_> = order.into_iter().filter_map(event).collect();
        if events.is_empty() {
            return None;
        }
        let revised = Revised { revision, events: events.into() };
        self.keys.push(keys);
        self.revised.push(revised.clone());
        Some(revised)
    }

    /// Every key that ever was, and one that never was.
    fn all_keys(&self) -> BTreeSet<Bytes> {
        let ever = self.keys.iter().flat_map(|keys| keys.keys().cloned());
        ever.chain([Bytes::from("never")]).collect()
    }

    pub(crate) fn check_keys(&self, view: &dyn ReadMap, at: Revision, keys: &Keys) {
        for key in self.all_keys() {
            assert_eq!(get_at(view, &key, at).unwrap().as_ref(), keys.get(&key), "{key:?} at {at}");
        }
    }

    pub(crate) fn check_histories(&self, view: &dyn ReadMap) {
        for key in self.all_keys() {
            let mut all: Vec<_> = self
                .revised
                .iter()
                .flat_map(|revised| revised.events.iter().map(move |event| (revised.revision, event)))
                .filter(|(_, event)| event.key == key)
                .map(|(revision, event)| (revision, event.record().cloned()))
                .collect();
            all.reverse();
            assert_eq!(history(view, &key, Revision::MAX, usize::MAX).unwrap(), all);
            for (from, _) in self.moments() {
                let since: Vec<_> =
                    all.iter().filter(|(revision, _)| *revision <= from).take(2).cloned().collect();
                assert_eq!(history(view, &key, from, 2).unwrap(), since, "{key:?} from {from}");
            }
        }
    }

    pub(crate) fn check_changes(&self, view: &dyn ReadMap, range: &KeyRange) {
        let limits = |revisions_max, size_bytes_max| ChangeLimits { revisions_max, size_bytes_max };
        for (from, _) in self.moments() {
            let since: Vec<_> =
                self.revised.iter().filter(|revised| revised.revision >= from).cloned().collect();
            let all = changes_since(view, from, limits(usize::MAX, usize::MAX)).unwrap();
            assert_eq!(all, since, "from {from}");
            let two = changes_since(view, from, limits(2, usize::MAX)).unwrap();
            assert_eq!(two, since[..since.len().min(2)]);
            let least = changes_since(view, from, limits(usize::MAX, 0)).unwrap();
            assert_eq!(least, since[..since.len().min(1)], "one revision comes however small the limit");
        }
        for revised in &self.revised {
            for keys_max in 0..4 {
                let found = changed_keys(view, revised.revision, range, keys_max).unwrap();
                assert_eq!(found, expected_keys(revised, range, keys_max));
            }
        }
    }
}

fn expected_keys(revised: &Revised, range: &KeyRange, keys_max: usize) -> ChangedKeys {
    let kind = |event: &Event| match (&event.previous, event.record()) {
        (None, _) => ChangeKind::Added,
        (Some(_), Some(_)) => ChangeKind::Changed,
        (Some(_), None) => ChangeKind::Deleted,
    };
    let changed = revised.events.iter().filter(|event| range.contains(&event.key));
    let mut keys: Vec<_> =
        changed.map(|event| ChangedKey { key: event.key.clone(), kind: kind(event) }).collect();
    let more = keys.len() > keys_max;
    keys.truncate(keys_max);
    ChangedKeys { keys, more }
}

/// The keys of a range with what they are.
pub(crate) fn within<'a>(keys: &'a Keys, range: &'a KeyRange) -> impl Iterator<Item = (Bytes, Record)> + 'a {
    let inside = |key: &&Bytes| **key >= range.start && (range.end.is_empty() || **key < range.end);
    keys.iter().filter(move |(key, _)| inside(key)).map(|(key, record)| (key.clone(), record.clone()))
}

/// The first page of a range: records until one of the limits is reached, and at least one.
pub(crate) fn page(keys: &Keys, range: &KeyRange, limits: RangeLimits) -> RangePage {
    let mut page = RangePage::default();
    let mut size_bytes = 0;
    for (key, mut record) in within(keys, range) {
        let is_full = page.records.len() >= limits.records_max || size_bytes >= limits.size_bytes_max;
        if is_full && !page.records.is_empty() {
            page.next = page.records.last().map(|(key, _)| key.clone());
            break;
        }
        if limits.keys_only {
            record.value = Bytes::new();
        }
        size_bytes += key.len() + record.value.len() + record.annotations.len();
        page.records.push((key, record));
    }
    page
}
