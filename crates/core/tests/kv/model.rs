//! The naive model: all keys, copied for each revision.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use conclave_core::kv::{
    Compare, CompareTarget, Done, KeyValue, KvOutcome, KvRejection, Operation, PutLease, RangeFound,
    RangeQuery, Relation, RevisionBounds, SortTarget, Txn, TxnDone,
};
use conclave_core::{Answer, LeaseId, Outcome};
use conclave_mvcc::{KeyRange, Revised, Revision};

type Keys = BTreeMap<Bytes, KeyValue>;

/// Everything that is and was.
#[derive(Clone)]
pub(crate) struct Model {
    /// By revision, from 0.
    past: Vec<Keys>,
    compacted: Option<u64>,
    leases: BTreeSet<LeaseId>,
    /// What the last change wrote, in order: the key, and whether it was put.
    written: Option<Vec<(Bytes, bool)>>,
}

/// A change that is being made.
struct Change {
    keys: Keys,
    revision: u64,
    written: Vec<(Bytes, bool)>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { past: vec![Keys::new(); 2], compacted: None, leases: BTreeSet::new(), written: None }
    }

    pub(crate) fn newest(&self) -> Revision {
        Revision::new(self.past.len() as u64 - 1)
    }

    fn at(&self, revision: Revision) -> &Keys {
        &self.past[usize::try_from(revision.get()).unwrap()]
    }

    fn now(&self) -> &Keys {
        self.past.last().unwrap()
    }

    /// An item of the configuration was committed.
    pub(crate) fn configure(&mut self, key: &'static str, value: &'static str) {
        let mut change = self.change();
        change.put(key.into(), value.into(), 0);
        self.commit(change);
    }

    pub(crate) fn grant(&mut self, id: LeaseId) -> bool {
        self.leases.insert(id)
    }

    pub(crate) fn revoke(&mut self, id: LeaseId) -> bool {
        let mut change = self.change();
        for key in self.keys_of(id) {
            change.delete(&key);
        }
        self.commit(change);
        self.leases.remove(&id)
    }

    pub(crate) fn keys_of(&self, id: LeaseId) -> Vec<Bytes> {
        self.now().values().filter(|pair| pair.lease == id.get()).map(|pair| pair.key.clone()).collect()
    }

    pub(crate) fn compact(&mut self, revision: Revision) -> Answer {
        let (asked, newest) = (revision.get(), self.newest());
        if let Some(compacted) = self.compacted.filter(|compacted| asked <= *compacted) {
            return Err(KvRejection::Compacted { asked, compacted }.into());
        }
        if revision > newest {
            return Err(KvRejection::FutureRevision { asked, newest: newest.get() }.into());
        }
        self.compacted = Some(asked);
        Ok(Outcome::Kv(KvOutcome::Compacted { revision: newest }))
    }

    /// From which revision on keys can be read.
    pub(crate) fn compacted(&self) -> Revision {
        Revision::new(self.compacted.unwrap_or(0))
    }

    /// What changed a key, the newest first: at which revision, and to what (none: it was deleted).
    pub(crate) fn changes(&self, key: &Bytes) -> Vec<(Revision, Option<KeyValue>)> {
        let mut changes = Vec::new();
        for (number, pair) in (1..).zip(self.past.windows(2)) {
            let (before, now) = (pair[0].get(key), pair[1].get(key));
            if before != now {
                changes.push((Revision::new(number), now.cloned()));
            }
        }
        changes.reverse();
        changes
    }

    pub(crate) fn read(&self, query: &RangeQuery) -> Result<RangeFound, KvRejection> {
        self.check(query)?;
        let keys = query.revision.map_or(self.now(), |revision| self.at(revision));
        Ok(RangeFound { revision: self.newest(), ..find(keys, query) })
    }

    pub(crate) fn txn(&mut self, txn: &Txn) -> Answer {
        self.written = None;
        self.check_taken(txn)?;
        let mut change = self.change();
        let done = self.run(&mut change, txn);
        let done = done.map_err(|key| KvRejection::Reserved { key })?;
        self.commit(change);
        Ok(Outcome::Kv(KvOutcome::Txn { revision: self.newest(), done }))
    }

    /// What was told of the last change is what the model made, in its order.
    pub(crate) fn check_events(&self, revised: Option<&Revised>) {
        let told = revised.map(|revised| {
            let mut events: Vec<_> = revised.events.iter().collect();
            events.sort_by_key(|event| event.order);
            events.iter().map(|event| (event.key.clone(), event.record().is_some())).collect::<Vec<_>>()
        });
        assert_eq!(told, self.written);
    }

    fn change(&self) -> Change {
        Change { keys: self.now().clone(), revision: self.past.len() as u64, written: Vec::new() }
    }

    fn commit(&mut self, change: Change) {
        self.written = None;
        if !change.written.is_empty() {
            self.past.push(change.keys);
            self.written = Some(change.written);
        }
    }

    fn check(&self, query: &RangeQuery) -> Result<(), KvRejection> {
        let Some(asked) = query.revision.map(Revision::get) else { return Ok(()) };
        let newest = self.newest().get();
        if asked > newest {
            return Err(KvRejection::FutureRevision { asked, newest });
        }
        if let Some(compacted) = self.compacted.filter(|compacted| asked < *compacted) {
            return Err(KvRejection::Compacted { asked, compacted });
        }
        Ok(())
    }

    /// The operations that are done, all those of transactions within as well.
    fn taken<'a>(&self, txn: &'a Txn, into: &mut Vec<&'a Operation>) {
        for operation in self.way(txn).1 {
            match operation {
                Operation::Txn(within) => self.taken(within, into),
                operation => into.push(operation),
            }
        }
    }

    fn way<'a>(&self, txn: &'a Txn) -> (bool, &'a [Operation]) {
        let holds = txn.compares.iter().all(|compare| self.holds(compare));
        (holds, if holds { &txn.success } else { &txn.failure })
    }

    fn check_taken(&self, txn: &Txn) -> Result<(), KvRejection> {
        let mut taken = Vec::new();
        self.taken(txn, &mut taken);
        for operation in &taken {
            let Operation::Put(put) = operation else { continue };
            if put.key.starts_with(b"conclave/") {
                return Err(KvRejection::Reserved { key: text(&put.key) });
            }
            let keeps = put.value.is_none() || put.lease == PutLease::Keep;
            if keeps && !self.now().contains_key(&put.key) {
                return Err(KvRejection::KeyNotFound);
            }
            if let PutLease::On(id) = put.lease
                && !self.leases.contains(&id)
            {
                return Err(KvRejection::LeaseNotFound { id: id.get() });
            }
        }
        for operation in &taken {
            if let Operation::Range(query) = operation {
                self.check(query)?;
            }
        }
        Ok(())
    }

    fn holds(&self, compare: &Compare) -> bool {
        let found: Vec<_> = within(self.now(), &compare.range).collect();
        match found.as_slice() {
            [] => holds_of(compare, None),
            found => found.iter().all(|pair| holds_of(compare, Some(pair))),
        }
    }

    /// The error is a key that may not be written.
    fn run(&self, change: &mut Change, txn: &Txn) -> Result<TxnDone, String> {
        let (succeeded, operations) = self.way(txn);
        let done =
            operations.iter().map(|operation| self.one(change, operation)).collect::<Result<_, _>>()?;
        Ok(TxnDone { succeeded, done })
    }

    fn one(&self, change: &mut Change, operation: &Operation) -> Result<Done, String> {
        Ok(match operation {
            Operation::Range(query) => {
                let keys = query.revision.map_or(&change.keys, |revision| self.at(revision));
                let newest = self.newest().get() + u64::from(!change.written.is_empty());
                Done::Range(RangeFound { revision: Revision::new(newest), ..find(keys, query) })
            }
            Operation::Put(put) => {
                let before = change.keys.get(&put.key).cloned();
                let lease = match put.lease {
                    PutLease::None => 0,
                    PutLease::On(id) => id.get(),
                    PutLease::Keep => before.as_ref().unwrap().lease,
                };
                let value = put.value.clone().unwrap_or_else(|| before.as_ref().unwrap().value.clone());
                change.put(put.key.clone(), value, lease);
                let previous = before.filter(|_| put.with_previous);
                Done::Put { revision: Revision::new(change.revision), previous }
            }
            Operation::DeleteRange(delete) => {
                let found: Vec<_> = within(&change.keys, &delete.range).cloned().collect();
                if let Some(pair) = found.iter().find(|pair| pair.key.starts_with(b"conclave/")) {
                    return Err(text(&pair.key));
                }
                for pair in &found {
                    change.delete(&pair.key);
                }
                let revision = self.newest().get() + u64::from(!change.written.is_empty());
                let deleted = found.len() as u64;
                let previous = if delete.with_previous { found } else { Vec::new() };
                Done::Deleted { revision: Revision::new(revision), deleted, previous }
            }
            Operation::Txn(txn) => Done::Txn(self.run(change, txn)?),
        })
    }
}

