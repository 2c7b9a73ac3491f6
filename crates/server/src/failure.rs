//! Why a call failed, by what the caller does next. [`crate::grpc::status`] maps it.

use beleg_domain::refusal::Refusal;
use beleg_store::{AppendError, ReadError, ViewError};

/// Why a call failed. But for [`Failure::OutcomeUnknown`] nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The request is wrong, names something unknown, or a rule says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The caller named a version that is not the stream's.
    #[error("{stream} is at version {actual}, not {expected}: read it again and decide again")]
    WrongVersion { stream: String, expected: i64, actual: i64 },
    /// The request id was used for another command.
    #[error("request id {0} was used before with other content: choose a new one")]
    RequestReused(uuid::Uuid),
    /// Others kept changing what the decision read.
    #[error("others kept changing the same streams: try again")]
    Contention,
    /// A queue is full.
    #[error("too many commands are waiting: try again in a moment")]
    Overloaded,
    /// The database cannot serve now.
    #[error("{0}")]
    Unavailable(String),
    /// As many as may are reading the whole log.
    #[error("as many as may are reading the log: try again in a moment")]
    TooManyReaders,
    /// The server ends.
    #[error("the server is shutting down: try again in a moment")]
    Stopping,
    /// The commit failed and nobody can tell whether it took effect.
    #[error("{0}: repeat the call with the same request id")]
    OutcomeUnknown(String),
    /// The views are behind what the caller wants to see.
    #[error(
        "the views are at position {reached}, {wanted} is not taken in yet: {}",
        trouble.as_deref().unwrap_or("try again")
    )]
    ViewsBehind { wanted: i64, reached: i64, trouble: Option<String> },
    /// The views are damaged; they can be made anew.
    #[error("{0}: stop the server, run `beleg rebuild`, start it again; the log is not touched by this")]
    ViewsBroken(String),
    /// What is stored is not what this program stores: a bug, or a damaged file.
    #[error("{0}")]
    Broken(String),
}

impl Failure {
    pub(crate) fn broken(problem: impl std::fmt::Display) -> Self {
        Self::Broken(problem.to_string())
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable { .. } | ReadError::Closed => Self::Unavailable(error.to_string()),
            ReadError::Corrupt { .. } => Self::Broken(error.to_string()),
        }
    }
}

impl From<ViewError> for Failure {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Unavailable { .. } => Self::Unavailable(error.to_string()),
            ViewError::Broken { .. } => Self::ViewsBroken(error.to_string()),
        }
    }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict { .. } => Self::Contention,
            AppendError::EventExists { event_id } => {
                Refusal::taken("id", "ID_TAKEN", format!("the id {event_id} is taken: choose another, or leave it out"))
                    .into()
            }
            AppendError::RequestReused { request_id } => Self::RequestReused(request_id),
            AppendError::TooLarge { .. } => Refusal::precondition("request", "TOO_LARGE", error.to_string()).into(),
            AppendError::Overloaded => Self::Overloaded,
            AppendError::Unavailable { .. } | AppendError::Closed => Self::Unavailable(error.to_string()),
            AppendError::Unknown { .. } => Self::OutcomeUnknown(error.to_string()),
            AppendError::Malformed { .. } => Self::Broken(error.to_string()),
        }
    }
}
