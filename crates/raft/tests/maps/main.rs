//! The applied state in memory and on disk: the same entries give the same answers and the same bytes on both.
//!
//! mvcc and core are held against their models over [`MemoryMap`](conclave_mvcc::MemoryMap), because it is
//! quick; a node keeps its state in RocksDB. This is the bridge between the two: after every step of a random
//! log, all rows of both are compared, and what is read of them, over flushes and restarts of the one on disk.

#[cfg(test)]
mod both;
#[cfg(test)]
mod questions;
#[cfg(test)]
mod steps;

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, Strategy, prop, proptest};

    use super::both::Both;
    use super::questions::{Question, question};
    use super::steps::{After, Drawn, entries};

    /// Some entries that are applied together, what happens after them, and what is asked then.
    type Step = (Vec<Drawn>, After, Vec<Question>);

    fn step() -> impl Strategy<Value = Step> {
        (entries(), After::drawn(), prop::collection::vec(question(), 8))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_same_entries_give_the_same_bytes_on_both(
            steps in prop::collection::vec(step(), 1..24),
        ) {
            let mut both = Both::new();
            for (entries, after, questions) in &steps {
                both.apply(entries);
                both = both.after(*after);
                both.check_rows();
                questions.iter().for_each(|question| both.check_told(question));
            }
        }
    }
}
