//! What a failure says is enough to see why.

use conclave_checker::kv::{Answer, Call, Entry, Kv};
use conclave_checker::{Failure, Limits, Operation, check};

use crate::noted::{judge, told};
use crate::simulated::{Drawn, Fate, simulate};

fn stale() -> Vec<Operation<Call, Answer>> {
    let entry = Some(Entry { value: "a".into(), mod_revision: 2 });
    vec![
        told(1, (0, 1_000_000), Call::put("k", "a"), Answer::Written { revision: 2 }),
        told(1, (2_000_000, 3_500_000), Call::put("k", "b"), Answer::Written { revision: 3 }),
        told(3, (3_600_000, 4_000_000), Call::get("k"), Answer::Found { revision: 2, entry }),
        told(1, (9_000_000, 9_100_000), Call::get("other"), Answer::Found { revision: 3, entry: None }),
    ]
}

#[test]
fn a_failure_reads_like_this() {
    let failure = judge(&Kv, stale()).unwrap_err();
    let expected = r#"k: no order of the operations explains what was told
all is well until #2 client 3, 3.6 to 4 ms: get k → "a" of 2, at 2 ends
these contradict each other, whatever else was told:
  #1 client 1, 2 to 3.5 ms: put k "b" → done at 3
  #2 client 3, 3.6 to 4 ms: get k → "a" of 2, at 2
the longest order has 2 operations; it ends with
  #0 client 1, 0 to 1 ms: put k "a" → done at 2
  #1 client 1, 2 to 3.5 ms: put k "b" → done at 3
then the state is "b", written at 3, told up to 3; next might come
  #2 client 3, 3.6 to 4 ms: get k → "a" of 2, at 2: does not fit
"#;
    assert_eq!(failure.to_string(), expected);
}

/// In hundreds of operations, the two that matter are found.
#[test]
fn the_core_is_small_in_a_long_history() {
    let drawn = |number: u64| Drawn {
        client: number % 5,
        key: 0,
        kind: if number.is_multiple_of(3) { 4 } else { 0 },
        delays: (number % 3, number % 7, number % 4),
        fate: Fate::Answered,
    };
    let mut operations = simulate(&(0..600).map(drawn).collect::<Vec<_>>()).operations().to_vec();
    let last_write =
        operations.iter().rposition(|operation| matches!(operation.call, Call::Write { .. })).unwrap();
    let end_ns = operations[last_write].end.at_ns().unwrap();
    let entry = Some(Entry { value: "v0".into(), mod_revision: 2 });
    operations.push(told(9, (end_ns + 1, end_ns + 2), Call::get("k0"), Answer::Found { revision: 2, entry }));
    let Err(Failure::Violation(violation)) = check(&Kv, &operations.into_iter().collect(), Limits::default())
    else {
        panic!("the read is stale")
    };
    assert_eq!((violation.culprit.place, violation.core.len()), (600, 2), "{violation}");
    assert!(violation.order.len() > 500);
}
