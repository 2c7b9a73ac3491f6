//! Pages: bounded in rows and bytes, with opaque tokens that only fit the query they
//! were given for.

use beleg_domain::refusal::Refusal;
use beleg_store::StoredEvent;
use sha2::{Digest, Sha256};

/// Rows of a page when the caller does not say.
const SIZE_DEFAULT: usize = 100;
/// The most rows of a page.
const SIZE_MAX: usize = 1_000;
/// Bytes after which a page ends. Clients take 4 MiB unless
/// they are told otherwise, and one event more may still come.
pub(crate) const PAGE_BYTES: usize = 1024 * 1024;
/// What an event's ids, names and instants take in a message, about.
const EVENT_BYTES: usize = 512;
/// The longest cursor a token may hold.
const CURSOR_BYTES_MAX: usize = 1_024;

/// Which page is wanted.
pub(crate) struct Page {
    pub(crate) size: usize,
    /// Where the last page ended; none for the first.
    pub(crate) after: Option<String>,
    filter: [u8; 8],
}

impl Page {
    /// Reads the page that a query of a method asks for; `filter` is all of the query
    /// but size and token.
    pub(crate) fn read(rpc: &str, size: i32, token: &str, filter: &[u8]) -> Result<Self, Refusal> {
        let size = match usize::try_from(size) {
            Ok(0) => SIZE_DEFAULT,
            Ok(size) => size.min(SIZE_MAX),
            Err(_) => return Err(Refusal::malformed("page_size", "page_size is negative")),
        };
        let hash = Sha256::new().chain_update(rpc).chain_update([0]).chain_update(filter).finalize();
        let mut filter = [0; 8];
        filter.copy_from_slice(&hash[..8]);
        let after = if token.is_empty() { None } else { Some(open(token, filter)?) };
        Ok(Self { size, after, filter })
    }

    /// The cursor as a number.
    pub(crate) fn after_number(&self) -> Result<i64, Refusal> {
        let Some(after) = &self.after else { return Ok(0) };
        after.parse().map_err(|_| wrong_token())
    }

    /// The token of the page that begins after a cursor.
    pub(crate) fn token(&self, cursor: impl std::fmt::Display) -> String {
        format!("{}{}", hex::encode(self.filter), hex::encode(cursor.to_string()))
    }
}

fn open(token: &str, filter: [u8; 8]) -> Result<String, Refusal> {
    if token.len() > 2 * CURSOR_BYTES_MAX {
        return Err(wrong_token());
    }
    let bytes = hex::decode(token).map_err(|_| wrong_token())?;
    let Some((head, cursor)) = bytes.split_at_checked(filter.len()) else { return Err(wrong_token()) };
    if head != filter {
        return Err(Refusal::malformed(
            "page_token",
            "the page token belongs to another query: repeat the query it was given for",
        ));
    }
    String::from_utf8(cursor.to_vec()).map_err(|_| wrong_token())
}

/// What an event takes in a message, about.
pub(crate) fn event_bytes(event: &StoredEvent) -> usize {
    let texts: usize = event.personal.iter().filter_map(|field| field.bytes()).map(<[u8]>::len).sum();
    EVENT_BYTES + event.payload.len() + texts
}

pub(crate) fn wrong_token() -> Refusal {
    Refusal::malformed("page_token", "the page token is none of this service: begin without one")
}
