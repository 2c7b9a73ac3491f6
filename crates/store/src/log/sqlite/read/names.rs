//! The names of streams by their numbers. A stream keeps both for ever, so what was read once stays true.

use std::collections::HashMap;
use std::sync::Arc;

use quick_cache::sync::Cache;
use sqlx::{Row as _, SqliteConnection};

use crate::damage::Damage;
use crate::log::{ReadError, StoredEvent};

/// Names that are kept, about 2 MiB of them.
const KEPT: usize = 16_384;

/// The names that were needed last.
#[derive(Debug)]
pub(in crate::log::sqlite) struct StreamNames(Cache<i64, Arc<str>>);

impl StreamNames {
    pub(in crate::log::sqlite) fn new() -> Self {
        Self(Cache::new(KEPT))
    }

    /// Gives every event the name of its stream, whose number is at the same place; what is not kept is looked up in
    /// one statement.
    pub(super) async fn fill(
        &self,
        connection: &mut SqliteConnection,
        events: &mut [StoredEvent],
        stream_ids: &[i64],
    ) -> Result<(), ReadError> {
        let mut missing = Vec::new();
        for (event, id) in events.iter_mut().zip(stream_ids) {
            match self.0.get(id) {
                Some(name) => event.stream = name,
                None => missing.push((event, *id)),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let found = look_up(connection, missing.iter().map(|(_, id)| *id)).await?;
        for (event, id) in missing {
            let Some(name) = found.get(&id) else {
                return Err(ReadError::Corrupt { damage: Damage::Event { after: event.position - 1 } });
            };
            event.stream = Arc::clone(name);
        }
        for (id, name) in found {
            self.0.insert(id, name);
        }
        Ok(())
    }
}

async fn look_up(
    connection: &mut SqliteConnection,
    ids: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, Arc<str>>, ReadError> {
    let list: Vec<_> = ids.map(|id| id.to_string()).collect();
    // One value, as the frames are: rows would cost more than all else.
    let sql = "SELECT group_concat(concat_ws(char(0), stream_id, name), char(0)) FROM streams \
               WHERE stream_id IN (SELECT value FROM json_each(?))";
    let row = sqlx::query(sql).bind(format!("[{}]", list.join(","))).fetch_one(connection).await?;
    let Some(text) = row.try_get::<Option<&str>, _>(0)? else { return Ok(HashMap::new()) };
    let mut fields = text.split('\0');
    let mut found = HashMap::with_capacity(list.len());
    while let (Some(id), Some(name)) = (fields.next(), fields.next()) {
        if let Ok(id) = id.parse() {
            found.insert(id, Arc::from(name));
        }
    }
    Ok(found)
}
