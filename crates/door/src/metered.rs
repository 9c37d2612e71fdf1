//! A buffer that counts how often it is read, and after too many reads holds nothing that could be decoded.
//!
//! What a message costs in memory does not follow from its size: an empty element of a list takes two bytes
//! on the wire and more than a hundred decoded. It follows from how many fields there are, on all levels, and
//! only who knows the schema can count those: to others a nested message is like any other bytes. The decoder
//! knows it, and comes here for each field: once for its key, once or twice for what follows.

use prost::bytes::{Buf, Bytes};

/// What is found after too many reads. No key, length or number begins so, so that decoding fails.
const UNDECODABLE: &[u8] = &[0xff; 16];

/// A buffer whose reads are counted.
#[derive(Debug)]
pub(crate) struct Metered<B> {
    inner: B,
    reads: usize,
    reads_max: usize,
}

impl<B> Metered<B> {
    /// Lets so many reads pass.
    pub(crate) fn new(inner: B, reads_max: usize) -> Self {
        Self { inner, reads: 0, reads_max }
    }

    /// Whether there were more reads. What was decoded is not what was sent then, even if it seems whole.
    pub(crate) fn is_over(&self) -> bool {
        self.reads > self.reads_max
    }
}

impl<B: Buf> Buf for Metered<B> {
    fn remaining(&self) -> usize {
        self.inner.remaining()
    }

    fn chunk(&self) -> &[u8] {
        if self.is_over() {
            &UNDECODABLE[..UNDECODABLE.len().min(self.remaining())]
        } else {
            self.inner.chunk()
        }
    }

    fn advance(&mut self, size_bytes: usize) {
        self.reads += 1;
        self.inner.advance(size_bytes);
    }

    /// Shares the bytes where the buffer within can.
    fn copy_to_bytes(&mut self, size_bytes: usize) -> Bytes {
        self.reads += 1;
        self.inner.copy_to_bytes(size_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message;

    use super::*;

    /// As in a commit: lists within lists, and a value of any bytes.
    #[derive(Clone, PartialEq, Message)]
    struct Tree {
        #[prost(message, repeated, tag = "1")]
        children: Vec<Tree>,
        #[prost(bytes = "bytes", tag = "2")]
        value: Bytes,
        #[prost(btree_map = "string, string", tag = "3")]
        labels: BTreeMap<String, String>,
        #[prost(uint64, optional, tag = "4")]
        number: Option<u64>,
    }

    /// Decodes with at most so many reads; also how many there were, and how many bytes were left over.
    fn decode(wire: &[u8], reads_max: usize) -> (Option<Tree>, usize, usize) {
        let mut metered = Metered::new(wire, reads_max);
        let decoded = Tree::decode(&mut metered).ok().filter(|_| !metered.is_over());
        (decoded, metered.reads, metered.remaining())
    }

    fn tree() -> Tree {
        let labels: BTreeMap<_, _> = (0..16).map(|n| (format!("label {n}"), "x".repeat(200))).collect();
        let leaf =
            Tree { value: vec![0x0a; 3_000].into(), labels, number: Some(u64::MAX), ..Tree::default() };
        Tree { children: vec![leaf.clone(), Tree::default(), leaf], number: Some(0), ..Tree::default() }
    }

    #[test]
    fn a_message_takes_two_or_three_reads_a_field_and_is_whole() {
        let (decoded, reads, left) = decode(&tree().encode_to_vec(), usize::MAX);
        assert_eq!((decoded, left), (Some(tree()), 0));
        // A leaf: a value, a number, and 16 labels of three fields each.
        let leaf = 3 + 2 + 16 * (2 + 3 + 3);
        assert_eq!(reads, (2 + leaf) + 2 + (2 + leaf) + 2);
    }

    #[test]
    fn wherever_the_reads_end_decoding_fails_and_goes_no_further() {
        let wire = tree().encode_to_vec();
        let (_, reads, _) = decode(&wire, usize::MAX);
        assert_eq!(decode(&wire, reads).0, Some(tree()), "as many as it takes");
        for reads_max in 0..reads {
            assert_eq!(decode(&wire, reads_max).0, None, "after {reads_max} reads");
        }
    }

    #[test]
    fn empty_elements_are_decoded_only_as_far_as_the_reads_go() {
        let wire = [0x0a, 0x00].repeat(4 << 20);
        let (decoded, _, left) = decode(&wire, 1_000);
        assert_eq!(decoded, None);
        let elements = (wire.len() - left) / 2;
        assert!((400..=520).contains(&elements), "{elements} elements were decoded");
    }

    #[test]
    fn one_large_value_is_one_field() {
        let large = Tree { value: [0x0a, 0x00].repeat(4 << 20).into(), ..Tree::default() };
        assert_eq!(decode(&large.encode_to_vec(), 3).0, Some(large));
    }
}
