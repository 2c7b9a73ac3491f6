use beleg_domain::facts::{Account, Behaviour, Class, FaultCause, Findings, Reproducible};
use beleg_domain::policy::{Kind, Required, RuleId};

use crate::{default_policy, findings};

#[test]
fn the_default_policy_loads() {
    let policy = default_policy();
    assert_eq!(policy.name(), "support");
    assert_eq!(policy.title().en, "Support and billing");
    assert_eq!(policy.limits().initial_diagnosis_seconds, 30 * 60);
    assert_eq!(policy.limits().late_entry_us, 24 * 3_600 * 1_000_000);
    assert_eq!(policy.limits().late_work_us, 35 * 24 * 3_600 * 1_000_000);
}

#[test]
fn every_rule_of_the_domain_has_its_account_and_nothing_else_is_there() {
    let expected = [
        ("classify.change-request", None),
        ("classify.security-fault", None),
        ("classify.base-software-bug", None),
        ("classify.only-with-customizing", None),
        ("classify.customizing-bug", None),
        ("classify.platform-fault", None),
        ("classify.customer-side", None),
        ("classify.third-party", None),
        ("classify.service-request", None),
        ("classify.undetermined", None),
        ("free.initial-diagnosis", Some(Account::Free)),
        ("free.base-software-bug", Some(Account::Free)),
        ("free.security-fault", Some(Account::Free)),
        ("free.platform-fault", Some(Account::Free)),
        ("free.agreed-otherwise", Some(Account::Free)),
        ("billable.customizing-bug", Some(Account::Billable)),
        ("billable.change-request", Some(Account::Billable)),
        ("billable.customer-side-cause", Some(Account::Billable)),
        ("billable.third-party-cause", Some(Account::Billable)),
        ("billable.individual-service", Some(Account::Billable)),
        ("billable.quote-delivered", Some(Account::Billable)),
        ("covered.quote", Some(Account::Covered)),
        ("covered.prepaid", Some(Account::Covered)),
        ("withheld.diagnosis-overrun", Some(Account::Withheld)),
        ("withheld.unclassified", Some(Account::Withheld)),
        ("withheld.before-information", Some(Account::Withheld)),
        ("withheld.before-approval", Some(Account::Withheld)),
        ("withheld.declined", Some(Account::Withheld)),
        ("withheld.approval-ended", Some(Account::Withheld)),
        ("withheld.approval-exhausted", Some(Account::Withheld)),
        ("withheld.no-agreed-rate", Some(Account::Withheld)),
        ("withheld.not-provable", Some(Account::Withheld)),
    ];
    let policy = default_policy();
    let found: Vec<_> = policy.rules().iter().map(|rule| (rule.id.as_str(), rule.account)).collect();
    assert_eq!(found, expected);
}

#[test]
fn required_rules_have_the_account_the_program_expects() {
    let policy = default_policy();
    for required in Required::ALL {
        let rule = policy.rule(required.as_str()).unwrap();
        assert_eq!(rule.account, Some(required.account()), "{required}");
        assert_eq!(rule.id, required);
        assert_eq!(RuleId::from(required), rule.id);
        assert_eq!(RuleId::parse(required.as_str()), Some(rule.id.clone()));
    }
}

#[test]
fn every_rule_rests_on_a_clause_under_a_heading_of_the_published_policy() {
    let headings = [
        "Basis-Software (Standard/Core)",
        "Customizing",
        "Incident (Störung)",
        "Bug (Softwarefehler)",
        "Service Request (Serviceanfrage)",
        "Change Request (Änderungsanforderung)",
        "Bugfixes in der Basis-Software",
        "Plattform- und Betriebsstörungen",
        "Welche Leistungen sind kostenpflichtig?",
        "Bugfixing an Customizings",
        "Change Requests und Weiterentwicklungen",
        "Unterstützung bei externen oder kundenseitigen Ursachen",
        "Die kostenfreie Erstdiagnose – fair und transparent",
        "Was umfasst die Erstdiagnose?",
        "Was passiert danach?",
        "Unser Abgrenzungsgrundsatz",
    ];
    let policy = default_policy();
    for rule in policy.rules() {
        let clause = policy.clause(&rule.clause).unwrap();
        assert!(headings.contains(&clause.heading.as_str()), "{}: {}", clause.id, clause.heading);
    }
}

