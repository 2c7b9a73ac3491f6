//! One step: as written, with every key there is, and as checked, with the keys
//! that its kind takes.

use super::file::StandingApproval;
use super::vocabulary::{Activity, Basis, Behaviour, Class, FaultCause, Impact, Reproducible};
use crate::instant;
use crate::said::Said;
use beleg_server::pb;
use chrono::{DateTime, NaiveDate, Timelike, Utc};
use serde::Deserialize;

/// The server's clock, the ticket, what is done, and what may come of it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) at: DateTime<Utc>,
    pub(super) ticket: String,
    pub(super) request: Option<String>,
    pub(super) occurred: Option<DateTime<Utc>>,
    pub(super) evidence: String,
    pub(super) deed: Deed,
    /// The statuses of which one must come back; none: it must be accepted.
    pub(super) expect_error: Vec<String>,
}

/// What a step does, with labels where the protocol has ids.
#[derive(Debug)]
pub(super) enum Deed {
    Open {
        impact: pb::Impact,
    },
    StartDiagnosis,
    LogWork {
        id: String,
        activity: pb::Activity,
        by: String,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        duration_minutes: Option<i64>,
    },
    RecordFindings {
        findings: pb::Findings,
        expected: pb::Class,
    },
    Inform {
        id: String,
        estimate_minutes: Option<i64>,
        quote_minor: Option<i64>,
    },
    Approve {
        id: String,
        refers_to: Option<String>,
        basis: pb::Basis,
        limit: Option<Release>,
        valid_until: Option<DateTime<Utc>>,
    },
    Decline {
        refers_to: String,
    },
    Revoke {
        approval: String,
    },
    VoidWork {
        work: String,
        reason: String,
    },
    Resolve {
        reason: String,
    },
    Close {
        reason: String,
    },
    Reopen {
        reason: String,
    },
    AmendContract(Amendment),
    Reassess {
        reason: String,
    },
    IssueStatement {
        id: String,
    },
}

/// A limit as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Release {
    Minutes(i64),
    Minor(i64),
    Unlimited,
}

