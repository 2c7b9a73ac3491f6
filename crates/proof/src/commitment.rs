//! SHA-256, and the salted commitments that bind personal fields to an event without revealing them.

use sha2::{Digest, Sha256};

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256(salt ‖ bytes).
///
/// Without the salt nobody can confirm a guess at the bytes, so erasing salt and bytes together erases them for good
/// while everything that was hashed over the commitment still holds.
pub fn commit(salt: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update(bytes);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_is_the_hash_of_salt_and_bytes_in_that_order() {
        let salt = [7; 32];
        assert_eq!(commit(&salt, b"Frau Muster"), sha256(&[salt.as_slice(), b"Frau Muster"].concat()));
        assert_ne!(commit(&salt, b"Frau Muster"), commit(&[8; 32], b"Frau Muster"));
    }
}
