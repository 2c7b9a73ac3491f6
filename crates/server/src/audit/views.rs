//! Views against the log: a fresh build beside the serving one, compared, and on
//! demand put in its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use beleg_store::views::{Generation, Snapshot};
use beleg_store::{EventLog, LogOptions, OpenError, Storage, ViewsOpenError, ViewsWriter};

use super::{AuditError, Differences, Finding};
use crate::projector;

/// What a rebuild did.
#[derive(Debug)]
pub struct Rebuilt {
    /// The events that the new views show.
    pub events: u64,
    /// What building them took, without the comparison with the replaced ones.
    pub took: Duration,
    /// What they took the place of.
    pub replaced: Replaced,
}

impl Rebuilt {
    /// What the replaced views said otherwise, if they could be compared.
    pub fn compared(&self) -> Option<&Differences> {
        match &self.replaced {
            Replaced::Compared(differences) => Some(differences),
            Replaced::Nothing | Replaced::OtherBuild { .. } | Replaced::Unreadable { .. } => None,
        }
    }
}

/// What a rebuild put new views in the place of.
#[derive(Debug)]
pub enum Replaced {
    /// Nothing: there were none.
    Nothing,
    /// Views that this program can read, and what they said otherwise.
    Compared(Differences),
    /// Views of another build of this program. Their tables are others, so there is nothing to compare, and nothing
    /// wrong with them.
    OtherBuild {
        /// What gave them away.
        found: ViewsOpenError,
    },
    /// Views that should have been readable and were not.
    Unreadable {
        /// Why.
        error: AuditError,
    },
}

/// Builds the views anew beside the serving ones, compares, and puts them in their place. No server may run on a
/// directory; those of a database go on and only wait for the exchange.
pub async fn rebuild(storage: &Storage, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Rebuilt, AuditError> {
    let mut log = storage.open_log_read_only().await?;
    if let Storage::Directory(data) = storage {
        let clock = log.info().clock;
        log.close().await;
        // Held for writing, so that no server starts meanwhile.
        log = storage.open_log(LogOptions::new(clock)).await.map_err(|error| match error {
            OpenError::InUse { .. } => AuditError::InUse { data: data.clone() },
            error => error.into(),
        })?;
    }
    let rebuilt = replace(&log, storage, progress).await;
    log.close().await;
    rebuilt
}

async fn replace(
    log: &Arc<dyn EventLog>,
    storage: &Storage,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Rebuilt, AuditError> {
    let began = Instant::now();
    let mut comparing = Duration::ZERO;
    let mut generation = Generation::begin(storage).await?;
    let mut writer = generation.writer(&**log).await?;
    let head = log.head().position;
    let replaced = match pin(storage, &**log).await {
        Ok(mut serving) => {
            build(log, &mut *writer, serving.position(), head, progress).await?;
            let built = Instant::now();
            let compared = compare(&mut serving, &generation).await;
            comparing = built.elapsed();
            // Damaged views are why somebody builds them anew: that they cannot be read on is a finding, no obstacle.
            let closed = serving.close().await.map_err(|error| ViewsOpenError::from(error).into());
            match compared.and_then(|found| closed.map(|()| found)) {
                Ok(found) => Replaced::Compared(found),
                Err(error) => Replaced::Unreadable { error },
            }
        }
        Err(ViewsOpenError::Missing { .. }) => Replaced::Nothing,
        Err(found) if found.is_of_another_build() => Replaced::OtherBuild { found },
        Err(error) => Replaced::Unreadable { error: error.into() },
    };
    build(log, &mut *writer, head, head, progress).await?;
    // Servers may have taken in more meanwhile: a few events, and while these are made up for none come to them.
    let end = generation.hold_serving().await?.unwrap_or(0).max(head);
    build(log, &mut *writer, end, end, progress).await?;
    writer.finish().await.map_err(ViewsOpenError::from)?;
    if let Replaced::OtherBuild { found } = &replaced {
        generation.lock_out_others(found).await?;
    }
    generation.serve().await?;
    let took = began.elapsed().saturating_sub(comparing);
    Ok(Rebuilt { events: end.unsigned_abs(), took, replaced })
}

/// Compares a fresh build with the serving views as they are at one moment, whether or
/// not a server moves them on.
pub async fn check_views(storage: &Storage, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Differences, AuditError> {
    let log = storage.open_log_read_only().await?;
    let mut serving = Snapshot::open(storage).await?;
    // The views may have taken in what came after the log was opened.
    log.refresh_head().await?;
    serving.check_origin(&*log).await?;
    let generation = Generation::begin_to_compare(storage).await?;
    let mut writer = generation.writer(&*log).await?;
    let to = serving.position();
    build(&log, &mut *writer, to, to, progress).await?;
    let compared = compare(&mut serving, &generation).await;
    writer.close().await.map_err(ViewsOpenError::from)?;
    serving.close().await.map_err(ViewsOpenError::from)?;
    generation.discard().await?;
    log.close().await;
    compared
}

/// The serving views, if they are of this log.
async fn pin(storage: &Storage, log: &dyn EventLog) -> Result<Snapshot, ViewsOpenError> {
    let serving = Snapshot::open(storage).await?;
    log.refresh_head().await?;
    serving.check_origin(log).await?;
    Ok(serving)
}

async fn build(
    log: &Arc<dyn EventLog>,
    writer: &mut dyn ViewsWriter,
    to: i64,
    total: i64,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(), AuditError> {
    let last = AtomicI64::new(0);
    let told = |reached: i64| {
        last.store(reached, Ordering::Relaxed);
        progress(reached.unsigned_abs(), total.unsigned_abs());
        true
    };
    projector::project(log, writer, &Arc::default(), to, told).await.map_err(|failure| {
        let after = last.load(Ordering::Relaxed);
        AuditError::Build { after, problem: failure.to_string() }
    })?;
    Ok(())
}

async fn compare(serving: &mut Snapshot, fresh: &Generation) -> Result<Differences, AuditError> {
    let (checked, found) = serving.compare(fresh).await.map_err(ViewsOpenError::from)?;
    let mut differences = Differences { checked, ..Differences::default() };
    found.into_iter().for_each(|difference| differences.tell(Finding::Row(difference)));
    Ok(differences)
}
