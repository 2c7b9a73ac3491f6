//! Choices that follow from a seed.

use std::time::Duration;

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Those of a round, or of a caller in it: what one of them throws moves no other's.
    pub(crate) fn of(seed: u64, round: u32, who: u32) -> Self {
        let mut dice = Self(seed ^ (u64::from(round) << 32) ^ u64::from(who));
        // Neighbours become strangers.
        Self(dice.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// Once in so many times.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A time between two bounds.
    pub(crate) fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_micros(1_000 * from + self.next() % (1_000 * (to - from)))
    }

    pub(crate) async fn pause(&mut self, from_millis: u64, to_millis: u64) {
        tokio::time::sleep(self.millis(from_millis, to_millis)).await;
    }
}
