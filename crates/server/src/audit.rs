//! Audits of a log and its views, with or without a server: are the views what the log
//! says, and is the log what its own hashes, facts, contracts and policies say.
//!
//! An audit reports, it never repairs. What it finds wrong is a finding; an error is
//! only what kept it from looking.

mod customer;
mod events;
mod finding;
mod ticket;
mod verify;
mod views;

use std::path::PathBuf;

use beleg_store::{OpenError, ReadError, ViewsOpenError};

use crate::failure::Failure;
use finding::Kind;

pub use finding::{Consequence, Finding, Member, Misplaced, Place, Posted, Subject};
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
    /// The first of them; at most 100.
    pub found: Vec<Finding>,
}

impl Differences {
    fn tell(&mut self, finding: Finding) {
        self.count += 1;
        if self.found.len() < NAMED_MAX {
            self.found.push(finding);
        }
    }

    /// Where events are missing, puts what may follow from that under the first gap: one lost event makes its
    /// stream's versions, its ticket and its customer's time look wrong as well.
    fn group_under_gap(&mut self) {
        let Some(first) = self.found.iter().position(|finding| finding.kind() == Kind::Gap) else { return };
        let place = |(index, finding): (usize, Finding)| match finding.kind() {
            Kind::Gap if index == first => (1, finding),
            Kind::Following => (2, Finding::Perhaps(Box::new(finding))),
            Kind::Gap | Kind::Own if index > first => (3, finding),
            Kind::Gap | Kind::Own => (0, finding),
        };
        let mut placed: Vec<(u8, Finding)> = self.found.drain(..).enumerate().map(place).collect();
        placed.sort_by_key(|(place, _)| *place);
        self.found.extend(placed.into_iter().map(|(_, finding)| finding));
    }

    /// What is broken is a finding; what cannot be read now ends the audit.
    fn take<T>(
        &mut self,
        result: Result<T, Failure>,
        finding: impl FnOnce(String) -> Finding,
    ) -> Result<Option<T>, AuditError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Failure::Broken(problem) | Failure::ViewsBroken(problem)) => {
                self.tell(finding(problem));
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
