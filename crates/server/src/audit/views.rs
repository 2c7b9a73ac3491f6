//! Views against the log: a fresh build beside the serving one, compared, and on
//! demand put in its place.

use std::path::Path;

use beleg_store::views::{Difference, Generation, Snapshot, serving_file};
use beleg_store::{EventLog, LogOptions, OpenError, SqliteLog, ViewsOpenError, ViewsWriter};

use super::{AuditError, Differences};
use crate::failure::Failure;
use crate::projector::{self, Fresh};

/// What a rebuild did.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    /// The events that the new views show.
    pub events: u64,
    /// What the replaced views said otherwise.
    pub differences: Differences,
}

/// Builds the views anew beside the serving ones, compares, and puts them in their
/// place. No server may run on the directory.
pub async fn rebuild(data: &Path, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Rebuilt, AuditError> {
    let log = SqliteLog::open_read_only(data).await?;
    let clock = log.info().clock;
    log.close().await;
    // Held for writing, so that no server starts meanwhile.
    let log = SqliteLog::open(data, LogOptions::new(clock)).await.map_err(|error| match error {
        OpenError::InUse { .. } => AuditError::InUse { data: data.to_owned() },
        error => error.into(),
    })?;
    let rebuilt = replace(&log, data, progress).await;
    log.close().await;
    rebuilt
}

async fn replace(log: &SqliteLog, data: &Path, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Rebuilt, AuditError> {
    let generation = Generation::begin(data)?;
    let mut writer = generation.writer(log).await?;
    let head = log.head().position;
    let mut differences = Differences::default();
    match pin(data, log).await {
        Ok(mut serving) => {
            build(log, &mut writer, serving.position(), head, progress).await?;
            let compared = compare(&mut serving, &generation).await;
            serving.close().await.map_err(Failure::from)?;
            differences = compared?;
        }
        // Nothing served before.
        Err(ViewsOpenError::Missing { .. }) => {}
        Err(error) => differences.tell(format!("the replaced views could not be compared: {error}")),
    }
    build(log, &mut writer, head, head, progress).await?;
    writer.finish().await.map_err(Failure::from)?;
    generation.serve(data)?;
    Ok(Rebuilt { events: head.unsigned_abs(), differences })
}

/// Compares a fresh build with the serving views as they are at one moment, whether or
/// not a server moves them on.
pub async fn check_views(data: &Path, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Differences, AuditError> {
    let log = SqliteLog::open_read_only(data).await?;
    let mut serving = Snapshot::open(&serving_file(data)).await?;
    // The views may have taken in what came after the log was opened.
    log.refresh_head().await.map_err(Failure::from)?;
    serving.check_origin(&log).await?;
    let generation = Generation::begin(data)?;
    let mut writer = generation.writer(&log).await?;
    let to = serving.position();
    build(&log, &mut writer, to, to, progress).await?;
    let compared = compare(&mut serving, &generation).await;
    writer.close().await.map_err(Failure::from)?;
    serving.close().await.map_err(Failure::from)?;
    log.close().await;
    compared
}

/// The serving views, if they are of this log.
async fn pin(data: &Path, log: &SqliteLog) -> Result<Snapshot, ViewsOpenError> {
    let serving = Snapshot::open(&serving_file(data)).await?;
    serving.check_origin(log).await?;
    Ok(serving)
}

async fn build(
    log: &SqliteLog,
    writer: &mut ViewsWriter,
    to: i64,
    total: i64,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(), AuditError> {
    let told = |reached: i64| {
        progress(reached.unsigned_abs(), total.unsigned_abs());
        true
    };
    Ok(projector::project(log, writer, &Fresh::default(), to, told).await?)
}

async fn compare(serving: &mut Snapshot, fresh: &Generation) -> Result<Differences, AuditError> {
    let (checked, found) = serving.compare(fresh.path()).await.map_err(Failure::from)?;
    let mut differences = Differences { checked, ..Differences::default() };
    found.iter().for_each(|difference| differences.tell(in_words(difference)));
    Ok(differences)
}

fn in_words(difference: &Difference) -> String {
    let place = if difference.only_serving { "only in the serving views" } else { "only in a fresh build" };
    format!("{} {place}: {}", difference.table, difference.row)
}
