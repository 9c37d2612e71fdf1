//! Which of the answered operations have their place in the order already.

/// A set of numbers from 0 on that has few gaps, all of them near its end: whoever waits for an answer is in a gap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Done {
    /// The smallest number that is not in it.
    first_missing: usize,
    /// The larger ones that are, ascending.
    beyond: Vec<usize>,
}

impl Done {
    pub(crate) fn first_missing(&self) -> usize {
        self.first_missing
    }

    pub(crate) fn contains(&self, number: usize) -> bool {
        number < self.first_missing || self.beyond.binary_search(&number).is_ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.first_missing + self.beyond.len()
    }

    /// The set with a number that was missing.
    pub(crate) fn with(&self, number: usize) -> Self {
        let mut next = self.clone();
        if number == next.first_missing {
            next.first_missing += 1;
            let joined = next.beyond.iter().zip(next.first_missing..).take_while(|(a, b)| **a == *b).count();
            next.first_missing += joined;
            next.beyond.drain(..joined);
        } else if let Err(at) = next.beyond.binary_search(&number) {
            next.beyond.insert(at, number);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_close_as_their_numbers_come() {
        let mut done = Done::default();
        for (number, first_missing) in [(2, 0), (0, 1), (4, 1), (1, 3), (5, 3), (3, 6)] {
            assert!(!done.contains(number));
            done = done.with(number);
            assert!(done.contains(number));
            assert_eq!(done.first_missing(), first_missing);
        }
        assert_eq!((done.len(), done.beyond.len()), (6, 0));
    }

    #[test]
    fn equal_sets_are_equal_however_they_came_to_be() {
        let of =
            |numbers: [usize; 4]| numbers.iter().fold(Done::default(), |done, number| done.with(*number));
        assert_eq!(of([0, 1, 3, 5]), of([5, 3, 1, 0]));
        assert_ne!(of([0, 1, 3, 5]), of([0, 1, 3, 4]));
    }
}
