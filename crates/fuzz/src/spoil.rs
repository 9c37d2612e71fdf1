//! What can be done to bytes: one thing at a time.

use bolero::Driver;

use crate::draw::{below, byte, bytes, one_of, place};

/// Most bytes that one step puts in.
const PIECE_SIZE_BYTES_MAX: usize = 16;
/// Most times that a piece is repeated: deep nesting and long lists come of it.
const REPEATED_MAX: usize = 200;

/// Bytes at which readers go wrong: ends and signs of numbers, lengths beyond what follows, marks of text.
const TELLING: &[&[u8]] = &[
    b"\x00",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\x00\x00\x00\x00\x00\x00\x00\x00",
    b"-",
    b"0",
    b"-1",
    b"9223372036854775808",
    b"18446744073709551615",
    b"1e999",
    b"/",
    b"//",
    b"..",
    b"\\",
    b"\"",
    b"'",
    b"\n",
    b"\r\n",
    b"\t",
    b"{",
    b"[",
    b"<",
    b"&",
    b"*",
    b"=",
    b":",
    b",",
    b"#",
    b"${",
    b"{{",
    b"\xef\xbb\xbf",
    b"\xc3",
    b"\xc3\xa9",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
];

/// Does one thing to the bytes; `others` are what pieces may be taken from.
pub(crate) fn spoil<D: Driver>(driver: &mut D, input: &mut Vec<u8>, others: &[Vec<u8>]) -> Option<()> {
    match below(driver, 8)? {
        0 => flip(driver, input)?,
        1 => overwrite(driver, input)?,
        2 => put_in(driver, input)?,
        3 => take_out(driver, input)?,
        4 => input.truncate(place(driver, input.len())?),
        5 => repeat(driver, input)?,
        6 => count_up_or_down(driver, input)?,
        _ => splice(driver, input, others)?,
    }
    Some(())
}

fn flip<D: Driver>(driver: &mut D, input: &mut [u8]) -> Option<()> {
    if !input.is_empty() {
        let place = below(driver, input.len())?;
        input[place] ^= 1 << below(driver, 8)?;
    }
    Some(())
}

fn overwrite<D: Driver>(driver: &mut D, input: &mut Vec<u8>) -> Option<()> {
    let (start, piece) = (place(driver, input.len())?, piece(driver)?);
    let end = input.len().min(start + piece.len());
    input.splice(start..end, piece);
    Some(())
}

fn put_in<D: Driver>(driver: &mut D, input: &mut Vec<u8>) -> Option<()> {
    let (start, piece) = (place(driver, input.len())?, piece(driver)?);
    input.splice(start..start, piece);
    Some(())
}

fn take_out<D: Driver>(driver: &mut D, input: &mut Vec<u8>) -> Option<()> {
    let (start, end) = range(driver, input.len())?;
    input.drain(start..end);
    Some(())
}

fn repeat<D: Driver>(driver: &mut D, input: &mut Vec<u8>) -> Option<()> {
    let (start, end) = range(driver, input.len())?;
    let end = end.min(start + PIECE_SIZE_BYTES_MAX);
    let repeated = input[start..end].repeat(place(driver, REPEATED_MAX)?);
    input.splice(start..start, repeated);
    Some(())
}

/// A number or a length that is off by a little.
fn count_up_or_down<D: Driver>(driver: &mut D, input: &mut [u8]) -> Option<()> {
    if !input.is_empty() {
        let place = below(driver, input.len())?;
        input[place] = input[place].wrapping_add(*one_of(driver, &[&1, &2, &0x80, &0xfe, &0xff])?);
    }
    Some(())
}

/// The beginning of this and the end of another.
fn splice<D: Driver>(driver: &mut D, input: &mut Vec<u8>, others: &[Vec<u8>]) -> Option<()> {
    let other = &others[below(driver, others.len())?];
    let (start, from) = (place(driver, input.len())?, place(driver, other.len())?);
    input.truncate(start);
    input.extend_from_slice(&other[from..]);
    Some(())
}

fn piece<D: Driver>(driver: &mut D) -> Option<Vec<u8>> {
    match below(driver, 4)? {
        0 => bytes(driver, PIECE_SIZE_BYTES_MAX),
        1 => byte(driver).map(|byte| vec![byte]),
        _ => one_of(driver, TELLING).map(<[u8]>::to_vec),
    }
}

/// Where a piece begins and ends.
fn range<D: Driver>(driver: &mut D, length: usize) -> Option<(usize, usize)> {
    let (one, other) = (place(driver, length)?, place(driver, length)?);
    Some((one.min(other), one.max(other)))
}
