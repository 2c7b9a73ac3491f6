//! Where a private log lies, gone when its user is done.

use crate::failure::{Cause, Failure};
use crate::storage::Beside;
use beleg_store::{Database, PrivateDatabase, Storage};
use tempfile::TempDir;

/// A place for a log that is thrown away.
pub(crate) enum PrivateStorage {
    /// Removed when this goes.
    Directory(TempDir),
    /// Dropped by [`discard`](Self::discard), or by whoever makes the next one, if this process is killed and nobody
    /// serves it any more.
    Database(Box<PrivateDatabase>),
}

impl PrivateStorage {
    /// A fresh one: a temporary directory, or a database beside the one that was named.
    pub(crate) async fn make(beside: &Beside) -> Result<Self, Failure> {
        Ok(match &beside.database {
            None => Self::Directory(tempfile::Builder::new().prefix("beleg-").tempdir().map_err(failed)?),
            Some(url) => Self::Database(Box::new(PrivateDatabase::beside(&Database::at(url)).await.map_err(failed)?)),
        })
    }

    /// For whoever serves it.
    pub(crate) fn storage(&self) -> Storage {
        match self {
            Self::Directory(directory) => Storage::Directory(directory.path().to_owned()),
            Self::Database(database) => Storage::Database(database.database().clone()),
        }
    }

    /// Removes it, once nobody serves it any more.
    pub(crate) async fn discard(self) -> Result<(), Failure> {
        match self {
            // What cannot be removed is the system's to clean up, like all temporary files.
            Self::Directory(directory) => {
                drop(directory);
                Ok(())
            }
            Self::Database(database) => database.discard().await.map_err(failed),
        }
    }
}

fn failed(error: impl Into<Cause>) -> Failure {
    Failure::PrivateServer(error.into())
}
