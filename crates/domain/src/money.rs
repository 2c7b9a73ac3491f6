//! Money in integer minor units, net of VAT.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::refusal::Refusal;

/// The most minor units one rate, limit or quote may name: enough for any invoice,
/// small enough that no sum or product here can overflow.
pub const AMOUNT_MINOR_MAX: i64 = 100_000_000_000;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Parses an ISO 4217 code in capitals.
    pub fn parse(field: &'static str, code: &str) -> Result<Self, Refusal> {
        Self::known(code).ok_or_else(|| {
            Refusal::malformed(field, format!("{field} is not an ISO 4217 code such as EUR: {code:.20?}"))
        })
    }

    fn known(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(code)?;
        code.as_bytes().try_into().ok().map(Self)
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        // Only known codes are ever held, and these are ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::known(&code).ok_or_else(|| de::Error::custom("not a currency"))
    }
}

/// An amount between 1 minor unit and the bound.
pub fn positive_amount(field: &'static str, amount_minor: i64) -> Result<i64, Refusal> {
    if (1..=AMOUNT_MINOR_MAX).contains(&amount_minor) {
        return Ok(amount_minor);
    }
    Err(Refusal::malformed(
        field,
        format!("{field} must be between 1 and {AMOUNT_MINOR_MAX} minor units, not {amount_minor}"),
    ))
}

/// `seconds × rate ÷ 3600`, exact, then rounded half away from zero. Neither
/// factor is ever negative here.
pub fn amount_minor(seconds: i64, hourly_rate_minor: i64) -> i64 {
    let exact = i128::from(seconds) * i128::from(hourly_rate_minor);
    i64::try_from((exact + 1_800).div_euclid(3_600)).unwrap_or(i64::MAX)
}

/// The most whole seconds whose exact price stays within `remaining_minor`.
pub fn seconds_within(remaining_minor: i64, hourly_rate_minor: i64) -> i64 {
    if hourly_rate_minor == 0 {
        return i64::MAX;
    }
    let seconds = i128::from(remaining_minor.max(0)) * 3_600 / i128::from(hourly_rate_minor);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_a_minor_unit_rounds_away_from_zero() {
        assert_eq!(amount_minor(1, 1_800), 1);
        assert_eq!(amount_minor(1, 1_799), 0);
        assert_eq!(amount_minor(6_000, 12_000), 20_000);
    }

    proptest! {
        #[test]
        fn what_fits_a_limit_is_never_priced_above_it(
            limit in 0..AMOUNT_MINOR_MAX, rate in 1..1_000_000_i64,
        ) {
            let n = seconds_within(limit, rate);
            prop_assert!(amount_minor(n, rate) <= limit);
            prop_assert!(i128::from(n + 1) * i128::from(rate) > i128::from(limit) * 3_600);
        }
    }
}
