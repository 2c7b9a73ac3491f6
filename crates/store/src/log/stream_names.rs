//! The names of streams by their numbers. A stream keeps both for ever, so what was read once stays true, and an event's
//! row need not be joined to its stream's: that would be one more search per event, for a name that most of them share.
//! A database that is set back to an earlier moment needs its servers started anew.

use std::collections::HashMap;
use std::sync::Arc;

use quick_cache::sync::Cache;

use super::{ReadError, StoredEvent};
use crate::damage::Damage;

/// Names that are kept, about 2 MiB of them.
const KEPT: usize = 16_384;

/// The names that were needed last.
#[derive(Debug)]
pub(crate) struct StreamNames(Cache<i64, Arc<str>>);

/// Events whose streams' names are to be looked up, with the streams' numbers.
pub(crate) struct Nameless<'e>(Vec<(&'e mut StoredEvent, i64)>);

impl StreamNames {
    pub(crate) fn new() -> Self {
        Self(Cache::new(KEPT))
    }

    /// Names the events, as far as their streams' names are kept; a stream's number is where its event is.
    pub(crate) fn name<'e>(&self, events: &'e mut [StoredEvent], stream_ids: &[i64]) -> Nameless<'e> {
        let mut nameless = Vec::new();
        for (event, id) in events.iter_mut().zip(stream_ids) {
            match self.0.get(id) {
                Some(name) => event.stream = name,
                None => nameless.push((event, *id)),
            }
        }
        Nameless(nameless)
    }

    /// Names the others by what was found, and keeps it.
    pub(crate) fn learn(&self, nameless: Nameless<'_>, found: HashMap<i64, Arc<str>>) -> Result<(), ReadError> {
        for (event, id) in nameless.0 {
            let position = event.position;
            let name = found.get(&id).ok_or(ReadError::Corrupt { damage: Damage::Stream { position } })?;
            event.stream = Arc::clone(name);
        }
        for (id, name) in found {
            self.0.insert(id, name);
        }
        Ok(())
    }
}

impl Nameless<'_> {
    /// The numbers to look up, each once; none if all are named.
    pub(crate) fn stream_ids(&self) -> Vec<i64> {
        let mut ids: Vec<i64> = self.0.iter().map(|(_, id)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}
