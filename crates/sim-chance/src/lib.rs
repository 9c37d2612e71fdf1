//! The system's source of chance, replaced by a seed.
//!
//! Whoever wants chance in a Rust program asks the C library's `getrandom`: the standard library for the keys of its
//! hash maps, `rand` for its generators, tokio for the order in which `select!` looks. A program that links this crate
//! has another `getrandom`: in a thread that has called [`seed_this_thread`], what it gives follows from the seed; in
//! every other thread it asks the system, as before. Nobody who asks needs to know.
//!
//! Some look the function up by name, so the program must show it to the dynamic linker: its build script says
//! `cargo::rustc-link-arg-bins=-Wl,--export-dynamic-symbol=getrandom`.

use std::cell::Cell;
use std::ffi::{c_uint, c_void};
use std::hint::black_box;

thread_local! {
    static STATE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From now on chance in this thread follows from `seed`.
pub fn seed_this_thread(seed: u64) {
    // Keeps the linker from leaving the function out: nobody else names it.
    black_box::<unsafe extern "C" fn(*mut c_void, usize, c_uint) -> isize>(getrandom);
    STATE.set(Some(seed));
}

/// The next number of this thread's chance; none if it was not seeded.
fn next() -> Option<u64> {
    let state = STATE.get()?.wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(Some(state));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    Some(mixed ^ (mixed >> 31))
}

/// In place of the C library's function of that name.
///
/// # Safety
/// `buffer` points to `size` bytes that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, size: usize, flags: c_uint) -> isize {
    if STATE.get().is_none() {
        // SAFETY: the caller's promise is that of the system call.
        let given = unsafe { libc::syscall(libc::SYS_getrandom, buffer, size, flags) };
        return given.try_into().unwrap_or(-1);
    }
    // The standard library's own checks may ask for nothing, at no address.
    if size == 0 {
        return 0;
    }
    // SAFETY: the caller promises that these bytes may be written, and nobody else has them meanwhile.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), size) };
    for chunk in bytes.chunks_mut(8) {
        let drawn = next().unwrap_or_default().to_le_bytes();
        chunk.copy_from_slice(&drawn[..chunk.len()]);
    }
    size.try_into().unwrap_or(isize::MAX)
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};
    use std::thread;

    use super::*;

    fn drawn_in_a_thread(seed: Option<u64>) -> u64 {
        thread::spawn(move || {
            seed.into_iter().for_each(seed_this_thread);
            RandomState::new().hash_one("key")
        })
        .join()
        .unwrap()
    }

    #[test]
    fn hash_keys_follow_from_the_seed_of_their_thread() {
        assert_eq!(drawn_in_a_thread(Some(7)), drawn_in_a_thread(Some(7)));
        assert_ne!(drawn_in_a_thread(Some(7)), drawn_in_a_thread(Some(8)));
        assert_ne!(drawn_in_a_thread(None), drawn_in_a_thread(None));
    }
}
