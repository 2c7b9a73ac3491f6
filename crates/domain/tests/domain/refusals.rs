use beleg_domain::event::{Basis, Limit, Offer};
use beleg_domain::facts::Class;
use beleg_domain::ids::EventId;
use beleg_domain::refusal::Kind::{self, Malformed, Precondition, Unknown};
use beleg_domain::ticket::command::Command;

use crate::world::*;

/// Where a ticket stands when a command comes: it was opened at 09:00 in all of them.
type Prepare = fn() -> World;

fn opened() -> World {
    World::with_ticket(hourly(12_000))
}

fn classified() -> World {
    World::with_customizing_bug(hourly(12_000))
}

/// Informed at 10:00, and nothing is answered yet.
fn informed() -> World {
    let mut w = classified();
    w.then("10:00", inform(estimate(60)));
    w
}

/// Released at 10:00, with one hour of work by anna from then on.
fn released() -> World {
    let mut w = World::with_release(hourly(12_000), Limit::Minutes(120));
    w.work("anna", Execution, "10:00", "11:00");
    w
}

fn quoted() -> World {
    let mut w = classified();
    w.then("10:00", inform(Offer::QuoteMinor(50_000)));
    w
}

fn accepted() -> World {
    let mut w = quoted();
    let told = w.ticket().informations[0].event;
    w.then("10:10", quote_approval(told));
    w.then("10:20", inform(estimate(60)));
    w
}

fn resolved() -> World {
    let mut w = released();
    w.then("11:30", Command::Resolve);
    w
}

fn closed() -> World {
    let mut w = resolved();
    w.then("11:40", Command::Close);
    w
}

fn reopened() -> World {
    let mut w = closed();
    w.then("11:50", Command::Reopen);
    w
}

/// The class changed after the customer was told of the first one.
fn reclassified() -> World {
    let mut w = informed();
    w.then("10:30", record(change_wanted()));
    w
}

fn declined() -> World {
    let mut w = informed();
    let told = w.ticket().informations[0].event;
    w.then("10:30", Command::Decline { information: told });
    w
}

fn revoked() -> World {
    let mut w = released();
    let approval = w.ticket().approvals[0].event;
    w.then("11:20", Command::Revoke { approval });
    w
}

fn voided() -> World {
    let mut w = released();
    let work = w.ticket().work[0].event;
    w.then("11:20", Command::Void { work });
    w
}

fn nobody(w: &mut World) -> EventId {
    w.new_id()
}

fn told(w: &World) -> EventId {
    w.ticket().informations[0].event
}

fn approval(w: &World) -> EventId {
    w.ticket().approvals[0].event
}

fn work(w: &World) -> EventId {
    w.ticket().work[0].event
}

fn shorter(seconds: i64) -> Command {
    let (from, to) = (second("11:00"), second("11:10"));
    Command::LogWork { activity: Execution, performer: staff("ben"), from, to, duration_seconds: Some(seconds) }
}

fn release(w: &World, basis: Basis, limit: Option<Limit>, code: Option<&str>, until: Option<&str>) -> Command {
    let (currency, valid_until) = (code.map(currency), until.map(at));
    Command::Approve { information: told(w), basis, limit, currency, valid_until }
}

fn quote_in(code: &str, minor: i64) -> Command {
    Command::Inform { classification: None, offer: Offer::QuoteMinor(minor), currency: Some(currency(code)) }
}

/// A situation, the clock, what is sent, the reason, and what the caller can do.
type Row = (Prepare, &'static str, fn(&mut World) -> Sent, &'static str, Kind);

