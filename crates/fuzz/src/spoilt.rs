//! Inputs made of seeds.

use bolero::Driver;
use bolero::generator::bolero_generator::ValueGenerator;

use crate::draw::below;
use crate::input::Input;
use crate::spoil::spoil;

/// Most things that are done to one seed. Few: what is wrong in one place only gets furthest.
const STEPS_MAX: usize = 6;

/// Draws inputs: one of the seeds, and what was done to it. Now and then nothing was.
pub struct Spoilt {
    seeds: Vec<Vec<u8>>,
}

impl Spoilt {
    /// Inputs made of these seeds, of which there is one at least.
    pub fn of<S: AsRef<[u8]>>(seeds: impl IntoIterator<Item = S>) -> Self {
        let seeds: Vec<_> = seeds.into_iter().map(|seed| seed.as_ref().to_vec()).collect();
        assert!(!seeds.is_empty(), "an input is made of something");
        Self { seeds }
    }
}

impl ValueGenerator for Spoilt {
    type Output = Input;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<Input> {
        let seed = below(driver, self.seeds.len())?;
        let mut bytes = self.seeds[seed].clone();
        for _ in 0..below(driver, STEPS_MAX + 1)? {
            spoil(driver, &mut bytes, &self.seeds)?;
        }
        Some(Input { seed, bytes })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::panic::AssertUnwindSafe;

    #[test]
    fn seeds_come_whole_cut_long_and_mixed() {
        let seen = AssertUnwindSafe(RefCell::new(BTreeSet::new()));
        crate::inputs_of!(["abcd", "12345678"]).for_each(|input| {
            let seen: &RefCell<_> = &seen;
            seen.borrow_mut().insert(input.bytes.clone());
        });
        let seen = seen.borrow();
        let some = |is_so: fn(&[u8]) -> bool| seen.iter().any(|input| is_so(input));
        assert!(some(|input| input == b"abcd"));
        assert!(some(|input| input == b"ab"));
        assert!(some(|input| input.len() > 100));
        assert!(some(|input| input.starts_with(b"ab") && input.ends_with(b"78")));
    }
}
