//! Chance that falls the same way in every run.

use crate::ids;

/// Rolls decided by a hash of what is being decided.
pub(super) struct Dice<'a>(pub(super) &'a str);

impl Dice<'_> {
    /// A number below `sides`, for the `nth` decision about `what`.
    pub(super) fn roll(&self, what: &str, nth: u64, sides: u32) -> u32 {
        let hash = ids::digest(&["dice", self.0, what, &nth.to_string()]);
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&hash[..4]);
        u32::from_be_bytes(bytes) % sides.max(1)
    }

    /// Whether something happens that does so `percent` times in a hundred.
    pub(super) fn happens(&self, what: &str, nth: u64, percent: u32) -> bool {
        self.roll(what, nth, 100) < percent
    }

    /// A number from `least` to `most`.
    pub(super) fn between(&self, what: &str, nth: u64, least: u32, most: u32) -> i64 {
        i64::from(least + self.roll(what, nth, most.saturating_sub(least) + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn dice_fall_the_same_way_again() {
        let dice = Dice("INC0000045");
        assert_eq!(dice.roll("x", 1, 1_000_000), Dice("INC0000045").roll("x", 1, 1_000_000));
        assert_ne!(dice.roll("x", 1, 1_000_000), dice.roll("x", 2, 1_000_000));
        assert!((0..200).all(|nth| (5..=9).contains(&dice.between("y", nth, 5, 9))));
    }
}
