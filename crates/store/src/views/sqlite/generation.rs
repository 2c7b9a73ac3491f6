//! The files of the views: the one that serves, and fresh builds beside it.
//!
//! Every run that builds anew has a file of its own, so two of them never meet. A lock beside it says that its run is
//! alive; what a run that died has left is removed by the next one.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::open_fresh;
use crate::log::EventLog;
use crate::views::{ViewsOpenError, ViewsWriter};

const SERVING: &str = "views.sqlite";
const FRESH: &str = "views.fresh-";
const LOCK: &str = ".lock";

/// Names tried before giving up.
const NAMES_MAX: u32 = 1_000;

/// The file that serves, in a data directory.
pub fn serving_file(directory: &Path) -> PathBuf {
    directory.join(SERVING)
}

/// A fresh build's file, there as long as this lives, unless it is put in the serving one's place.
#[derive(Debug)]
pub(in crate::views) struct FileGeneration {
    path: PathBuf,
    lock_path: PathBuf,
    /// Held, not used.
    _lock: File,
    /// Its directory, where it has one of its own; gone after the file.
    _apart: Option<TempDir>,
}

impl FileGeneration {
    /// Takes a name in a data directory, and removes what dead runs have left there.
    pub(in crate::views) fn begin(directory: &Path) -> std::io::Result<Self> {
        sweep(directory)?;
        let run = std::process::id();
        for number in 0..NAMES_MAX {
            let name = format!("{FRESH}{run}-{number}");
            let lock_path = directory.join(format!("{name}{LOCK}"));
            let lock = match File::options().write(true).create_new(true).open(&lock_path) {
                Ok(lock) => lock,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            // Another run that sweeps at this very moment may have it for an instant: then the name is its to remove.
            if lock.try_lock().is_ok() {
                return Ok(Self {
                    path: directory.join(format!("{name}.sqlite")),
                    lock_path,
                    _lock: lock,
                    _apart: None,
                });
            }
        }
        Err(Error::new(ErrorKind::AlreadyExists, format!("{}: too many fresh builds at once", directory.display())))
    }

    /// The same in a directory of its own, which nobody else can read: it can be compared, and never serve.
    pub(in crate::views) fn begin_apart() -> std::io::Result<Self> {
        let apart = TempDir::new()?;
        let mut fresh = Self::begin(apart.path())?;
        fresh._apart = Some(apart);
        Ok(fresh)
    }

    /// The file.
    pub(in crate::views) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file for the projector.
    pub(in crate::views) async fn writer(&self, log: &dyn EventLog) -> Result<Box<dyn ViewsWriter>, ViewsOpenError> {
        open_fresh(&self.path, log).await
    }

    /// Puts the file in the place of the serving one. Both must be closed and no server may run.
    pub(in crate::views) fn serve(self) -> std::io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        let serving = serving_file(self.path.parent().unwrap_or(Path::new("")));
        // The database before its journal: a journal without a database is dropped when the next one is opened, while a
        // database without its journal may be half of one.
        remove(&serving)?;
        std::fs::rename(&self.path, &serving)
    }
}

impl Drop for FileGeneration {
    fn drop(&mut self) {
        // What cannot be removed now, the next run removes.
        let _ = remove(&self.path).and_then(|()| std::fs::remove_file(&self.lock_path));
    }
}

/// Removes the files of runs that hold their lock no longer.
fn sweep(directory: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let Some(run) = name.to_str().filter(|name| name.starts_with(FRESH)).and_then(|name| name.strip_suffix(LOCK))
        else {
            continue;
        };
        let lock_path = directory.join(&name);
        let Ok(lock) = File::open(&lock_path) else { continue };
        if lock.try_lock().is_ok() {
            remove(&directory.join(format!("{run}.sqlite")))?;
            missing_is_fine(std::fs::remove_file(&lock_path))?;
        }
    }
    Ok(())
}

/// Removes a database file with its journals.
fn remove(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        missing_is_fine(std::fs::remove_file(PathBuf::from(name)))?;
    }
    Ok(())
}

fn missing_is_fine(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