/// Changed terms.
#[derive(Debug)]
pub(super) struct Amendment {
    pub(super) effective: NaiveDate,
    pub(super) hourly_rate_minor: Option<i64>,
    pub(super) increment_minutes: Option<i64>,
    pub(super) exemptions: Option<Vec<Class>>,
    pub(super) standing_approval: Option<StandingApproval>,
    pub(super) prepaid_minutes: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Do {
    Open,
    StartDiagnosis,
    LogWork,
    RecordFindings,
    Inform,
    Approve,
    Decline,
    Revoke,
    VoidWork,
    Resolve,
    Close,
    Reopen,
    AmendContract,
    Reassess,
    IssueStatement,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// A step as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStep {
    at: String,
    #[serde(rename = "do")]
    what: Do,
    ticket: Option<String>,
    expect_error: Option<OneOrMore>,
    id: Option<String>,
    request_id: Option<String>,
    occurred: Option<String>,
    evidence: Option<String>,
    impact: Option<Impact>,
    activity: Option<Activity>,
    by: Option<String>,
    from: Option<String>,
    to: Option<String>,
    duration_minutes: Option<i64>,
    behaviour: Option<Behaviour>,
    cause: Option<FaultCause>,
    reproducible: Option<Reproducible>,
    security_relevant: Option<bool>,
    expect_classification: Option<Class>,
    estimate_minutes: Option<i64>,
    quote_minor: Option<i64>,
    refers_to: Option<String>,
    basis: Option<Basis>,
    limit_minutes: Option<i64>,
    limit_minor: Option<i64>,
    no_limit: Option<bool>,
    valid_until: Option<String>,
    approval: Option<String>,
    work: Option<String>,
    reason: Option<String>,
    effective: Option<String>,
    hourly_rate_minor: Option<i64>,
    increment_minutes: Option<i64>,
    exemptions: Option<Vec<Class>>,
    standing_approval: Option<StandingApproval>,
    prepaid_minutes: Option<i64>,
}

impl Step {
    /// Takes the keys the step's kind has; one that is left over is refused.
    pub(super) fn check(mut raw: RawStep) -> Result<Self, Said> {
        let at = instant::parse(&raw.at)?;
        let ticket = raw.ticket.take().unwrap_or_else(|| "T1".to_owned());
        let expect_error = match raw.expect_error.take() {
            None => Vec::new(),
            Some(OneOrMore::One(name)) => vec![name],
            Some(OneOrMore::More(names)) => names,
        };
        if let Some(unknown) = expect_error.iter().find(|name| !STATUSES.contains(&name.as_str())) {
            return Err(Said::new(
                format!("{unknown:?} ist kein gRPC-Status"),
                format!("{unknown:?} is no gRPC status"),
            ));
        }
        let request = raw.request_id.take();
        let occurred = raw.occurred.take().map(|text| instant::parse(&text)).transpose()?;
        let evidence = raw.evidence.take().unwrap_or_default();
        let deed = raw.take_deed(!expect_error.is_empty())?;
        if let Some(key) = raw.left_over() {
            return Err(Said::new(
                format!("ein Schritt dieser Art hat kein {key}"),
                format!("a step of this kind takes no {key}"),
            ));
        }
        Ok(Self { at, ticket, request, occurred, evidence, deed, expect_error })
    }
}

/// The statuses a refusal may have.
const STATUSES: [&str; 16] = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl RawStep {
    fn take_deed(&mut self, is_to_be_refused: bool) -> Result<Deed, Said> {
        let reason = |raw: &mut Self| raw.reason.take().unwrap_or_default();
        Ok(match self.what {
            Do::Open => Deed::Open { impact: needed(self.impact.take(), "impact")?.into() },
            Do::StartDiagnosis => Deed::StartDiagnosis,
            Do::LogWork => Deed::LogWork {
                id: needed(self.id.take(), "id")?,
                activity: needed(self.activity.take(), "activity")?.into(),
                by: needed(self.by.take(), "by")?,
                from: instant::parse(&needed(self.from.take(), "from")?)?,
                to: instant::parse(&needed(self.to.take(), "to")?)?,
                duration_minutes: self.duration_minutes.take(),
            },
            Do::RecordFindings => self.take_findings()?,
            Do::Inform => Deed::Inform {
                id: needed(self.id.take(), "id")?,
                estimate_minutes: self.estimate_minutes.take(),
                quote_minor: self.quote_minor.take(),
            },
            Do::Approve => self.take_approval(is_to_be_refused)?,
            Do::Decline => Deed::Decline { refers_to: needed(self.refers_to.take(), "refers_to")? },
            Do::Revoke => Deed::Revoke { approval: needed(self.approval.take(), "approval")? },
            Do::VoidWork => Deed::VoidWork { work: needed(self.work.take(), "work")?, reason: reason(self) },
            Do::Resolve => Deed::Resolve { reason: reason(self) },
            Do::Close => Deed::Close { reason: reason(self) },
            Do::Reopen => Deed::Reopen { reason: reason(self) },
            Do::AmendContract => Deed::AmendContract(self.take_amendment()?),
            Do::Reassess => Deed::Reassess { reason: reason(self) },
            Do::IssueStatement => {
                let id = needed(self.id.take(), "id")?;
                instant::parse(&needed(self.from.take(), "from")?)?;
                instant::parse(&needed(self.to.take(), "to")?)?;
                Deed::IssueStatement { id }
            }
        })
    }

    fn take_findings(&mut self) -> Result<Deed, Said> {
        let behaviour: pb::Behaviour = needed(self.behaviour.take(), "behaviour")?.into();
        let cause: pb::FaultCause = needed(self.cause.take(), "cause")?.into();
        let reproducible: pb::Reproducible = needed(self.reproducible.take(), "reproducible")?.into();
        let findings = pb::Findings {
            behaviour: behaviour.into(),
            cause: cause.into(),
            reproducible_in_standard: reproducible.into(),
            security_relevant: self.security_relevant.take().unwrap_or(false),
        };
        let expected = self.expect_classification.take().map_or(pb::Class::Unspecified, Into::into);
        Ok(Deed::RecordFindings { findings, expected })
    }

    fn take_approval(&mut self, is_to_be_refused: bool) -> Result<Deed, Said> {
        let unlimited = self.no_limit.take().unwrap_or(false);
        let limit = match (self.limit_minutes.take(), self.limit_minor.take(), unlimited) {
            (None, None, false) => None,
            (Some(minutes), None, false) => Some(Release::Minutes(minutes)),
            (None, Some(minor), false) => Some(Release::Minor(minor)),
            (None, None, true) => Some(Release::Unlimited),
            _ => {
                return Err(Said::new(
                    "nur eines von limit_minutes, limit_minor und no_limit",
                    "one of limit_minutes, limit_minor and no_limit",
                ));
            }
        };
        Ok(Deed::Approve {
            id: needed(self.id.take(), "id")?,
            // That an approval is refused which answers nothing is worth a step of its own.
            refers_to: match self.refers_to.take() {
                None if is_to_be_refused => None,
                given => Some(needed(given, "refers_to")?),
            },
            basis: needed(self.basis.take(), "basis")?.into(),
            limit,
            valid_until: self.valid_until.take().map(|text| instant::parse(&text)).transpose()?,
        })
    }

    fn take_amendment(&mut self) -> Result<Amendment, Said> {
        let effective = instant::parse(&needed(self.effective.take(), "effective")?)?;
        if effective.num_seconds_from_midnight() != 0 {
            return Err(Said::new("effective ist der Beginn eines Tages", "effective is the beginning of a day"));
        }
        let standing_approval = self.standing_approval.take();
        standing_approval.as_ref().map_or(Ok(()), check_standing)?;
        Ok(Amendment {
            effective: effective.date_naive(),
            hourly_rate_minor: self.hourly_rate_minor.take(),
            increment_minutes: self.increment_minutes.take(),
            exemptions: self.exemptions.take(),
            standing_approval,
            prepaid_minutes: self.prepaid_minutes.take(),
        })
    }

    /// A key that is still there after the step's own were taken.
    fn left_over(&self) -> Option<&'static str> {
        let keys = [
            ("id", self.id.is_some()),
            ("impact", self.impact.is_some()),
            ("activity", self.activity.is_some()),
            ("by", self.by.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
            ("duration_minutes", self.duration_minutes.is_some()),
            ("behaviour", self.behaviour.is_some()),
            ("cause", self.cause.is_some()),
            ("reproducible", self.reproducible.is_some()),
            ("security_relevant", self.security_relevant.is_some()),
            ("expect_classification", self.expect_classification.is_some()),
            ("estimate_minutes", self.estimate_minutes.is_some()),
            ("quote_minor", self.quote_minor.is_some()),
            ("refers_to", self.refers_to.is_some()),
            ("basis", self.basis.is_some()),
            ("limit_minutes", self.limit_minutes.is_some()),
            ("limit_minor", self.limit_minor.is_some()),
            ("no_limit", self.no_limit.is_some()),
            ("valid_until", self.valid_until.is_some()),
            ("approval", self.approval.is_some()),
            ("work", self.work.is_some()),
            ("reason", self.reason.is_some()),
            ("effective", self.effective.is_some()),
            ("hourly_rate_minor", self.hourly_rate_minor.is_some()),
            ("increment_minutes", self.increment_minutes.is_some()),
            ("exemptions", self.exemptions.is_some()),
            ("standing_approval", self.standing_approval.is_some()),
            ("prepaid_minutes", self.prepaid_minutes.is_some()),
        ];
        keys.into_iter().find_map(|(key, there)| there.then_some(key))
    }
}

fn needed<T>(value: Option<T>, key: &str) -> Result<T, Said> {
    value.ok_or_else(|| Said::new(format!("diesem Schritt fehlt {key}"), format!("this step needs {key}")))
}

/// A standing approval has one limit, unless it names no class and so ends.
pub(super) fn check_standing(standing: &StandingApproval) -> Result<(), Said> {
    match (standing.limit_minutes, standing.limit_minor) {
        (Some(_), Some(_)) => {
            Err(Said::new("nur eines von limit_minutes und limit_minor", "one of limit_minutes and limit_minor"))
        }
        _ => Ok(()),
    }
}
