//! Audits of a log and its views, with or without a server: are the views what the log
//! says, and is the log what its own hashes, facts, contracts and policies say.
//!
//! An audit reports, it never repairs. What it finds wrong is a finding; an error is
//! only what kept it from looking.

mod customer;
mod events;
mod ticket;
mod verify;
mod views;

use std::path::PathBuf;

use beleg_store::{OpenError, ViewsOpenError};

use crate::failure::Failure;

pub use verify::verify;
pub use views::{Rebuilt, check_views, rebuild};

/// Differences named at most.
const NAMED_MAX: usize = 100;

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    /// Rows or assessments compared.
    pub checked: u64,
    /// How many differences there are.
    pub count: u64,
    /// The first of them in words; at most 100.
    pub found: Vec<String>,
}

impl Differences {
    fn tell(&mut self, difference: impl Into<String>) {
        self.count += 1;
        if self.found.len() < NAMED_MAX {
            self.found.push(difference.into());
        }
    }

    /// What is broken is a finding; what cannot be read now ends the audit.
    fn take<T>(&mut self, what: &str, result: Result<T, Failure>) -> Result<Option<T>, AuditError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Failure::Broken(problem)) => {
                self.tell(format!("{what}: {problem}"));
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Why an audit could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The views can only be exchanged while no server has them open.
    #[error(
        "a server or an import runs on {data}: stop it, rebuild, and start it again; `beleg rebuild --check` compares \
         while it runs"
    )]
    InUse {
        /// The directory.
        data: PathBuf,
    },
    /// The log could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The views could not be opened.
    #[error(transparent)]
    Views(#[from] ViewsOpenError),
    /// Something could not be read.
    #[error("{0}")]
    Read(String),
}

impl From<Failure> for AuditError {
    fn from(failure: Failure) -> Self {
        Self::Read(failure.to_string())
    }
}