impl Change {
    fn put(&mut self, key: Bytes, value: Bytes, lease: u64) {
        let revision = Revision::new(self.revision);
        let (create_revision, version) =
            self.keys.get(&key).map_or((revision, 1), |before| (before.create_revision, before.version + 1));
        let pair =
            KeyValue { key: key.clone(), create_revision, mod_revision: revision, version, value, lease };
        self.keys.insert(key.clone(), pair);
        self.written.push((key, true));
    }

    fn delete(&mut self, key: &Bytes) {
        self.keys.remove(key).unwrap();
        self.written.push((key.clone(), false));
    }
}

fn text(key: &Bytes) -> String {
    String::from_utf8(key.to_vec()).unwrap()
}

fn within<'a>(keys: &'a Keys, range: &'a KeyRange) -> impl Iterator<Item = &'a KeyValue> {
    let hidden = |key: &Bytes| key.starts_with(b"conclave/") && !key.starts_with(b"conclave/config/");
    keys.values().filter(move |pair| range.contains(&pair.key) && !hidden(&pair.key))
}

fn find(keys: &Keys, query: &RangeQuery) -> RangeFound {
    let all: Vec<_> = within(keys, &query.range).cloned().collect();
    let count = all.len() as u64;
    if query.count_only {
        return RangeFound { count, ..RangeFound::default() };
    }
    let bounds = query.bounds;
    let least = |number: Revision, bound: i64| bound == 0 || number.get() as i64 >= bound;
    let most = |number: Revision, bound: i64| bound == 0 || number.get() as i64 <= bound;
    let mut pairs: Vec<_> = all
        .into_iter()
        .filter(|pair| least(pair.mod_revision, bounds.mod_min) && most(pair.mod_revision, bounds.mod_max))
        .filter(|pair| {
            least(pair.create_revision, bounds.create_min) && most(pair.create_revision, bounds.create_max)
        })
        .collect();
    let limit = if query.limit == 0 { usize::MAX } else { usize::try_from(query.limit).unwrap() };
    if let Some(sort) = query.sort {
        if sort.cut_before && bounds == RevisionBounds::default() {
            pairs.truncate(limit.saturating_add(1));
        }
        let rank = |pair: &KeyValue| match sort.by {
            SortTarget::Key => (0, pair.key.clone()),
            SortTarget::Version => (pair.version, Bytes::new()),
            SortTarget::CreateRevision => (pair.create_revision.get(), Bytes::new()),
            SortTarget::ModRevision => (pair.mod_revision.get(), Bytes::new()),
            SortTarget::Value => (0, pair.value.clone()),
        };
        match sort.descending {
            false => pairs.sort_by_key(rank),
            true => pairs.sort_by_key(|pair| std::cmp::Reverse(rank(pair))),
        }
    }
    let more = pairs.len() > limit;
    pairs.truncate(limit);
    if query.keys_only {
        pairs.iter_mut().for_each(|pair| pair.value = Bytes::new());
    }
    RangeFound { revision: Revision::ZERO, pairs, more, count }
}

fn holds_of(compare: &Compare, pair: Option<&KeyValue>) -> bool {
    let number = |of: fn(&KeyValue) -> u64| pair.map_or(0, of) as i64;
    let order = match &compare.target {
        CompareTarget::Version(target) => number(|pair| pair.version).cmp(target),
        CompareTarget::CreateRevision(target) => number(|pair| pair.create_revision.get()).cmp(target),
        CompareTarget::ModRevision(target) => number(|pair| pair.mod_revision.get()).cmp(target),
        CompareTarget::Lease(target) => number(|pair| pair.lease).cmp(target),
        CompareTarget::Value(_) if pair.is_none() => return false,
        CompareTarget::Value(target) => pair.unwrap().value.cmp(target),
    };
    match compare.relation {
        Relation::Equal => order.is_eq(),
        Relation::NotEqual => order.is_ne(),
        Relation::Greater => order.is_gt(),
        Relation::Less => order.is_lt(),
    }
}
