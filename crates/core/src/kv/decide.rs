//! Which operations a transaction does.

use std::cmp::Ordering;

use conclave_mvcc::{MapError, Transaction};

use super::command::{Compare, CompareTarget, DeleteRange, Operation, Put, RangeQuery, Relation, Txn};
use super::outcome::KeyValue;
use super::range::each;

/// A transaction whose comparisons are made.
pub(super) struct Decided<'a> {
    pub(super) succeeded: bool,
    pub(super) steps: Vec<Step<'a>>,
}

/// One of its operations.
pub(super) enum Step<'a> {
    Range(&'a RangeQuery),
    Put(&'a Put),
    DeleteRange(&'a DeleteRange),
    Txn(Decided<'a>),
}

/// Makes all comparisons with what is there now, also those of transactions within.
pub(super) fn decide<'a>(transaction: &mut Transaction<'_>, txn: &'a Txn) -> Result<Decided<'a>, MapError> {
    let mut succeeded = true;
    for compare in &txn.compares {
        succeeded = succeeded && holds(transaction, compare)?;
    }
    let operations = if succeeded { &txn.success } else { &txn.failure };
    let step = |operation: &'a Operation| {
        Ok(match operation {
            Operation::Range(query) => Step::Range(query),
            Operation::Put(put) => Step::Put(put),
            Operation::DeleteRange(delete) => Step::DeleteRange(delete),
            Operation::Txn(txn) => Step::Txn(decide(transaction, txn)?),
        })
    };
    Ok(Decided { succeeded, steps: operations.iter().map(step).collect::<Result<_, MapError>>()? })
}

impl<'a> Decided<'a> {
    /// Calls `visit` for each step, also of transactions within.
    pub(super) fn visit<E>(&self, visit: &mut dyn FnMut(&Step<'a>) -> Result<(), E>) -> Result<(), E> {
        for step in &self.steps {
            match step {
                Step::Txn(within) => within.visit(visit)?,
                step => visit(step)?,
            }
        }
        Ok(())
    }
}

impl Txn {
    /// Whether nothing that it may do changes anything.
    pub fn is_read_only(&self) -> bool {
        self.success.iter().chain(&self.failure).all(|operation| match operation {
            Operation::Range(_) => true,
            Operation::Txn(txn) => txn.is_read_only(),
            Operation::Put(_) | Operation::DeleteRange(_) => false,
        })
    }

    /// Whether nothing that it may do sets a key.
    pub(crate) fn sets_nothing(&self) -> bool {
        self.success.iter().chain(&self.failure).all(|operation| match operation {
            Operation::Range(_) | Operation::DeleteRange(_) => true,
            Operation::Txn(txn) => txn.sets_nothing(),
            Operation::Put(_) => false,
        })
    }
}

/// Whether a comparison holds of every key of its range, or of one that does not exist if there is none.
fn holds(transaction: &mut Transaction<'_>, compare: &Compare) -> Result<bool, MapError> {
    let (mut found, mut all_hold) = (false, true);
    each(transaction, &compare.range, None, &mut |pair| {
        found = true;
        all_hold = holds_of(compare, Some(&pair));
        Ok::<_, MapError>(all_hold)
    })?;
    Ok(if found { all_hold } else { holds_of(compare, None) })
}

fn holds_of(compare: &Compare, pair: Option<&KeyValue>) -> bool {
    let number = |number: fn(&KeyValue) -> u64| pair.map_or(0, number).cast_signed();
    let order = match &compare.target {
        CompareTarget::Version(target) => number(|pair| pair.version).cmp(target),
        CompareTarget::CreateRevision(target) => number(|pair| pair.create_revision.get()).cmp(target),
        CompareTarget::ModRevision(target) => number(|pair| pair.mod_revision.get()).cmp(target),
        CompareTarget::Lease(target) => number(|pair| pair.lease).cmp(target),
        CompareTarget::Value(target) => match pair {
            Some(pair) => pair.value.cmp(target),
            None => return false,
        },
    };
    match compare.relation {
        Relation::Equal => order == Ordering::Equal,
        Relation::NotEqual => order != Ordering::Equal,
        Relation::Greater => order == Ordering::Greater,
        Relation::Less => order == Ordering::Less,
    }
}
