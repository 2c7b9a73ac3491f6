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

use beleg_store::{OpenError, ReadError, ViewsOpenError};

use crate::failure::Failure;

pub use verify::verify;
pub use views::{Rebuilt, Replaced, check_views, rebuild};

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
    /// What each of them is.
    kinds: Vec<Kind>,
}

/// What a finding is, seen from an event that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The missing or unreadable event itself.
    Gap,
    /// It stands for itself.
    Own,
    /// It may be there only because of a gap.
    Following,
}

impl Differences {
    fn tell(&mut self, difference: impl Into<String>) {
        self.tell_of(Kind::Own, difference);
    }

    fn tell_of(&mut self, kind: Kind, difference: impl Into<String>) {
        self.count += 1;
        if self.found.len() < NAMED_MAX {
            self.found.push(difference.into());
            self.kinds.push(kind);
        }
    }

    /// Where events are missing, puts what may follow from that under the first gap: one lost event makes its
    /// stream's versions, its ticket and its customer's time look wrong as well.
    fn group_under_gap(&mut self) {
        let told: Vec<_> = self.kinds.drain(..).zip(self.found.drain(..)).collect();
        let first = told.iter().position(|(kind, _)| *kind == Kind::Gap);
        let under = |kind, index| match first {
            Some(first) if index == first => 1,
            Some(_) if kind == Kind::Following => 2,
            Some(first) if index > first => 3,
            _ => 0,
        };
        let mut placed: Vec<_> =
            told.into_iter().enumerate().map(|(index, (kind, said))| (under(kind, index), kind, said)).collect();
        placed.sort_by_key(|(place, ..)| *place);
        for (place, kind, said) in placed {
            self.found.push(if place == 2 { format!("  perhaps only because of that: {said}") } else { said });
            self.kinds.push(kind);
        }
    }

    /// What is broken is a finding; what cannot be read now ends the audit.
    fn take<T>(&mut self, what: &str, result: Result<T, Failure>) -> Result<Option<T>, AuditError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Failure::Broken(problem) | Failure::ViewsBroken(problem)) => {
                self.tell_of(Kind::Following, format!("{what}: {problem}"));
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
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The log could not be taken into fresh views.
    #[error("the log after position {after} could not be taken into the views: {problem}")]
    Build {
        /// The last position taken in.
        after: i64,
        /// Why no more.
        problem: String,
    },
    /// Something could not be read.
    #[error("{0}")]
    Read(String),
}

impl From<Failure> for AuditError {
    fn from(failure: Failure) -> Self {
        Self::Read(failure.to_string())
    }
}