#[test]
fn each_row_by_example() {
    use Behaviour::{ChangeWanted, Conforms, Deviates};
    use Class::{BaseSoftwareBug, ChangeRequest, CustomizingBug, PlatformFault, ServiceRequest, Undetermined};
    use FaultCause::{BaseSoftware, CustomerSide, Customizing, NoneFound, Platform, ThirdParty};
    use Reproducible::{No, NotTested, OnlyWithCustomizing, Yes};

    #[rustfmt::skip]
    let examples = [
        // Performance tuning of software that does what was agreed.
        (findings(ChangeWanted, BaseSoftware, Yes, false), "classify.change-request", ChangeRequest, "billable.change-request"),
        (findings(ChangeWanted, NoneFound, NotTested, true), "classify.change-request", ChangeRequest, "billable.change-request"),
        // No reproduction needed where security is concerned.
        (findings(Deviates, BaseSoftware, NotTested, true), "classify.security-fault", BaseSoftwareBug, "free.security-fault"),
        (findings(Deviates, BaseSoftware, OnlyWithCustomizing, true), "classify.security-fault", BaseSoftwareBug, "free.security-fault"),
        (findings(Deviates, BaseSoftware, Yes, false), "classify.base-software-bug", BaseSoftwareBug, "free.base-software-bug"),
        (findings(Deviates, BaseSoftware, OnlyWithCustomizing, false), "classify.only-with-customizing", CustomizingBug, "billable.customizing-bug"),
        // A security hole in customizing too.
        (findings(Deviates, Customizing, Yes, true), "classify.customizing-bug", CustomizingBug, "billable.customizing-bug"),
        (findings(Deviates, Platform, NotTested, false), "classify.platform-fault", PlatformFault, "free.platform-fault"),
        (findings(Deviates, CustomerSide, No, false), "classify.customer-side", ServiceRequest, "billable.customer-side-cause"),
        (findings(Deviates, ThirdParty, No, false), "classify.third-party", ServiceRequest, "billable.third-party-cause"),
        (findings(Conforms, NoneFound, NotTested, false), "classify.service-request", ServiceRequest, "billable.individual-service"),
        (findings(Conforms, CustomerSide, NotTested, false), "classify.service-request", ServiceRequest, "billable.customer-side-cause"),
        (findings(Conforms, ThirdParty, NotTested, false), "classify.service-request", ServiceRequest, "billable.third-party-cause"),
        (findings(Deviates, NoneFound, Yes, true), "classify.undetermined", Undetermined, "withheld.unclassified"),
        (findings(Deviates, BaseSoftware, No, false), "classify.undetermined", Undetermined, "withheld.unclassified"),
        (findings(Deviates, BaseSoftware, NotTested, false), "classify.undetermined", Undetermined, "withheld.unclassified"),
    ];
    let policy = default_policy();
    for (findings, rule, class, charge) in examples {
        let outcome = policy.classify(&findings);
        assert_eq!(
            (outcome.rule.as_str(), outcome.class, outcome.charge.as_str()),
            (rule, class, charge),
            "{findings}"
        );
    }
}

/// Section 2 and 3 said again, as a decision instead of a table.
fn told(f: &Findings) -> (&'static str, Class, &'static str) {
    match f.behaviour {
        Behaviour::ChangeWanted => ("classify.change-request", Class::ChangeRequest, "billable.change-request"),
        Behaviour::Conforms => {
            let charge = match f.cause {
                FaultCause::CustomerSide => "billable.customer-side-cause",
                FaultCause::ThirdParty => "billable.third-party-cause",
                _ => "billable.individual-service",
            };
            ("classify.service-request", Class::ServiceRequest, charge)
        }
        Behaviour::Deviates => told_of_deviation(f),
    }
}

fn told_of_deviation(f: &Findings) -> (&'static str, Class, &'static str) {
    let undetermined = ("classify.undetermined", Class::Undetermined, "withheld.unclassified");
    match f.cause {
        FaultCause::NoneFound => undetermined,
        FaultCause::Platform => ("classify.platform-fault", Class::PlatformFault, "free.platform-fault"),
        FaultCause::Customizing => ("classify.customizing-bug", Class::CustomizingBug, "billable.customizing-bug"),
        FaultCause::CustomerSide => ("classify.customer-side", Class::ServiceRequest, "billable.customer-side-cause"),
        FaultCause::ThirdParty => ("classify.third-party", Class::ServiceRequest, "billable.third-party-cause"),
        FaultCause::BaseSoftware if f.security_relevant => {
            ("classify.security-fault", Class::BaseSoftwareBug, "free.security-fault")
        }
        FaultCause::BaseSoftware => match f.reproducible_in_standard {
            Reproducible::Yes => ("classify.base-software-bug", Class::BaseSoftwareBug, "free.base-software-bug"),
            Reproducible::OnlyWithCustomizing => {
                ("classify.only-with-customizing", Class::CustomizingBug, "billable.customizing-bug")
            }
            Reproducible::No | Reproducible::NotTested => undetermined,
        },
    }
}

#[test]
fn all_144_combinations_have_the_outcome_the_domain_tells() {
    let policy = default_policy();
    let mut count = 0;
    for findings in Findings::all() {
        assert_eq!(findings.index(), count);
        let outcome = policy.classify(&findings);
        let found = (outcome.rule.as_str(), outcome.class, outcome.charge.as_str());
        assert_eq!(found, told(&findings), "{findings}");
        count += 1;
    }
    assert_eq!((count, Findings::COUNT), (144, 144));
}

#[test]
fn a_class_is_free_chargeable_or_undetermined() {
    let policy = default_policy();
    let kinds = Class::ALL.map(|class| (class, policy.kind(class)));
    assert_eq!(
        kinds,
        [
            (Class::BaseSoftwareBug, Kind::Free),
            (Class::CustomizingBug, Kind::Chargeable),
            (Class::PlatformFault, Kind::Free),
            (Class::ServiceRequest, Kind::Chargeable),
            (Class::ChangeRequest, Kind::Chargeable),
            (Class::Undetermined, Kind::Undetermined),
        ]
    );
}
