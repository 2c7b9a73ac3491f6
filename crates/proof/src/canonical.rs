//! Canonical JSON after RFC 8785: one value, one sequence of bytes.
//!
//! RFC 8785 numbers are doubles. What no double holds exactly, or holds in more than one notation, has no place in
//! bytes that are hashed: fractions and integers outside ±(2^53 − 1) are refused, not rounded. Money is integer minor
//! units, time is integer microseconds or text, so nothing is lost.
//!
//! Values are written straight into one buffer. An object whose members arrive in canonical order, as those of a
//! derived struct with sorted fields do, is never touched again; any other is put in order when it ends.

mod assemble;
mod serializer;
pub(crate) mod text;

use serde::Serialize;
use thiserror::Error;

/// The largest magnitude of an integer: 2^53 − 1.
pub const INTEGER_MAX: i64 = 9_007_199_254_740_991;

/// Why a value has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CanonicalError {
    /// A fraction, or a whole number of a fractional type.
    #[error("fractional numbers have no place in canonical JSON here")]
    Fraction,
    /// An integer that a double may not hold exactly.
    #[error("integer {0} is outside ±(2^53 − 1)")]
    IntegerOutOfRange(i128),
    /// One object with the same key twice.
    #[error("object key {0:?} occurs twice")]
    DuplicateKey(String),
    /// An object key that is neither text, integer nor boolean.
    #[error("an object key must be text")]
    KeyIsNotText,
    /// Raw or arbitrary-precision JSON: it would get past the checks above.
    #[error("raw JSON has no canonical form")]
    Raw,
    /// The value's own serialisation failed.
    #[error("{0}")]
    Serialize(String),
}

impl serde::ser::Error for CanonicalError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Serialize(message.to_string())
    }
}

/// The canonical bytes of a value.
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut json = assemble::Json::new();
    value.serialize(serializer::ValueSerializer(&mut json))?;
    Ok(json.into_bytes())
}

#[cfg(test)]
mod tests;
