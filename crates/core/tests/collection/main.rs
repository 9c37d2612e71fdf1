//! Collection against a twin that never collects: what is to be kept reads the same in both, whenever it is
//! asked, and what is not to be kept is refused, never told wrongly. In the end all of it is gone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test is told of a failed condition by a panic")]

mod reads;
mod steps;
mod twins;

use proptest::prelude::*;

use steps::{kind, step, terms};
use twins::Twins;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_reads_as_if_nothing_was_collected(
        terms in terms(),
        steps in prop::collection::vec(step(), 1..64),
        at_last in kind(),
    ) {
        let mut twins = Twins::new(terms);
        for step in &steps {
            twins.run(step);
            reads::check(&twins);
        }
        twins.collect_all(at_last);
        reads::check(&twins);
        reads::check_gone(&twins);
    }
}
