//! Numbers and bytes from what drives a target: chance, or the bytes that libFuzzer has chosen.

use std::ops::Bound;

use bolero::Driver;

/// A number below `end`, which is not 0.
pub(crate) fn below<D: Driver>(driver: &mut D, end: usize) -> Option<usize> {
    driver.gen_usize(Bound::Included(&0), Bound::Excluded(&end))
}

/// A place in bytes of this length, the end among them.
pub(crate) fn place<D: Driver>(driver: &mut D, length: usize) -> Option<usize> {
    below(driver, length + 1)
}

/// One of several.
pub(crate) fn one_of<'a, T: ?Sized, D: Driver>(driver: &mut D, choices: &[&'a T]) -> Option<&'a T> {
    below(driver, choices.len()).map(|number| choices[number])
}

pub(crate) fn byte<D: Driver>(driver: &mut D) -> Option<u8> {
    driver.gen_u8(Bound::Unbounded, Bound::Unbounded)
}

/// At most `max` bytes of any kind.
pub(crate) fn bytes<D: Driver>(driver: &mut D, max: usize) -> Option<Vec<u8>> {
    let length = place(driver, max)?;
    (0..length).map(|_| byte(driver)).collect()
}
