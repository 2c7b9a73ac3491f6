//! Identifiers: drawn once, or derived so that a second run repeats them.

use crate::failure::Failure;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// A new random UUID.
pub(crate) fn fresh() -> Result<Uuid, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Failure::NoRandomness)?;
    Ok(Builder::from_random_bytes(bytes).into_uuid())
}

/// The UUID that stands for these parts, the same in every run.
///
/// Version 8, which RFC 9562 leaves to schemes of one's own: version 5 would
/// promise SHA-1.
pub(crate) fn derived(parts: &[&str]) -> Uuid {
    let hash = digest(parts);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// SHA-256 over the parts, each with its length before it: `("ab", "c")` and
/// `("a", "bc")` must not meet.
pub(crate) fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{derived, fresh};

    #[test]
    fn derived_ids_repeat_and_keep_their_parts_apart() {
        assert_eq!(derived(&["a", "b"]), derived(&["a", "b"]));
        assert_ne!(derived(&["ab", "c"]), derived(&["a", "bc"]));
        assert_eq!(derived(&["a"]).get_version_num(), 8);
    }

    #[test]
    fn fresh_ids_differ() {
        let (one, other) = (fresh(), fresh());
        assert_ne!(one.ok(), other.ok());
    }
}
