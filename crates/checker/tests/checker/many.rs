//! Histories as long as a run of a real cluster makes them.

use conclave_checker::kv::{Answer, Call, Entry, Kv, revision_order};
use conclave_checker::{Failure, Limits, check};

use crate::noted::told;
use crate::simulated::{Drawn, Fate, simulate};

/// Numbers that look drawn and are the same each time (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn many(operations: u64, keys: u8, lost_in_thousand: u64) -> Vec<Drawn> {
    let mut numbers = Numbers(7);
    let mut draw = |number: u64| {
        let delays = (numbers.below(20), numbers.below(20), numbers.below(20));
        let (key, kind) = (numbers.below(keys.into()), numbers.below(10));
        let fate = match numbers.below(1000) {
            lost if lost < lost_in_thousand => Fate::Lost(numbers.below(1000)),
            _ => Fate::Answered,
        };
        let small = |number: u64| u8::try_from(number).expect("it is below a byte");
        Drawn { client: number % 20, key: small(key), kind: small(kind), delays, fate }
    };
    (0..operations).map(&mut draw).collect()
}

#[test]
fn ten_thousand_operations_of_twenty_clients_on_twenty_keys() {
    let history = simulate(&many(10_000, 20, 10));
    let checked = check(&Kv, &history, Limits::default()).unwrap();
    assert_eq!(checked.keys, 20);
    revision_order(&history).unwrap();
}

#[test]
fn two_thousand_operations_of_twenty_clients_on_one_key() {
    let history = simulate(&many(2_000, 1, 10));
    check(&Kv, &history, Limits::default()).unwrap();
}

/// All that was lost stays open to the end, and makes the search no harder than it must be.
#[test]
fn a_hot_key_with_hundreds_of_unknown_outcomes() {
    let history = simulate(&many(1_000, 1, 300));
    check(&Kv, &history, Limits { steps_max: 2_000_000, ..Limits::default() }).unwrap();
}

#[test]
fn a_hot_key_with_a_hundred_unknown_outcomes() {
    let history = simulate(&many(1_000, 1, 100));
    check(&Kv, &history, Limits { steps_max: 2_000_000, ..Limits::default() }).unwrap();
}

#[test]
fn a_search_that_is_cut_short_is_no_pass() {
    let history = simulate(&many(1_000, 1, 10));
    let few_steps = Limits { steps_max: 100, ..Limits::default() };
    let few_positions = Limits { positions_max: 100, ..Limits::default() };
    for limits in [few_steps, few_positions] {
        let Err(Failure::Undecided(undecided)) = check(&Kv, &history, limits) else {
            panic!("it was decided")
        };
        assert_eq!(undecided.key, "k0");
        assert!(undecided.steps > 0 && undecided.positions <= 101, "{undecided}");
    }
}

#[test]
fn a_violation_is_told_although_an_earlier_key_is_undecided() {
    let never_written = Some(Entry { value: "x".into(), mod_revision: 2 });
    let wrong = told(1, (0, 1), Call::get("later"), Answer::Found { revision: 2, entry: never_written });
    let operations = simulate(&many(1_000, 1, 10)).operations().iter().cloned().chain([wrong]).collect();
    let failure = check(&Kv, &operations, Limits { steps_max: 100, ..Limits::default() }).unwrap_err();
    assert_eq!(failure.violation().map(|violation| violation.key.as_str()), Some("later"));
}
