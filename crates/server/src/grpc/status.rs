//! The one map from failures to gRPC statuses, with `google.rpc` details. What a
//! database or a decoder says of its troubles goes to the server's log, not to callers.

use std::collections::HashMap;
use std::time::Duration;

use beleg_domain::refusal::{Kind, Refusal};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::failure::Failure;

/// The domain of all reasons given in `ErrorInfo`.
const DOMAIN: &str = "beleg.v1";
/// When to try again what was too much, or away.
const RETRY_DELAY: Duration = Duration::from_millis(200);

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        let info = |reason: &str| {
            let mut details = ErrorDetails::new();
            details.set_error_info(reason, DOMAIN, HashMap::new());
            details
        };
        match failure {
            Failure::Refused(refusal) => refused(refusal),
            Failure::WrongVersion { stream, expected, actual } => {
                let mut details = ErrorDetails::new();
                let metadata = [
                    ("stream".to_owned(), stream),
                    ("expected_version".to_owned(), expected.to_string()),
                    ("actual_version".to_owned(), actual.to_string()),
                ];
                details.set_error_info("WRONG_VERSION", DOMAIN, HashMap::from(metadata));
                Self::with_error_details(Code::Aborted, message, details)
            }
            Failure::RequestReused(_) => {
                Self::with_error_details(Code::AlreadyExists, message, info("REQUEST_ID_REUSED"))
            }
            Failure::Contention => Self::with_error_details(Code::Aborted, message, retry("CONTENTION")),
            Failure::Overloaded => Self::with_error_details(Code::ResourceExhausted, message, retry("OVERLOADED")),
            Failure::TooManyReaders => {
                Self::with_error_details(Code::ResourceExhausted, message, retry("TOO_MANY_READERS"))
            }
            Failure::Stopping => Self::with_error_details(Code::Unavailable, message, retry("STOPPING")),
            Failure::Unavailable(_) => Self::with_error_details(Code::Unavailable, message, retry("UNAVAILABLE")),
            Failure::OutcomeUnknown(_) => {
                Self::with_error_details(Code::Unavailable, message, retry("OUTCOME_UNKNOWN"))
            }
            Failure::ViewsBehind { .. } => Self::with_error_details(Code::Unavailable, message, retry("VIEWS_BEHIND")),
            Failure::ViewsBroken(_) => {
                tracing::error!("{message}");
                Self::with_error_details(Code::Internal, message, info("VIEWS_BROKEN"))
            }
            Failure::Broken(_) => {
                tracing::error!("{message}");
                let message = "an internal fault: the server's log says more, and nothing was changed";
                Self::with_error_details(Code::Internal, message, info("BROKEN"))
            }
        }
    }
}

fn retry(reason: &str) -> ErrorDetails {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, DOMAIN, HashMap::new());
    details.set_retry_info(Some(RETRY_DELAY));
    details
}

fn refused(refusal: Refusal) -> Status {
    let Refusal { kind, reason, field, message } = refusal;
    let mut details = ErrorDetails::new();
    let metadata = HashMap::from([("field".to_owned(), field.to_owned())]);
    details.set_error_info(reason, DOMAIN, metadata);
    let code = match kind {
        Kind::Malformed => {
            details.add_bad_request_violation(field, message.clone());
            Code::InvalidArgument
        }
        Kind::Unknown => Code::NotFound,
        Kind::Precondition => {
            details.add_precondition_failure_violation(reason, field, message.clone());
            Code::FailedPrecondition
        }
        Kind::Taken => Code::AlreadyExists,
    };
    Status::with_error_details(code, message, details)
}
