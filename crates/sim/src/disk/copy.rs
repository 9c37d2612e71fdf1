//! A checkpoint as files: the rows in several of them, and MANIFEST, which tells which these are.
//!
//! MANIFEST is text: what it is, the mark, a line for each file of rows with its size and checksum, and a checksum over
//! all that. A file of rows has one after the other, key and value each after its size.

use std::fmt::Write as _;

use bytes::Bytes;
use conclave_mvcc::WriteSet;
use xxhash_rust::xxh3::xxh3_64;

use super::state::Version;

pub(super) const MANIFEST: &str = "MANIFEST";
/// What the names of the files of rows begin with.
pub(super) const ROWS: &str = "rows-";
const TITLE: &str = "a state of the simulation, 1";
/// A file of rows ends when it has come to this size.
const FILE_SIZE_BYTES: usize = 64 * 1024;

/// The files, by name.
pub(super) fn write(version: &Version) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for (key, value) in version.rows.iter() {
        if files.last().is_none_or(|(_, bytes)| bytes.len() >= FILE_SIZE_BYTES) {
            files.push((format!("{ROWS}{:06}", files.len() + 1), Vec::new()));
        }
        let (_, bytes) = files.last_mut().expect("one was begun");
        put(bytes, key);
        put(bytes, value);
    }
    let manifest = write_manifest(version.mark.as_ref(), &files);
    files.push((MANIFEST.to_owned(), manifest.into_bytes()));
    files
}

/// What the files hold, which `read` gives by name.
///
/// # Errors
/// If one is missing or not as it was written.
pub(super) fn read(read: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Version, String> {
    let manifest = read(MANIFEST).ok_or("it has no manifest")?;
    let (mark, files) = read_manifest(&manifest).ok_or("its manifest is not as it was written")?;
    let mut rows = WriteSet::default();
    for (name, told) in files {
        let bytes = read(&name).ok_or_else(|| format!("{name} is missing"))?;
        let is_whole = told == file_line(&name, &bytes) && read_rows(&bytes, &mut rows).is_some();
        is_whole.then_some(()).ok_or_else(|| format!("{name} is not as it was written"))?;
    }
    let mut version = Version { mark, ..Version::default() };
    std::sync::Arc::make_mut(&mut version.rows).write(&rows);
    Ok(version)
}

fn write_manifest(mark: Option<&Bytes>, files: &[(String, Vec<u8>)]) -> String {
    let mut text = format!("{TITLE}\nmark {}\n", mark.map_or("none".to_owned(), |mark| hex(mark)));
    for (name, bytes) in files {
        text.push_str(&file_line(name, bytes));
        text.push('\n');
    }
    let checksum = xxh3_64(text.as_bytes());
    let _ = writeln!(text, "{checksum:016x}");
    text
}

/// The mark, and each file's name with its line.
type Manifest = (Option<Bytes>, Vec<(String, String)>);

fn read_manifest(bytes: &[u8]) -> Option<Manifest> {
    let text = str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let (told, checksum) = text.split_at(text.rfind('\n')? + 1);
    if format!("{:016x}", xxh3_64(told.as_bytes())) != checksum {
        return None;
    }
    let mut lines = told.lines();
    if lines.next()? != TITLE {
        return None;
    }
    let mark = match lines.next()?.strip_prefix("mark ")? {
        "none" => None,
        digits => Some(unhex(digits)?),
    };
    let files = lines.map(|line| Some((line.split(' ').next()?.to_owned(), line.to_owned())));
    Some((mark, files.collect::<Option<_>>()?))
}

fn file_line(name: &str, bytes: &[u8]) -> String {
    format!("{name} {} {:016x}", bytes.len(), xxh3_64(bytes))
}

fn put(file: &mut Vec<u8>, bytes: &[u8]) {
    let size = u32::try_from(bytes.len()).expect("keys and values are far smaller");
    file.extend_from_slice(&size.to_be_bytes());
    file.extend_from_slice(bytes);
}

fn take<'a>(file: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (size, rest) = file.split_first_chunk::<4>()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*size).try_into().ok()?)?;
    *file = rest;
    Some(bytes)
}

fn read_rows(mut file: &[u8], rows: &mut WriteSet) -> Option<()> {
    while !file.is_empty() {
        let key = Bytes::copy_from_slice(take(&mut file)?);
        rows.put(key, Bytes::copy_from_slice(take(&mut file)?));
    }
    Some(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Bytes> {
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    text.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_every_damage_is_found() {
        let mut rows = WriteSet::default();
        for number in 0..300_u32 {
            rows.put(format!("key-{number:03}").into(), vec![7; 500].into());
        }
        let mut version = Version { mark: Some("mark".into()), ..Version::default() };
        Arc::make_mut(&mut version.rows).write(&rows);
        let files: BTreeMap<_, _> = write(&version).into_iter().collect();
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            ["MANIFEST", "rows-000001", "rows-000002", "rows-000003"]
        );
        assert_eq!(read(|name| files.get(name).cloned()).unwrap(), version);
        for damaged in files.keys() {
            assert!(read(|name| files.get(name).filter(|_| name != damaged).cloned()).is_err());
            for at in (0..files[damaged].len()).step_by(97) {
                let mut files = files.clone();
                files.get_mut(damaged).unwrap()[at] ^= 0x10;
                assert!(read(|name| files.get(name).cloned()).is_err(), "byte {at} of {damaged}");
            }
        }
    }

    #[test]
    fn an_empty_state_has_files_too() {
        let files: BTreeMap<_, _> = write(&Version::default()).into_iter().collect();
        assert_eq!(read(|name| files.get(name).cloned()), Ok(Version::default()));
    }
}