/// A situation, the clock, and what is sent.
type Taken = (Prepare, &'static str, fn(&mut World) -> Sent);

/// Without evidence, and late.
fn unproven(occurred: &str, command: Command) -> Sent {
    Sent { has_evidence: false, ..late(occurred, command) }
}

const REFUSED: &[Row] = &[
    // Any command.
    (opened, "12:00", |_| late("12:00:00.000001", Command::Resolve), "MALFORMED", Malformed),
    (opened, "12:00", |_| late("08:59:59.999999", Command::Resolve), "BEFORE_OPENING", Precondition),
    (opened, "12:00", |_| Sent { imported: true, ..Command::Resolve.into() }, "NOT_IMPORTED", Precondition),
    // Diagnosis and findings.
    (opened, "12:00", |_| Command::StartDiagnosis.into(), "DIAGNOSIS_STARTED", Precondition),
    (opened, "12:00", |_| late("11:00", record(customizing())), "FINDINGS_COUNT_FROM_NOW", Precondition),
    (
        opened,
        "12:00",
        |_| Command::RecordFindings { findings: customizing(), expected: Some(Class::ChangeRequest) }.into(),
        "OTHER_CLASSIFICATION",
        Precondition,
    ),
    // Information.
    (opened, "12:00", |_| inform(estimate(60)).into(), "NOT_CLASSIFIED", Precondition),
    (classified, "12:00", |_| inform(estimate(0)).into(), "MALFORMED", Malformed),
    (classified, "12:00", |_| inform(estimate(-1)).into(), "MALFORMED", Malformed),
    (classified, "12:00", |_| inform(estimate(i64::MAX)).into(), "MALFORMED", Malformed),
    (classified, "12:00", |_| quote_in("EUR", 0).into(), "MALFORMED", Malformed),
    (classified, "12:00", |_| quote_in("EUR", -1).into(), "MALFORMED", Malformed),
    (classified, "12:00", |_| quote_in("CHF", 100).into(), "OTHER_CURRENCY", Precondition),
    (
        classified,
        "12:00",
        |w| Command::Inform { classification: Some(nobody(w)), offer: estimate(60), currency: None }.into(),
        "CLASSIFICATION_UNKNOWN",
        Unknown,
    ),
    (
        reclassified,
        "12:00",
        |w| {
            let classification = Some(w.ticket().classifications[0].event);
            Command::Inform { classification, offer: estimate(60), currency: None }.into()
        },
        "CLASSIFICATION_SUPERSEDED",
        Precondition,
    ),
    (classified, "12:00", |_| late("09:29", inform(estimate(60))), "BEFORE_CLASSIFICATION", Precondition),
    (classified, "12:00", |_| unproven("11:00", inform(estimate(60))), "EVIDENCE_NEEDED", Precondition),
    (classified, "03-03 12:00", |_| late("11:59:59", inform(estimate(60))), "TOO_LATE", Precondition),
    (resolved, "12:00", |_| inform(estimate(60)).into(), "TICKET_SETTLED", Precondition),
    (resolved, "12:00", |_| late("11:00", inform(estimate(60))), "TICKET_SETTLED", Precondition),
    (closed, "12:00", |_| inform(estimate(60)).into(), "TICKET_SETTLED", Precondition),
    // Approval.
    (informed, "12:00", |w| hourly_approval(nobody(w), Limit::Unlimited).into(), "INFORMATION_UNKNOWN", Unknown),
    (informed, "12:00", |w| release(w, Basis::Hourly, None, None, None).into(), "MALFORMED", Malformed),
    (informed, "12:00", |w| hourly_approval(told(w), Limit::Minutes(0)).into(), "MALFORMED", Malformed),
    (informed, "12:00", |w| hourly_approval(told(w), Limit::Minutes(i64::MAX)).into(), "MALFORMED", Malformed),
    (informed, "12:00", |w| hourly_approval(told(w), Limit::Minor(-1)).into(), "MALFORMED", Malformed),
    (
        informed,
        "12:00",
        |w| release(w, Basis::Hourly, Some(Limit::Minor(100)), Some("CHF"), None).into(),
        "OTHER_CURRENCY",
        Precondition,
    ),
    (
        informed,
        "12:00",
        |w| release(w, Basis::Hourly, Some(Limit::Unlimited), None, Some("12:00")).into(),
        "MALFORMED",
        Malformed,
    ),
    (
        informed,
        "12:00",
        |w| late("09:59:59", hourly_approval(told(w), Limit::Unlimited)),
        "APPROVAL_BEFORE_INFORMATION",
        Precondition,
    ),
    (
        informed,
        "12:00",
        |w| unproven("11:00", hourly_approval(told(w), Limit::Unlimited)),
        "EVIDENCE_NEEDED",
        Precondition,
    ),
    (
        informed,
        "03-03 12:00",
        |w| late("11:59:59", hourly_approval(told(w), Limit::Unlimited)),
        "TOO_LATE",
        Precondition,
    ),
    (informed, "12:00", |w| quote_approval(told(w)).into(), "NO_QUOTE", Precondition),
    (
        reclassified,
        "12:00",
        |w| hourly_approval(told(w), Limit::Unlimited).into(),
        "INFORMATION_SUPERSEDED",
        Precondition,
    ),
    (reopened, "12:00", |w| hourly_approval(told(w), Limit::Unlimited).into(), "INFORMATION_SUPERSEDED", Precondition),
    (resolved, "12:00", |w| hourly_approval(told(w), Limit::Unlimited).into(), "TICKET_SETTLED", Precondition),
    (quoted, "12:00", |w| hourly_approval(told(w), Limit::Unlimited).into(), "QUOTE_OFFERED", Precondition),
    (
        quoted,
        "12:00",
        |w| release(w, Basis::Quote, Some(Limit::Minutes(60)), None, None).into(),
        "MALFORMED",
        Malformed,
    ),
    (accepted, "12:00", |w| quote_approval(told(w)).into(), "QUOTE_ACCEPTED", Precondition),
    (
        accepted,
        "12:00",
        |w| hourly_approval(w.ticket().informations[1].event, Limit::Unlimited).into(),
        "QUOTE_IN_FORCE",
        Precondition,
    ),
    // Decline and revocation.
    (informed, "12:00", |w| Command::Decline { information: nobody(w) }.into(), "INFORMATION_UNKNOWN", Unknown),
    (
        informed,
        "12:00",
        |w| late("09:59", Command::Decline { information: told(w) }),
        "DECLINE_BEFORE_INFORMATION",
        Precondition,
    ),
    (
        informed,
        "12:00",
        |w| unproven("11:00", Command::Decline { information: told(w) }),
        "EVIDENCE_NEEDED",
        Precondition,
    ),
    (released, "12:00", |w| Command::Decline { information: told(w) }.into(), "APPROVED", Precondition),
    (resolved, "12:00", |w| Command::Decline { information: told(w) }.into(), "TICKET_SETTLED", Precondition),
    (declined, "12:00", |w| Command::Revoke { approval: nobody(w) }.into(), "APPROVAL_UNKNOWN", Unknown),
    (
        released,
        "12:00",
        |w| late("09:59", Command::Revoke { approval: approval(w) }),
        "REVOCATION_BEFORE_APPROVAL",
        Precondition,
    ),
    (
        released,
        "12:00",
        |w| unproven("11:00", Command::Revoke { approval: approval(w) }),
        "EVIDENCE_NEEDED",
        Precondition,
    ),
    (revoked, "12:00", |w| Command::Revoke { approval: approval(w) }.into(), "APPROVAL_ENDED", Precondition),
    (closed, "12:00", |w| Command::Revoke { approval: approval(w) }.into(), "APPROVAL_ENDED", Precondition),
    (resolved, "12:00", |w| late("11:10", Command::Revoke { approval: approval(w) }), "OUT_OF_ORDER", Precondition),
    // Work.
    (released, "12:00", |_| log_work("ben", Execution, "11:00", "11:00").into(), "MALFORMED", Malformed),
    (released, "12:00", |_| log_work("ben", Execution, "11:10", "11:00").into(), "MALFORMED", Malformed),
    (released, "12:00", |_| log_work("ben", Execution, "11:00", "12:00:01").into(), "MALFORMED", Malformed),
    (released, "12:00", |_| shorter(0).into(), "MALFORMED", Malformed),
    (released, "12:00", |_| shorter(-1).into(), "MALFORMED", Malformed),
    (released, "12:00", |_| shorter(601).into(), "MALFORMED", Malformed),
    (
        released,
        "04-02 09:00:01",
        |_| log_work("ben", Execution, "09:00", "04-02 09:00:01").into(),
        "MALFORMED",
        Malformed,
    ),
    (released, "12:00", |_| log_work("ben", Execution, "08:59:59", "09:30").into(), "BEFORE_OPENING", Precondition),
    (released, "12:00", |_| log_work("anna", Execution, "10:59:59", "11:30").into(), "OVERLAPPING_WORK", Precondition),
    (released, "12:00", |_| log_work("anna", Diagnosis, "09:30", "10:00:01").into(), "OVERLAPPING_WORK", Precondition),
    (released, "04-06 11:10:01", |_| shorter(600).into(), "TOO_LATE", Precondition),
    (resolved, "12:00", |_| log_work("ben", Execution, "11:00", "11:30:01").into(), "TICKET_SETTLED", Precondition),
    (closed, "12:00", |_| log_work("ben", Execution, "11:00", "11:30:01").into(), "TICKET_SETTLED", Precondition),
    (released, "12:00", |w| Command::Void { work: nobody(w) }.into(), "WORK_UNKNOWN", Unknown),
    (voided, "12:00", |w| Command::Void { work: work(w) }.into(), "WORK_VOIDED", Precondition),
    // Status.
    (resolved, "12:00", |_| Command::Resolve.into(), "WRONG_STATUS", Precondition),
    (closed, "12:00", |_| Command::Resolve.into(), "WRONG_STATUS", Precondition),
    (closed, "12:00", |_| Command::Close.into(), "WRONG_STATUS", Precondition),
    (opened, "12:00", |_| Command::Reopen.into(), "WRONG_STATUS", Precondition),
    (reopened, "12:00", |_| Command::Reopen.into(), "WRONG_STATUS", Precondition),
    (opened, "12:00", |_| unproven("11:00", Command::Resolve), "EVIDENCE_NEEDED", Precondition),
    (opened, "03-03 12:00", |_| late("11:59:59", Command::Close), "TOO_LATE", Precondition),
    (released, "12:00", |_| late("09:59", Command::Resolve), "OUT_OF_ORDER", Precondition),
    (resolved, "12:00", |_| late("11:29", Command::Close), "OUT_OF_ORDER", Precondition),
    (closed, "12:00", |_| late("11:39", Command::Reopen), "OUT_OF_ORDER", Precondition),
];

#[test]
fn a_refused_command_says_why_and_changes_nothing() {
    let mut wrong = Vec::new();
    for (row, (prepare, when, sent, reason, kind)) in REFUSED.iter().enumerate() {
        let mut w = prepare();
        let sent = sent(&mut w);
        w.clock(at(when));
        let before = format!("{:?} {:?} {:?} {:?}", w.tickets, w.prepaid, w.log, w.ids());
        let found = w.send(sent.clone()).map_err(|refusal| (refusal.reason, refusal.kind));
        if found != Err((*reason, *kind)) {
            wrong.push(format!("row {row}: {found:?}, not {reason}: {:?} at {:?}", sent.command, sent.occurred_at));
        }
        if found.is_err() && format!("{:?} {:?} {:?} {:?}", w.tickets, w.prepaid, w.log, w.ids()) != before {
            wrong.push(format!("row {row} changed something"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What stands just inside a limit is taken: so the rows above fail for their reason.
#[test]
fn what_keeps_a_limit_is_not_refused() {
    let taken: &[Taken] = &[
        (classified, "03-03 12:00", |_| late("12:00", inform(estimate(60)))),
        (classified, "12:00", |_| late("09:30", inform(estimate(60)))),
        (informed, "12:00", |w| late("10:00", hourly_approval(told(w), Limit::Unlimited))),
        (informed, "12:00", |w| {
            release(w, Basis::Hourly, Some(Limit::Unlimited), None, Some("12:00:00.000001")).into()
        }),
        (released, "04-06 11:10", |_| shorter(600).into()),
        (released, "12:00", |_| log_work("anna", Execution, "11:00", "12:00").into()),
        (released, "04-02 09:00", |_| log_work("ben", Execution, "09:00", "04-02 09:00").into()),
        (released, "12:00", |w| late("10:00", Command::Revoke { approval: approval(w) })),
        (voided, "12:00", |_| log_work("anna", Execution, "10:00", "11:00").into()),
        (resolved, "12:00", |_| log_work("ben", Execution, "11:00", "11:30").into()),
        (resolved, "12:00", |_| record(base_software()).into()),
        (resolved, "12:00", |w| Command::Void { work: work(w) }.into()),
        (closed, "12:00", |_| record(base_software()).into()),
        (closed, "12:00", |w| Command::Void { work: work(w) }.into()),
        (closed, "12:00", |_| late("11:40", Command::Reopen)),
        (resolved, "12:00", |_| Command::Close.into()),
    ];
    for (row, (prepare, when, sent)) in taken.iter().enumerate() {
        let mut w = prepare();
        let sent = sent(&mut w);
        w.clock(at(when));
        assert!(w.send(sent.clone()).is_ok(), "row {row}: {:?}", w.send(sent));
    }
}
