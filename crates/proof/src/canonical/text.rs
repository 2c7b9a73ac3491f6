//! Strings, integers and hex as RFC 8785 writes them.

use super::{CanonicalError, INTEGER_MAX};

const HEX: [u8; 16] = *b"0123456789abcdef";

/// What a byte of a string becomes: itself, a two-character escape, or `\u00xx`.
const fn escape_of(byte: u8) -> u8 {
    match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        0x00..=0x1f => b'u',
        _ => 0,
    }
}

const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte: u8 = 0;
    loop {
        table[byte as usize] = escape_of(byte);
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

/// A string with its quotes. Only what must be escaped is; everything else is UTF-8 as it stands.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    // Almost all need nothing escaped; all bytes looked at in one go, that is seen many at a time.
    if !bytes.iter().fold(false, |found, &byte| found | (byte < 0x20) | (byte == b'"') | (byte == b'\\')) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    let mut written = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(byte)];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[written..at]);
        out.push(b'\\');
        out.push(escape);
        if escape == b'u' {
            out.extend_from_slice(b"00");
            write_hex(out, &[byte]);
        }
        written = at + 1;
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}

/// Lower-case hex without quotes.
pub(crate) fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

/// An integer, if a double holds it and all its neighbours exactly.
pub(crate) fn write_integer(out: &mut Vec<u8>, value: i64) -> Result<(), CanonicalError> {
    let magnitude = value.unsigned_abs();
    if magnitude > INTEGER_MAX.unsigned_abs() {
        return Err(CanonicalError::IntegerOutOfRange(i128::from(value)));
    }
    if value < 0 {
        out.push(b'-');
    }
    let mut digits = [0; 16];
    let mut start = digits.len();
    let mut rest = magnitude;
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
    Ok(())
}

/// The order of object keys: by UTF-16 code units, which for ASCII is the order of the bytes.
pub(crate) fn key_order(left: &str, right: &str) -> std::cmp::Ordering {
    if left.is_ascii() && right.is_ascii() { left.cmp(right) } else { left.encode_utf16().cmp(right.encode_utf16()) }
}
