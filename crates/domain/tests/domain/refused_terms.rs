//! What keeps a contract from being agreed and a ticket from being opened; and that no
//! refusal goes without its test.

use beleg_domain::contract::{self, Agree, StandingApproval, Terms};
use beleg_domain::event::Limit;
use beleg_domain::facts::Class;
use beleg_domain::ids::EventId;
use beleg_domain::refusal::Kind;
use beleg_domain::ticket::command;
use beleg_domain::time::Timestamp;
use uuid::Uuid;

use crate::world::*;

fn agree(terms: Terms) -> Agree {
    Agree {
        customer: customer(),
        currency: currency("EUR"),
        time_zone: "Europe/Berlin".parse().unwrap(),
        effective_date: date("01-01"),
        terms,
    }
}

#[test]
fn a_customer_has_one_contract() {
    let w = World::agreed(hourly(RATE));
    let event = w.log[0].id;
    let refused = contract::agree(Some(&w.contract), agree(hourly(RATE)), |_| true, event).unwrap_err();
    assert_eq!((refused.kind, refused.reason), (Kind::Taken, "CONTRACT_EXISTS"));
}

#[test]
fn a_contract_names_a_published_policy() {
    let w = World::agreed(hourly(RATE));
    let event = w.log[0].id;
    let missing = contract::agree(None, agree(Terms::default()), |_| true, event).unwrap_err();
    assert_eq!((missing.reason, missing.field), ("MALFORMED", "terms.policy"));
    let unknown = contract::agree(None, agree(hourly(RATE)), |_| false, event).unwrap_err();
    assert_eq!((unknown.kind, unknown.reason), (Kind::Unknown, "POLICY_UNKNOWN"));
}

#[test]
fn terms_that_make_no_sense_are_malformed_and_change_nothing() {
    let standing = |limit| Some(StandingApproval { classes: vec![Class::CustomizingBug], limit });
    let classes = |classes: &[Class]| Some(classes.to_vec());
    let undetermined = [Class::CustomizingBug, Class::Undetermined];
    let twice = [Class::CustomizingBug, Class::CustomizingBug];
    let wrong = [
        Terms::default(),
        Terms { hourly_rate_minor: agreed(0), ..Terms::default() },
        Terms { hourly_rate_minor: agreed(-1), ..Terms::default() },
        Terms { hourly_rate_minor: agreed(i64::MAX), ..Terms::default() },
        Terms { increment_minutes: agreed(0), ..Terms::default() },
        Terms { increment_minutes: agreed(1_441), ..Terms::default() },
        Terms { prepaid_minutes: Some(0), ..Terms::default() },
        Terms { prepaid_minutes: Some(i64::MAX), ..Terms::default() },
        Terms { standing_approval: standing(Limit::Minutes(0)), ..Terms::default() },
        Terms { standing_approval: standing(Limit::Minor(-1)), ..Terms::default() },
        Terms { exemptions: classes(&undetermined), ..Terms::default() },
        Terms { exemptions: classes(&twice), ..Terms::default() },
    ];
    let mut w = World::agreed(hourly(RATE));
    let before = (format!("{:?}", w.contract), w.log.len());
    for terms in wrong {
        let refused = w.try_amend(date("03-02"), terms.clone()).unwrap_err();
        assert_eq!(refused.reason, "MALFORMED", "{terms:?}");
    }
    assert_eq!((format!("{:?}", w.contract), w.log.len()), before);
}

#[test]
fn an_amendment_begins_no_earlier_than_its_contract() {
    let mut w = World::agreed(hourly(RATE));
    let terms = || Terms { hourly_rate_minor: agreed(1), ..Terms::default() };
    let before = beleg_domain::time::Date::parse("2025-12-31").unwrap();
    assert_eq!(w.try_amend(before, terms()).unwrap_err().reason, "BEFORE_CONTRACT");
    w.try_amend(date("01-01"), terms()).unwrap();
}

#[test]
fn a_day_begins_at_midnight_in_the_contracts_time_zone() {
    let w = World::agreed(hourly(RATE));
    let events = contract::agree(None, agree(hourly(RATE)), |_| true, w.log[0].id).unwrap();
    let text = serde_json::to_string(&events[0]).unwrap();
    assert!(text.contains("\"effective_at\":\"2025-12-31T23:00:00.000000Z\""), "{text}");
}

#[test]
fn an_opening_needs_a_contract_in_force_and_its_policy() {
    let mut w = World::agreed(hourly(RATE));
    let open = || command::Open { customer: customer(), impact: beleg_domain::facts::Impact::Request, reference: None };
    let call = command::Call {
        now: at("09:00"),
        occurred_at: None,
        has_evidence: false,
        imported: false,
        event: EventId(Uuid::from_u128(u128::MAX)),
    };
    let reason = |decided: Result<command::Decision, command::NotDecided>| match decided {
        Err(command::NotDecided::Refused(refusal)) => refusal.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(command::open(open(), call, None, &w.book)), "CONTRACT_MISSING");
    let book = beleg_domain::book::PolicyBook::default();
    assert_eq!(reason(command::open(open(), call, Some(&w.contract), &book)), "POLICY_UNKNOWN");
    let before = Timestamp::parse("2025-12-31T23:59:59Z");
    let early = command::Call { occurred_at: before, ..call };
    assert_eq!(reason(command::open(open(), early, Some(&w.contract), &w.book)), "CONTRACT_NOT_IN_FORCE");

    w.clock(at("04-06 09:00:00.000001"));
    let late = |call| command::Call { occurred_at: Some(at("03-02 09:00")), ..call };
    assert_eq!(w.try_open(late).unwrap_err().reason, "TOO_LATE");
    let future = |call| command::Call { occurred_at: Some(at("04-06 09:00:01")), ..call };
    assert_eq!(w.try_open(future).unwrap_err().reason, "MALFORMED");
    assert!(w.tickets.is_empty());
}

#[test]
fn every_reason_has_its_test() {
    let tests = [include_str!("refusals.rs"), include_str!("refused_terms.rs"), include_str!("bounds.rs")].concat();
    let sources = [
        include_str!("../../src/ticket/command.rs"),
        include_str!("../../src/ticket/gates.rs"),
        include_str!("../../src/ticket/lifecycle.rs"),
        include_str!("../../src/ticket/work.rs"),
        include_str!("../../src/contract.rs"),
    ]
    .concat();
    let is_reason = |word: &&str| word.len() > 5 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let reasons: Vec<&str> = sources.split('"').filter(is_reason).collect();
    assert!(reasons.len() > 30, "{reasons:?}");
    for reason in reasons {
        assert!(tests.contains(&format!("\"{reason}\"")), "no test names {reason}");
    }
}
