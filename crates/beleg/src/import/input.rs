//! A file to import, opened: a byte order mark is passed over, and what is compressed is told apart from a bad line.

use crate::failure::Failure;
use crate::lang::Lang;
use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What UTF-8 files from some editors begin with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The first bytes of compressed files, and what unpacks them.
const COMPRESSED: [(&[u8], &str); 4] = [
    (b"\x28\xb5\x2f\xfd", "zstd -dc"),
    (b"\x1f\x8b", "gzip -dc"),
    (b"\xfd7zXZ\x00", "xz -dc"),
    (b"PK\x03\x04", "unzip -p"),
];

/// An input and its length; 0 where it is not known.
pub(super) struct Input {
    pub(super) bytes: u64,
    pub(super) reader: Box<dyn BufRead + Send>,
}

/// Opens a file, or standard input for `-`.
pub(super) fn open(path: &Path, lang: Lang) -> Result<Input, Failure> {
    let failed = |error| Failure::File { path: path.to_owned(), error };
    let (bytes, mut reader): (u64, Box<dyn BufRead + Send>) = if path.as_os_str() == "-" {
        (0, Box::new(BufReader::new(io::stdin())))
    } else {
        let file = File::open(path).map_err(failed)?;
        (file.metadata().map_err(failed)?.len(), Box::new(BufReader::new(file)))
    };
    let first = reader.fill_buf().map_err(failed)?;
    if let Some((_, unpack)) = COMPRESSED.iter().find(|(magic, _)| first.starts_with(magic)) {
        let place = path.display();
        return Err(Failure::Unmet(lang.pick(
            format!("{place} ist komprimiert.\n  Auspacken: {unpack} {place} | beleg import … -"),
            format!("{place} is compressed.\n  unpack it: {unpack} {place} | beleg import … -"),
        )));
    }
    if first.starts_with(BYTE_ORDER_MARK) {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    Ok(Input { bytes, reader })
}

/// Whether an input is this file, under whatever name: another path, a link, standard input. What is no regular file, as
/// a terminal, loses nothing by being written to.
pub(super) fn is_same_file(path: &Path, other: &Path) -> bool {
    let file = |found: Metadata| found.is_file().then(|| (found.dev(), found.ino()));
    let read = if path.as_os_str() == "-" { standard_input() } else { path.metadata() };
    // What is not there, or cannot be looked at, is told by whoever opens it.
    let (read, written) = (read.ok().and_then(file), other.metadata().ok().and_then(file));
    read.is_some() && read == written
}

fn standard_input() -> io::Result<Metadata> {
    File::from(io::stdin().as_fd().try_clone_to_owned()?).metadata()
}

/// Refuses what is a table, when JSON Lines are wanted: each of its rows would be a bad line of its own.
pub(super) fn expect_json_lines(path: &Path, input: &mut Input, lang: Lang) -> Result<(), Failure> {
    let first = input.reader.fill_buf().map_err(|error| Failure::File { path: path.to_owned(), error })?;
    let line = first.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let heading = String::from_utf8_lossy(line);
    let names = heading.split(',').map(|name| name.trim().trim_matches('"'));
    let plain = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if heading.matches(',').count() < 2 || !names.into_iter().all(plain) {
        return Ok(());
    }
    let place = path.display();
    Err(Failure::Unmet(lang.pick(
        format!("{place} ist eine Tabelle (CSV) und keine JSON-Zeilen.\n  Ein Ereignisprotokoll von ServiceNow: --format servicenow"),
        format!("{place} is a table (CSV), not JSON Lines.\n  an incident event log of ServiceNow: --format servicenow"),
    )))
}
