//! The views' errors, by what the one who meets them does next. The database's own words go to the program's log.

use std::path::PathBuf;

use crate::fault::Fault;
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
    #[error("the views are broken: {what}")]
    Broken {
        /// What is wrong.
        what: String,
    },
}

impl ViewError {
    pub(super) fn broken(what: impl Into<String>) -> Self {
        Self::Broken { what: what.into() }
    }
}

impl From<sqlx::Error> for ViewError {
    fn from(error: sqlx::Error) -> Self {
        let unreadable = matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_));
        let fault = Fault::from(error);
        tracing::error!(error = fault.message(), "a statement on the views failed");
        match fault {
            _ if unreadable => Self::broken("a row cannot be read"),
            Fault::Constraint(_) => Self::broken("a row contradicts what is there"),
            Fault::Unavailable(UnavailableReason::Corrupt, _) => Self::broken("the file is damaged"),
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
    /// Their file could not be opened.
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
        /// The file looked for.
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
        "{path} is not of the log beside it: {what}. The views can be made anew from the log, but first see that it is \
         the right log: then run `beleg rebuild`"
    )]
    Foreign {
        /// The file of the views.
        path: PathBuf,
        /// What gives it away.
        what: String,
    },
}
