//! Whatever chance writes down, the check says what brute force says.

use std::collections::BTreeMap;

use conclave_checker::kv::{self, Kv, revision_order};
use conclave_checker::{End, Failure, History, Limits, Operation, check};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::brute_force::has_an_order;
use crate::register::{Answer, Call, Register};
use crate::simulated::{Fate, drawn, fates, simulate};

fn call_and_answer() -> impl Strategy<Value = (Call, Answer)> {
    prop_oneof![
        3 => (0_u8..3).prop_map(|value| (Call::Read, Answer::Value(value))),
        3 => (0_u8..3).prop_map(|value| (Call::Write(value), Answer::Done)),
        2 => (0_u8..3, 0_u8..3, any::<bool>()).prop_map(|(from, to, refused)| {
            (Call::Swap(from, to), if refused { Answer::Refused } else { Answer::Done })
        }),
        1 => Just((Call::Bump, Answer::Done)),
    ]
}

fn operation() -> impl Strategy<Value = Operation<Call, Answer>> {
    let times = (0_u64..12, 0_u64..6);
    (call_and_answer(), times, 0_u8..8).prop_map(|((call, answer), (called_ns, long), fate)| {
        let end = match fate {
            0 | 1 => End::Unknown,
            2 => End::NotDone { at_ns: called_ns + long },
            _ => End::Answered { at_ns: called_ns + long, answer },
        };
        Operation { client: 0, called_ns, call, end }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_few_operations_are_judged_as_by_brute_force(operations in vec(operation(), 0..=7)) {
        let expected = has_an_order(&Register, &operations);
        let history: History<_, _> = operations.into_iter().collect();
        let passes = check(&Register, &history, Limits::default());
        prop_assert!(!matches!(passes, Err(Failure::Undecided(_))));
        prop_assert_eq!(passes.is_ok(), expected, "{:?}", passes);
    }

    /// What the report says holds: the culprit's end makes the difference, and the core alone is enough.
    #[test]
    fn explanations_hold_by_brute_force(operations in vec(operation(), 0..=7)) {
        let history: History<_, _> = operations.iter().cloned().collect();
        let Err(Failure::Violation(violation)) = check(&Register, &history, Limits::default()) else { return Ok(()) };
        let end_ns = operations[violation.culprit.place].end.at_ns();
        let before = operations.iter().filter(|operation| Some(operation.called_ns) <= end_ns);
        let until = |kept: &dyn Fn(usize) -> bool| -> Vec<_> {
            let forget = |(place, operation): (usize, &Operation<Call, Answer>)| {
                let forgotten = operation.end.answer().is_some() && !kept(place);
                let end = if forgotten { End::Unknown } else { operation.end.clone() };
                Operation { end, ..operation.clone() }
            };
            operations.iter().enumerate().map(forget).collect()
        };
        let core: Vec<_> = violation.core.iter().map(|told| told.place).collect();
        prop_assert!(!has_an_order(&Register, &until(&|place| core.contains(&place))));
        for left_out in &core {
            prop_assert!(has_an_order(&Register, &until(&|place| core.contains(&place) && place != *left_out)));
        }
        prop_assert!(before.count() > 0);
    }

    #[test]
    fn mutated_simulations_are_judged_as_by_brute_force(
        all in vec(drawn(3, 1, mostly_lost()), 1..=7),
        places in any::<(Index, Index)>(),
    ) {
        let mut operations = simulate(&all).operations().to_vec();
        swap_answers(&mut operations, places);
        let expected = has_an_order(&Kv, &operations);
        let passes = check(&Kv, &operations.into_iter().collect(), Limits::default());
        prop_assert_eq!(passes.is_ok(), expected, "{:?}", passes);
    }
}

fn mostly_lost() -> impl Strategy<Value = Fate> {
    prop_oneof![3 => Just(Fate::Answered), 2 => (0_u64..60).prop_map(Fate::Lost), 1 => fates()]
}

/// Two operations exchange what they were told.
fn swap_answers(operations: &mut [Operation<kv::Call, kv::Answer>], (one, other): (Index, Index)) {
    let (one, other) = (one.index(operations.len()), other.index(operations.len()));
    let answers = [one, other].map(|place| operations[place].end.answer().cloned());
    for (place, given) in [(one, &answers[1]), (other, &answers[0])] {
        if let (End::Answered { answer, .. }, Some(given)) = (&mut operations[place].end, given) {
            *answer = given.clone();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_a_store_told_passes(all in vec(drawn(8, 3, fates()), 0..200)) {
        let history = simulate(&all);
        check(&Kv, &history, Limits::default()).unwrap();
        revision_order(&history).unwrap();
    }

    #[test]
    fn what_a_store_told_passes_also_if_much_of_it_was_lost(
        all in vec(drawn(8, 2, mostly_lost()), 0..80),
    ) {
        check(&Kv, &simulate(&all), Limits::default()).unwrap();
    }

    #[test]
    fn a_read_of_another_value_is_found(all in vec(drawn(8, 3, fates()), 20..100), chosen in any::<Index>()) {
        let mut operations = simulate(&all).operations().to_vec();
        let (written, reads) = (writes(&operations), reads_of_answered_writes(&operations));
        if reads.is_empty() {
            return Ok(());
        }
        let read = reads[chosen.index(reads.len())];
        let End::Answered { answer: kv::Answer::Found { entry: Some(entry), .. }, .. } = &mut operations[read].end
        else { unreachable!("these are reads that found something") };
        entry.value = written.values().find(|value| **value != entry.value).cloned().unwrap_or_default();
        let passes = check(&Kv, &operations.into_iter().collect(), Limits::default());
        prop_assert!(matches!(passes, Err(Failure::Violation(_))), "{:?}", passes);
    }
}

/// What was put at which revision, as far as somebody was told.
fn writes(operations: &[Operation<kv::Call, kv::Answer>]) -> BTreeMap<u64, String> {
    let put = |operation: &Operation<kv::Call, kv::Answer>| match (&operation.call, operation.end.answer()) {
        (
            kv::Call::Write { write: kv::Write::Put(value), .. }
            | kv::Call::WriteIf { write: kv::Write::Put(value), .. },
            Some(kv::Answer::Written { revision }),
        ) => Some((*revision, value.clone())),
        _ => None,
    };
    operations.iter().filter_map(put).collect()
}

fn reads_of_answered_writes(operations: &[Operation<kv::Call, kv::Answer>]) -> Vec<usize> {
    let written = writes(operations);
    let reads = operations.iter().enumerate().filter(|(_, operation)| {
        matches!(operation.end.answer(), Some(kv::Answer::Found { entry: Some(entry), .. })
            if written.contains_key(&entry.mod_revision))
    });
    reads.map(|(place, _)| place).collect()
}
