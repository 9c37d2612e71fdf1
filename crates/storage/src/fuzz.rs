//! What a node finds on its disk, spoilt: it is told that it is damaged, or it is what was written.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use conclave_fuzz::inputs_of;

use crate::durable_mark::DurableMark;
use crate::identity::Identity;
use crate::member_note::MemberNote;
use crate::{OsDisk, checksum, current, log_rows};

const IDENTITY: Identity = Identity { node_id: 3, cluster_id: 0x0123_4567_89ab_cdef };
/// A key with its row, sealed.
const KEY: &[u8] = b"\x01\0\0\0\0\0\0\0\x07";

/// What is written by `write`, once it is on disk.
fn written(name: &str, write: impl FnOnce(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    fs::read(folder.path().join(name)).unwrap()
}

/// Targets: of a file that was spoilt, in a folder of its own, nothing but what was written is believed.
macro_rules! files {
    ($($name:ident: $file:literal, $write:expr, $read:expr;)*) => {
        $(#[test]
        fn $name() {
            let seed = written($file, $write);
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path();
            inputs_of!([&seed]).for_each(|input| {
                fs::write(root.join($file), &**input).unwrap();
                let is_believed: bool = $read(root);
                assert_eq!(is_believed, **input == *seed);
            });
        })*
    };
}

files! {
    fuzz_identity: "identity",
        |folder: &Path| IDENTITY.write(&OsDisk::new(), &folder.join("identity")).unwrap(),
        |folder: &Path| matches!(Identity::read(&OsDisk::new(), &folder.join("identity")), Ok(Some(_)));
    fuzz_member_note: "member",
        |folder: &Path| note().write(&OsDisk::new(), folder).unwrap(),
        |folder: &Path| matches!(MemberNote::read(&OsDisk::new(), folder), Ok(Some(_)));
    fuzz_durable_mark: "mark",
        |folder: &Path| DurableMark::create(&OsDisk::new(), &folder.join("mark"), 0x0102).unwrap(),
        |folder: &Path| DurableMark::open(&OsDisk::new(), &folder.join("mark")).is_ok();
}

fn note() -> MemberNote {
    MemberNote { instance: 0x0102_0304, joined: true, cluster_name: "shop".into() }
}

/// It has no checksum, so that people can write it: whatever is believed is a number of digits.
#[test]
fn fuzz_current() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    inputs_of!(["12\n", "9223372036854775806\n", "0\n"]).for_each(|input| {
        fs::write(root.join("CURRENT"), &**input).unwrap();
        let Ok(number) = current::read(&OsDisk::new(), root) else { return };
        let digits = input.strip_suffix(b"\n").expect("it ends with a line");
        assert!(digits.iter().all(u8::is_ascii_digit));
        assert!(current::generation_path(root, number).starts_with(root));
    });
}

#[test]
fn fuzz_log_rows() {
    let seeds = [checksum::seal(KEY, &log_rows::purged_value(7, b"mark")), checksum::seal(KEY, b"an entry")];
    inputs_of!(&seeds).for_each(|input| {
        if let Some(value) = checksum::unseal(KEY, input) {
            assert!(seeds.contains(&input.bytes), "damage is not seen");
            drop(log_rows::split_purged(&value));
        }
        drop(log_rows::split_purged(&Bytes::copy_from_slice(input)));
    });
}

#[test]
fn fuzz_keys_of_the_log() {
    inputs_of!([KEY, log_rows::VOTE_ROW]).for_each(|input| {
        if let Some(index) = log_rows::index_of(input) {
            assert_eq!(log_rows::entry_key(index), **input);
        }
    });
}
