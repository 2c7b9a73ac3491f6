//! The views' errors, by what the one who meets them does next. The database's own words go to the program's log.

use std::path::PathBuf;
use std::time::Duration;

use crate::damage::{Damage, Foreign};
use crate::fault::{Fault, is_of_a_server};
use crate::log::{OpenError, ReadError, UnavailableReason};

/// Why the views could not take or give anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// The database cannot do it now: the same may work later.
    #[error("the views are unavailable: {}", in_words(*reason))]
    Unavailable {
        /// Why.
        reason: UnavailableReason,
    },
    /// What is to be written contradicts what is there, or what is there cannot be read: trying again is no use.
    #[error("the views are broken: {damage}")]
    Broken {
        /// What is wrong.
        damage: Damage,
    },
}

impl ViewError {
    pub(super) fn broken(damage: Damage) -> Self {
        Self::Broken { damage }
    }
}

impl From<sqlx::Error> for ViewError {
    fn from(error: sqlx::Error) -> Self {
        let unreadable = matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_));
        let damaged = if is_of_a_server(&error) { Damage::Database } else { Damage::File };
        let fault = Fault::from(error);
        tracing::error!(error = fault.message(), "a statement on the views failed");
        match fault {
            _ if unreadable => Self::broken(Damage::Row),
            Fault::Constraint(_) => Self::broken(Damage::Contradiction),
            Fault::Unavailable(UnavailableReason::Corrupt, _) => Self::broken(damaged),
            Fault::Unavailable(reason, _) => Self::Unavailable { reason },
        }
    }
}

/// A reason is worded for the log.
fn in_words(reason: UnavailableReason) -> String {
    match reason {
        UnavailableReason::ReadOnly => "their file may not be written".to_owned(),
        reason => reason.to_string(),
    }
}

/// Why the views could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ViewsOpenError {
    /// Their file, or their database, could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// They could not be read.
    #[error(transparent)]
    Views(#[from] ViewError),
    /// The log could not be asked whether they are its own.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// There are none.
    #[error("there are no views at {path}: start the server once, or run `beleg rebuild`")]
    Missing {
        /// The file or the database looked into.
        path: PathBuf,
    },
    /// The role may not build views beside those that serve.
    #[error("the role may not make views in {path}: use the URL of the role that owns them, see `beleg database init`")]
    NotAllowed {
        /// The database.
        path: PathBuf,
    },
    /// As many as may are building views anew.
    #[error("too many fresh builds at once in {path}: wait until one of them is done")]
    TooMany {
        /// The database.
        path: PathBuf,
    },
    /// They were made of something else than the log beside them.
    #[error(
        "the views at {path} are not of the log beside them: {what}. They can be made anew from the log, but first see \
         that it is the right log: then run `beleg rebuild`"
    )]
    Foreign {
        /// The file of the views, or the database.
        path: PathBuf,
        /// What gives them away.
        what: Foreign,
    },
}

impl ViewsOpenError {
    /// Whether the database could not be reached, or is only starting: it may be there in a moment.
    pub(crate) fn is_away(&self) -> bool {
        match self {
            Self::Open(error) => error.is_away(),
            Self::Views(ViewError::Unavailable { reason }) | Self::Log(ReadError::Unavailable { reason }) => {
                *reason == UnavailableReason::Connection
            }
            _ => false,
        }
    }

    /// The same after it was waited for.
    pub(crate) fn after(self, waited: Duration) -> Self {
        match self {
            Self::Open(error) => Self::Open(error.after(waited)),
            error => error,
        }
    }

    /// Whether the views were made by another build of this program, so that this one cannot read them.
    pub fn is_of_another_build(&self) -> bool {
        matches!(
            self,
            Self::Open(OpenError::OtherBuild { .. } | OpenError::OlderSchema { .. } | OpenError::NewerSchema { .. })
        )
    }
}
