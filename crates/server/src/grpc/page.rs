//! Pages: bounded, with opaque tokens that only fit the query they were given for.

use beleg_domain::refusal::Refusal;
use sha2::{Digest, Sha256};

/// Rows of a page when the caller does not say.
const SIZE_DEFAULT: usize = 100;
/// The most rows of a page.
const SIZE_MAX: usize = 1_000;
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
    /// Reads the page a query asks for; `filter` is all of the query but size and
    /// token.
    pub(crate) fn read(size: i32, token: &str, filter: &[u8]) -> Result<Self, Refusal> {
        let size = match usize::try_from(size) {
            Ok(0) => SIZE_DEFAULT,
            Ok(size) => size.min(SIZE_MAX),
            Err(_) => return Err(Refusal::malformed("page_size", "page_size is negative")),
        };
        let hash = Sha256::digest(filter);
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

pub(crate) fn wrong_token() -> Refusal {
    Refusal::malformed("page_token", "the page token is none of this service: begin without one")
}
