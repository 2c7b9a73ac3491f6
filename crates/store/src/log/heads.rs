//! What is known of the streams that were used last: a bounded memory that saves a look-up per command.

use std::collections::HashMap;
use std::sync::Arc;

/// A stream's number and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamHead {
    pub(crate) stream_id: i64,
    pub(crate) version: i64,
}

/// Two generations of equal size: what is put moves to the young one, and when that is full the old one is dropped.
/// So at least the last `capacity` streams are remembered, without a list to keep in order.
#[derive(Debug)]
pub(crate) struct Remembered<V> {
    capacity: usize,
    young: HashMap<Arc<str>, V>,
    old: HashMap<Arc<str>, V>,
}

/// Where streams are.
pub(crate) type StreamHeads = Remembered<StreamHead>;

impl<V: Copy> Remembered<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, young: HashMap::new(), old: HashMap::new() }
    }

    pub(crate) fn get(&self, stream: &str) -> Option<V> {
        self.young.get(stream).or_else(|| self.old.get(stream)).copied()
    }

    /// Remembers what is committed. What is only about to be has no place here.
    pub(crate) fn put(&mut self, stream: Arc<str>, value: V) {
        if self.young.len() >= self.capacity {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(stream, value);
    }

    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_at_least_its_capacity_and_at_most_twice_as_many() {
        let mut heads = StreamHeads::new(4);
        for version in 0..100 {
            heads.put(version.to_string().into(), StreamHead { stream_id: version, version });
            for recent in (version - 3).max(0)..=version {
                assert_eq!(heads.get(&recent.to_string()).unwrap().version, recent);
            }
            assert!(heads.young.len() + heads.old.len() <= 8);
        }
        heads.clear();
        assert_eq!(heads.get("99"), None);
    }

    #[test]
    fn a_newer_version_hides_the_older_one() {
        let mut heads = StreamHeads::new(1);
        for version in 1..=3 {
            heads.put("a".into(), StreamHead { stream_id: 1, version });
            assert_eq!(heads.get("a").unwrap().version, version);
        }
    }
}
