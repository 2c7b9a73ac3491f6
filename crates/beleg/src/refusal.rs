//! A refused call, with everything the server said about it.

use crate::lang::Lang;
use crate::refusal_german;
use tonic::{Code, Status};
use tonic_types::{ErrorDetail, StatusExt};

/// What a gRPC status and its `google.rpc` details say.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Refusal {
    /// The status by its name in the protocol, such as `FAILED_PRECONDITION`.
    pub(crate) code: &'static str,
    /// The server's sentence.
    pub(crate) message: String,
    /// The stable key of the reason, if one was given.
    pub(crate) reason: Option<String>,
    /// What belongs to the reason: rule, ticket, versions.
    pub(crate) facts: Vec<(String, String)>,
    /// Fields and states that stood in the way.
    pub(crate) violations: Vec<Violation>,
    /// How long the server asks to wait before the call is repeated.
    pub(crate) retry_after_millis: Option<u64>,
}

/// One field that was wrong, or one state that was not as it had to be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Violation {
    /// The field, or what the state belongs to.
    pub(crate) subject: String,
    /// What is wrong with it.
    pub(crate) description: String,
}

impl Refusal {
    /// Reads a status whole; details that are not known here are left out.
    pub(crate) fn of(status: &Status) -> Self {
        let mut refusal = Self {
            code: code_name(status.code()),
            message: status.message().to_owned(),
            reason: None,
            facts: Vec::new(),
            violations: Vec::new(),
            retry_after_millis: None,
        };
        for detail in status.get_error_details_vec() {
            refusal.take_in(detail);
        }
        refusal
    }

    fn take_in(&mut self, detail: ErrorDetail) {
        match detail {
            ErrorDetail::BadRequest(bad) => {
                self.violations.extend(
                    bad.field_violations
                        .into_iter()
                        .map(|one| Violation { subject: one.field, description: one.description }),
                );
            }
            ErrorDetail::PreconditionFailure(failure) => {
                // The type repeats the reason; the subject is what to look at.
                self.violations.extend(
                    failure
                        .violations
                        .into_iter()
                        .map(|one| Violation { subject: one.subject, description: one.description }),
                );
            }
            ErrorDetail::ErrorInfo(info) => {
                self.reason = Some(info.reason).filter(|reason| !reason.is_empty());
                self.facts = info.metadata.into_iter().collect();
                self.facts.sort();
            }
            ErrorDetail::RetryInfo(retry) => {
                self.retry_after_millis = retry.retry_delay.and_then(|delay| delay.as_millis().try_into().ok());
            }
            _ => {}
        }
    }

    /// The same in a reader's language, where the reason is known in it.
    pub(crate) fn in_one_line_of(&self, lang: Lang) -> String {
        match self.reason.as_deref().and_then(refusal_german::of).filter(|_| lang == Lang::De) {
            Some(german) => format!("{german} ({})", self.in_one_line()),
            None => self.in_one_line(),
        }
    }

    /// Everything in one line, for lists of failures.
    pub(crate) fn in_one_line(&self) -> String {
        let mut line = format!("{}: {}", self.code, self.message);
        for one in &self.violations {
            // The sentence often is the only violation's description already.
            if !self.message.contains(&one.description) {
                line.push_str(&format!("; {}: {}", one.subject, one.description));
            }
        }
        if let Some(reason) = &self.reason {
            line.push_str(&format!(" [{reason}]"));
        }
        line
    }
}

/// A status code's name in the protocol.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;
    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    #[test]
    fn details_are_read_whole() {
        let mut details = ErrorDetails::with_bad_request_violation("to", "lies before from");
        details.set_error_info("WINDOW_INVERTED", "beleg", [("rule".to_owned(), "x".to_owned())]);
        let status = Status::with_error_details(Code::InvalidArgument, "the window is empty", details);
        let refusal = Refusal::of(&status);
        assert_eq!(refusal.reason.as_deref(), Some("WINDOW_INVERTED"));
        assert_eq!(refusal.violations.len(), 1);
        assert_eq!(
            refusal.in_one_line(),
            "INVALID_ARGUMENT: the window is empty; to: lies before from [WINDOW_INVERTED]"
        );
    }
}
