//! Builds beside the serving one: begun, compared, put in its place.
//!
//! Every run that builds anew has a place of its own, a file or a schema, so two of them never meet. A lock says that
//! its run is alive; what a run that died has left is removed by the next one.

use super::postgres::{SchemaGeneration, SchemaSnapshot};
use super::sqlite::{FileGeneration, FileSnapshot, serving_file};
use super::{ViewError, ViewsOpenError, ViewsWriter};
use crate::damage::Damage;
use crate::log::{EventLog, OpenError};
use crate::sqlite::io_error;
use crate::storage::Storage;

/// A row that only one of two builds holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// True: only in the serving one; false: only in the fresh one.
    pub only_serving: bool,
    /// The row, as the database writes it.
    pub row: String,
}

/// A fresh build, there as long as this lives, unless it is put in the serving one's place.
#[derive(Debug)]
pub struct Generation(Fresh);

#[derive(Debug)]
enum Fresh {
    File(FileGeneration),
    Schema(Box<SchemaGeneration>),
}

impl Generation {
    /// Takes a place beside the serving views, and removes what dead runs have left there.
    pub async fn begin(storage: &Storage) -> Result<Self, ViewsOpenError> {
        Ok(Self(match storage {
            Storage::Directory(directory) => {
                Fresh::File(FileGeneration::begin(directory).map_err(|source| io_error(directory.clone(), source))?)
            }
            Storage::Database(database) => Fresh::Schema(Box::new(SchemaGeneration::begin(database).await?)),
        }))
    }

    /// The same for a comparison only: where a directory may not be written, the place is among the system's temporary
    /// files.
    pub async fn begin_to_compare(storage: &Storage) -> Result<Self, ViewsOpenError> {
        match (storage, Self::begin(storage).await) {
            (Storage::Directory(_), Err(ViewsOpenError::Open(OpenError::ReadOnly { .. }))) => {
                let apart = FileGeneration::begin_apart();
                let apart = apart.map_err(|source| OpenError::Io { path: std::env::temp_dir(), source })?;
                Ok(Self(Fresh::File(apart)))
            }
            (_, begun) => begun,
        }
    }

    /// Opens it for the projector.
    pub async fn writer(&self, log: &dyn EventLog) -> Result<Box<dyn ViewsWriter>, ViewsOpenError> {
        match &self.0 {
            Fresh::File(file) => file.writer(log).await,
            Fresh::Schema(schema) => schema.writer(log).await,
        }
    }

    /// Keeps the serving views from moving on until this one serves or is gone, and says how far they have come: this
    /// one must come as far. `None` if there are none, or if nobody can move them: a file's server was stopped.
    pub async fn hold_serving(&mut self) -> Result<Option<i64>, ViewsOpenError> {
        match &mut self.0 {
            Fresh::File(_) => Ok(None),
            Fresh::Schema(schema) => schema.hold_serving().await,
        }
    }

    /// Makes sure that no server uses serving views that another build of this program made: it would go on writing, to
    /// tables that it does not know. Called when this one's writer is closed; a file's server does not run.
    pub async fn lock_out_others(&mut self, found: &ViewsOpenError) -> Result<(), ViewsOpenError> {
        let Fresh::Schema(schema) = &mut self.0 else { return Ok(()) };
        if schema.lock_out_users().await? {
            return Ok(());
        }
        let path = schema.place().to_owned();
        Err(match *found {
            ViewsOpenError::Open(
                OpenError::OlderSchema { found, known, .. } | OpenError::NewerSchema { found, known, .. },
            ) => OpenError::ServersRunning { path, found, known },
            _ => OpenError::OtherBuildRunning { path },
        }
        .into())
    }

    /// Puts it in the place of the serving one. Its writer is closed; a file's server does not run.
    pub async fn serve(self) -> Result<(), ViewsOpenError> {
        match self.0 {
            Fresh::File(file) => {
                let path = file.path().to_owned();
                Ok(file.serve().map_err(|source| OpenError::Io { path, source })?)
            }
            Fresh::Schema(schema) => schema.serve().await,
        }
    }

    /// Removes it.
    pub async fn discard(self) -> Result<(), ViewsOpenError> {
        match self.0 {
            Fresh::File(file) => drop(file),
            Fresh::Schema(schema) => schema.discard().await?,
        }
        Ok(())
    }
}

/// The serving views as they were at one moment, whatever the projector does to them meanwhile.
///
/// While this lives the database cannot forget what they said then: a file's write-ahead log and a schema's dead rows
/// grow with what the projector writes.
#[derive(Debug)]
pub struct Snapshot(Pinned);

#[derive(Debug)]
enum Pinned {
    File(Box<FileSnapshot>),
    Schema(Box<SchemaSnapshot>),
}

impl Snapshot {
    /// Holds on to what the serving views say now.
    pub async fn open(storage: &Storage) -> Result<Self, ViewsOpenError> {
        Ok(Self(match storage {
            Storage::Directory(directory) => {
                Pinned::File(Box::new(FileSnapshot::open(&serving_file(directory)).await?))
            }
            Storage::Database(database) => Pinned::Schema(Box::new(SchemaSnapshot::open(database).await?)),
        }))
    }

    /// The last position taken in.
    pub fn position(&self) -> i64 {
        match &self.0 {
            Pinned::File(file) => file.position(),
            Pinned::Schema(schema) => schema.position(),
        }
    }

    /// Refuses a log that the views were not made of.
    pub async fn check_origin(&self, log: &dyn EventLog) -> Result<(), ViewsOpenError> {
        match &self.0 {
            Pinned::File(file) => file.check_origin(log).await,
            Pinned::Schema(schema) => schema.check_origin(log).await,
        }
    }

    /// Compares with a fresh build up to the same position. Says how many rows were compared and names the first
    /// differences of each table.
    pub async fn compare(&mut self, fresh: &Generation) -> Result<(u64, Vec<Difference>), ViewError> {
        match (&mut self.0, &fresh.0) {
            (Pinned::File(file), Fresh::File(fresh)) => file.compare(fresh.path()).await,
            (Pinned::Schema(schema), Fresh::Schema(fresh)) => schema.compare(fresh).await,
            _ => Err(ViewError::broken(Damage::Elsewhere)),
        }
    }

    /// Lets go.
    pub async fn close(self) -> Result<(), ViewError> {
        match self.0 {
            Pinned::File(file) => file.close().await,
            Pinned::Schema(schema) => schema.close().await,
        }
    }
}
