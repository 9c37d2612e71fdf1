//! Numbers that must grow as time goes by: revisions, tokens.
//!
//! Much cheaper than a search, and over all keys at once.

use std::collections::BTreeMap;

/// An operation that was told a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// Its place in the history.
    pub place: usize,
    /// When it was called.
    pub called_ns: u64,
    /// When the number was there.
    pub ended_ns: u64,
    /// The number.
    pub number: u64,
    /// Whether the operation made the number: it is greater than all that were told before, and nobody else's.
    pub fresh: bool,
}

/// Two operations whose numbers do not agree with real time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfOrder {
    /// The later operation was called when the earlier had ended, and was told a number that is too small.
    #[error(
        "operation #{} was told {} and ended; #{}, called after that, was told {}",
        earlier.place, earlier.number, later.place, later.number
    )]
    Back {
        /// The one that had ended.
        earlier: Numbered,
        /// The one that was called after that.
        later: Numbered,
    },
    /// Both say that they made the number.
    #[error("operations #{} and #{} both made the number {}", first.place, second.place, first.number)]
    Twice {
        /// The one noted first.
        first: Numbered,
        /// The other.
        second: Numbered,
    },
}

/// Whether numbers agree with real time: whoever was called after another had ended has no smaller number, and a
/// greater one if it is fresh; and no two fresh ones are the same.
///
/// # Errors
/// The first two that do not agree.
pub fn real_time_order(mut numbered: Vec<Numbered>) -> Result<(), OutOfOrder> {
    check_fresh(&numbered)?;
    let mut by_end = numbered.clone();
    by_end.sort_by_key(|item| item.ended_ns);
    numbered.sort_by_key(|item| item.called_ns);
    let (mut ended, mut greatest) = (by_end.into_iter().peekable(), None::<Numbered>);
    for later in numbered {
        while let Some(item) = ended.next_if(|item| item.ended_ns < later.called_ns) {
            greatest = Some(greatest.filter(|greatest| greatest.number >= item.number).unwrap_or(item));
        }
        if let Some(earlier) = greatest.filter(|earlier| is_back(earlier, &later)) {
            return Err(OutOfOrder::Back { earlier, later });
        }
    }
    Ok(())
}

fn is_back(earlier: &Numbered, later: &Numbered) -> bool {
    later.number < earlier.number || (later.fresh && later.number == earlier.number)
}

fn check_fresh(numbered: &[Numbered]) -> Result<(), OutOfOrder> {
    let mut made: BTreeMap<u64, Numbered> = BTreeMap::new();
    for second in numbered.iter().filter(|item| item.fresh) {
        if let Some(first) = made.insert(second.number, *second) {
            return Err(OutOfOrder::Twice { first, second: *second });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(place: usize, called_ns: u64, ended_ns: u64, number: u64) -> Numbered {
        Numbered { place, called_ns, ended_ns, number, fresh: false }
    }

    fn write(place: usize, called_ns: u64, ended_ns: u64, number: u64) -> Numbered {
        Numbered { fresh: true, ..read(place, called_ns, ended_ns, number) }
    }

    #[test]
    fn concurrent_operations_may_have_any_order_and_touching_ones_too() {
        let numbered = vec![write(0, 0, 10, 5), write(1, 0, 10, 4), read(2, 10, 20, 3), read(3, 11, 12, 5)];
        assert_eq!(real_time_order(numbered), Ok(()));
    }

    #[test]
    fn a_number_that_goes_back_is_told_with_the_greatest_before_it() {
        let (greatest, later) = (write(1, 2, 9, 7), read(3, 12, 13, 6));
        let numbered = vec![write(0, 0, 3, 5), greatest, read(2, 10, 11, 7), later];
        let told = real_time_order(numbered).unwrap_err();
        assert_eq!(told, OutOfOrder::Back { earlier: greatest, later });
        assert_eq!(told.to_string(), "operation #1 was told 7 and ended; #3, called after that, was told 6");
    }

    #[test]
    fn a_write_needs_a_greater_number_than_what_was_told_before_and_a_read_does_not() {
        assert_eq!(real_time_order(vec![read(0, 0, 1, 5), read(1, 2, 3, 5)]), Ok(()));
        let (earlier, later) = (read(0, 0, 1, 5), write(1, 2, 3, 5));
        assert_eq!(real_time_order(vec![earlier, later]), Err(OutOfOrder::Back { earlier, later }));
    }

    #[test]
    fn no_number_is_made_twice() {
        let (first, second) = (write(0, 0, 9, 5), write(1, 0, 9, 5));
        assert_eq!(real_time_order(vec![first, second]), Err(OutOfOrder::Twice { first, second }));
    }
}
