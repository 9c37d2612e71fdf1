//! Keys and values of the load, by chance, without any memory made for them.

use bytes::Bytes;

/// So many bytes by chance that all values are parts of.
const POOL_SIZE_BYTES: usize = 1 << 20;

/// Which keys there are, and how large values are.
#[derive(Debug, Clone)]
pub(crate) struct Material {
    pub(crate) keys: u64,
    pub(crate) value_size_bytes: usize,
    pool: Bytes,
}

impl Material {
    pub(crate) fn new(keys: u64, value_size_bytes: usize) -> Self {
        let mut dice = Dice::new(1);
        let words = (POOL_SIZE_BYTES + value_size_bytes) / 8 + 1;
        let pool: Vec<u8> = (0..words).flat_map(|_| dice.word().to_le_bytes()).collect();
        Self { keys, value_size_bytes, pool: pool.into() }
    }

    /// A key by its number.
    pub(crate) fn key(number: u64) -> Vec<u8> {
        format!("bench/{number:010}").into_bytes()
    }

    /// Any of the keys.
    pub(crate) fn any_key(&self, dice: &mut Dice) -> Vec<u8> {
        Self::key(dice.below(self.keys))
    }

    /// A value that cannot be compressed.
    pub(crate) fn value(&self, dice: &mut Dice) -> Bytes {
        let from = usize::try_from(dice.below(POOL_SIZE_BYTES as u64)).expect("the pool fits into memory");
        self.pool.slice(from..from + self.value_size_bytes)
    }
}

/// Chance that costs nothing: Marsaglia's xorshift.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Less than `limit`, which is far below 2^64.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        (self.word() >> 8) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_range_and_values_differ() {
        let (material, mut dice) = (Material::new(3, 256), Dice::new(7));
        let keys: std::collections::BTreeSet<_> = (0..100).map(|_| material.any_key(&mut dice)).collect();
        assert_eq!(keys, (0..3).map(Material::key).collect());
        let (a, b) = (material.value(&mut dice), material.value(&mut dice));
        assert!(a.len() == 256 && b.len() == 256 && a != b);
    }
}
