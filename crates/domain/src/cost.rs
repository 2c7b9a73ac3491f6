//! The cost status: where a minute of work would go now, and what would change that.
//! The same evaluation previews an entry without recording it.

use uuid::Uuid;

use crate::assess::{self, Answer, Balance, NotWhole, Reading};
use crate::event::Segment;
use crate::facts::{Account, Activity, Class};
use crate::ids::{EventId, StaffId};
use crate::policy::Required;
use crate::ticket::command::{self, Call, Command, NotDecided, Surroundings};
use crate::ticket::work::Window;
use crate::ticket::{Status, Ticket, Work};
use crate::time::Timestamp;

/// The id of the entry that is never recorded.
const NEVER_RECORDED: EventId = EventId(Uuid::nil());

/// Where work would go, what is used and left, whose turn it is.
#[derive(Clone, Debug)]
pub struct CostStatus {
    /// For diagnosis and for execution.
    pub activities: [ActivityStatus; 2],
    /// Free initial diagnosis used, in seconds.
    pub allowance_used_seconds: i64,
    /// Free initial diagnosis left, in seconds.
    pub allowance_left_seconds: i64,
    /// Left of the live limits in time; none where no release is limited so.
    pub limit_left_seconds: Option<i64>,
    /// Left of the live limits in money; none where no release is limited so.
    pub limit_left_minor: Option<i64>,
    /// Left of the customer's prepaid time.
    pub prepaid_left_seconds: i64,
    /// The net charge so far.
    pub cost_so_far_minor: i64,
    /// Who has to act.
    pub turn: Turn,
    /// The ticket's status.
    pub status: Status,
    /// The class in force.
    pub class: Option<Class>,
}

/// Where a minute of one activity would go.
#[derive(Clone, Debug)]
pub struct ActivityStatus {
    /// Diagnosis or execution.
    pub activity: Activity,
    /// Its first second, as it would be posted.
    pub segment: Segment,
    /// What would change the answer.
    pub changes: Vec<&'static str>,
}

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The provider.
    Provider,
    /// The customer.
    Customer,
    /// Nobody: the ticket is settled.
    Nobody,
}

/// The cost status at an instant, which is not before the opening.
pub fn status(ticket: &Ticket, at: Timestamp, surroundings: Surroundings<'_>) -> Result<CostStatus, NotWhole> {
    let reading = reading(ticket, surroundings);
    let second = at.opens();
    let minute = |activity| Work { to: second.plus(60), ..hypothetical(ticket, activity, second, surroundings) };
    let (_, _, diagnosis) = assess::hypothetical(&reading, &minute(Activity::Diagnosis))?;
    let (facts, capacity, execution) = assess::hypothetical(&reading, &minute(Activity::Execution))?;

    let contract = surroundings.contract.at(surroundings.contract.version());
    let answer = facts.answer(second, Activity::Execution, &contract);
    let releases = match &answer {
        Answer::Open { releases, .. } => &releases[..],
        _ => &[],
    };
    let allowance = facts.opening_policy()?.policy.limits().initial_diagnosis_seconds;
    let activity = |activity, segments: Vec<Segment>| {
        let segment = segments.into_iter().next();
        let segment = segment.ok_or_else(|| NotWhole("a minute of work stands nowhere".into()))?;
        let changes = changes(&segment, ticket.status());
        Ok(ActivityStatus { activity, segment, changes })
    };
    let execution = activity(Activity::Execution, execution)?;
    Ok(CostStatus {
        allowance_used_seconds: capacity.allowance_used,
        allowance_left_seconds: (allowance - capacity.allowance_used).max(0),
        limit_left_seconds: sum(releases.iter().map(|release| capacity.seconds_left(release))),
        limit_left_minor: sum(releases.iter().map(|release| capacity.minor_left(release))),
        prepaid_left_seconds: surroundings.prepaid.left_seconds(second),
        cost_so_far_minor: ticket.charged_minor(),
        turn: turn(ticket, execution.segment.rule.as_str()),
        status: ticket.status(),
        class: ticket.class_in_force().map(|class| class.class),
        activities: [activity(Activity::Diagnosis, diagnosis)?, execution],
    })
}

/// What an entry would become, were it logged now; refused as logging it would be.
pub fn preview(
    ticket: &Ticket,
    activity: Activity,
    performer: StaffId,
    window: Window,
    now: Timestamp,
    imported: bool,
    surroundings: Surroundings<'_>,
) -> Result<Vec<Segment>, NotDecided> {
    let Window { from, to, duration_seconds } = window;
    let command = Command::LogWork { activity, performer: performer.clone(), from, to, duration_seconds };
    let call = Call { now, occurred_at: None, has_evidence: false, imported, event: NEVER_RECORDED };
    command::accept(ticket, &command, call, surroundings)?;
    let duration_seconds = window.duration()?;
    let entry = Work { performer, to, duration_seconds, ..hypothetical(ticket, activity, from, surroundings) };
    let (_, _, segments) = assess::hypothetical(&reading(ticket, surroundings), &entry)?;
    Ok(segments)
}

fn reading<'a>(ticket: &'a Ticket, surroundings: Surroundings<'a>) -> Reading<'a> {
    let Surroundings { contract, book, prepaid } = surroundings;
    Reading { ticket, contract, book, prepaid, balance: Balance::For(NEVER_RECORDED) }
}

fn hypothetical(
    ticket: &Ticket,
    activity: Activity,
    from: crate::time::Second,
    surroundings: Surroundings<'_>,
) -> Work {
    Work {
        event: NEVER_RECORDED,
        activity,
        performer: ticket.customer.clone(),
        from,
        to: from.plus(60),
        duration_seconds: 60,
        contract_version: surroundings.contract.version(),
        voided: None,
        standing: std::sync::Arc::new([]),
    }
}

/// The sum of what is left, if anything is limited.
fn sum(left: impl Iterator<Item = Option<i64>>) -> Option<i64> {
    left.flatten().fold(None, |sum, left| Some(sum.unwrap_or(0) + left))
}

/// Where only an approval would change the answer, it is the customer's turn.
fn turn(ticket: &Ticket, rule: &str) -> Turn {
    if ticket.status() != Status::Open {
        return Turn::Nobody;
    }
    let waits = [
        Required::WithheldBeforeApproval,
        Required::WithheldDeclined,
        Required::WithheldApprovalEnded,
        Required::WithheldApprovalExhausted,
    ];
    if waits.iter().any(|wait| wait.as_str() == rule) { Turn::Customer } else { Turn::Provider }
}

fn changes(segment: &Segment, status: Status) -> Vec<&'static str> {
    let is = |required: Required| segment.rule.as_str() == required.as_str();
    let mut keys = if is(Required::WithheldBeforeInformation) {
        vec!["information", "approval"]
    } else if is(Required::WithheldBeforeApproval)
        || is(Required::WithheldDeclined)
        || is(Required::WithheldApprovalEnded)
    {
        vec!["approval"]
    } else if is(Required::WithheldApprovalExhausted) {
        vec!["higher-limit"]
    } else if is(Required::WithheldNoAgreedRate) {
        vec!["agreed-rate", "prepaid-time"]
    } else if segment.account == Account::Billable {
        vec!["findings", "prepaid-time"]
    } else {
        vec!["findings"]
    };
    if status != Status::Open {
        keys.push("reopening");
    }
    keys
}
