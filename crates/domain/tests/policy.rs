//! The default policy says what domain.md sections 2 and 3 say, and a policy that is wrong is refused with its reason.

#![allow(clippy::unwrap_used)]

use beleg_domain::facts::{Account, Behaviour, Class, FaultCause, Findings, Reproducible};
use beleg_domain::policy::{Kind, Policy, Problem, Required, RuleId};

const DEFAULT: &str = include_str!("../../../policies/support.toml");

fn default_policy() -> Policy {
    Policy::from_toml(DEFAULT).unwrap()
}

/// The default policy with one place changed; the place must be there exactly once.
fn changed(from: &str, to: &str) -> String {
    assert_eq!(DEFAULT.matches(from).count(), 1, "not exactly once in the default policy: {from}");
    DEFAULT.replacen(from, to, 1)
}

/// The default policy without the paragraph that starts with these lines.
fn without(start: &str) -> String {
    assert_eq!(DEFAULT.matches(start).count(), 1, "not exactly once in the default policy: {start}");
    let at = DEFAULT.find(start).unwrap();
    let rest = &DEFAULT[at..];
    let end = rest.find("\n\n").unwrap_or(rest.len());
    format!("{}{}", &DEFAULT[..at], &rest[end..])
}

/// The default policy with more of its paragraphs at the end.
fn with(paragraphs: &str) -> String {
    format!("{DEFAULT}\n{paragraphs}")
}

fn refused(toml: &str) -> Vec<Problem> {
    Policy::from_toml(toml).unwrap_err()
}

fn line_of(toml: &str, text: &str) -> usize {
    1 + toml.lines().position(|line| line.contains(text)).unwrap()
}

fn findings(
    behaviour: Behaviour,
    cause: FaultCause,
    reproducible_in_standard: Reproducible,
    security_relevant: bool,
) -> Findings {
    Findings { behaviour, cause, reproducible_in_standard, security_relevant }
}

// What the default policy says.

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

// Identity.

#[test]
fn layout_comments_and_key_order_do_not_change_the_hash() {
    let toml = changed("name = \"support\"\n", "# said otherwise\nname    =   'support'\n\n\n");
    let title = r#"title = { de = "Support und Abrechnung", en = "Support and billing" }"#;
    assert!(toml.contains(title));
    let toml = toml.replacen(title, "title.en = \"Support and billing\"\ntitle.de = \"Support und Abrechnung\"", 1);
    let rule = "id = \"covered.quote\"\naccount = \"covered\"\nclause = \"3.5\"\n";
    assert!(toml.contains(rule));
    let toml = toml.replacen(rule, "clause = \"3.5\"\naccount = \"covered\"\nid = \"covered.quote\"\n", 1);
    let list = r#"reproducible = ["no", "not_tested"] }"#;
    assert!(toml.contains(list));
    let toml = toml.replacen(list, r#"reproducible = ["not_tested", "no"] }"#, 1);

    let (as_written, otherwise) = (default_policy(), Policy::from_toml(&toml).unwrap());
    assert_eq!(otherwise.hash(), as_written.hash());
    assert_eq!(otherwise, as_written);
}

#[test]
fn one_changed_letter_changes_the_hash() {
    let toml = changed("You pay nothing more.", "You pay nothing else.");
    assert_ne!(Policy::from_toml(&toml).unwrap().hash(), default_policy().hash());
}

#[test]
fn canonical_json_round_trips() {
    let policy = default_policy();
    let again = Policy::from_canonical_json(policy.canonical_json()).unwrap();
    assert_eq!(again, policy);
    assert_eq!(again.hash(), policy.hash());

    let json = String::from_utf8(policy.canonical_json().to_vec()).unwrap();
    assert!(json.starts_with(r#"{"classification":[{"charge":"#), "keys are sorted");
    assert!(json.contains(r#""charge_by_cause":{"customer_side":"billable.customer-side-cause","#));
}

#[test]
fn json_that_is_not_canonical_is_refused() {
    let policy = default_policy();
    let mut spaced = policy.canonical_json().to_vec();
    spaced.push(b'\n');
    assert_eq!(Policy::from_canonical_json(&spaced), Err(vec![Problem::NotCanonical]));
}

#[test]
fn json_is_checked_like_toml() {
    let json = String::from_utf8(default_policy().canonical_json().to_vec()).unwrap();
    let from = r#""late_work_days":35"#;
    assert!(json.contains(from));

    let beyond = json.replacen(from, r#""late_work_days":3661"#, 1);
    let problem = Problem::LimitOutOfRange { limit: "late_work_days", value: 3_661, value_max: 3_660 };
    assert_eq!(Policy::from_canonical_json(beyond.as_bytes()), Err(vec![problem]));

    let unknown = json.replacen(from, r#""late_work_days":35,"late_work_weeks":5"#, 1);
    let problems = Policy::from_canonical_json(unknown.as_bytes()).unwrap_err();
    assert!(matches!(&problems[..], [Problem::Json { message }] if message.contains("late_work_weeks")));

    let fraction = json.replacen(from, r#""late_work_days":35.5"#, 1);
    assert!(Policy::from_canonical_json(fraction.as_bytes()).is_err());
    assert!(Policy::from_canonical_json(b"\xff").is_err());
    assert!(Policy::from_canonical_json(b"").is_err());
}

// Documents that are no policy.

#[test]
fn syntax_is_refused_with_its_line() {
    let toml = changed("late_work_days = 35", "late_work_days = = 35");
    let line = line_of(&toml, "= = 35");
    let problems = refused(&toml);
    assert!(matches!(&problems[..], [Problem::Toml { line: Some(at), .. }] if *at == line), "{problems:?}");
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let places = [
        ("late_work_days = 35", "late_work_days = 35\nsurprise = 1"),
        ("id = \"1.1\"", "id = \"1.1\"\nsurprise = 1"),
        ("id = \"covered.quote\"", "id = \"covered.quote\"\nsurprise = 1"),
        ("when = { behaviour = [\"conforms\"] }", "when = { behaviour = [\"conforms\"], surprise = 1 }"),
        ("name = \"support\"", "name = \"support\"\nsurprise = 1"),
    ];
    for (from, to) in places {
        let toml = changed(from, to);
        let line = line_of(&toml, "surprise");
        let problems = refused(&toml);
        let [Problem::Toml { line: Some(at), message }] = &problems[..] else {
            panic!("{problems:?}");
        };
        assert_eq!(*at, line, "{message}");
        assert!(message.contains("surprise"), "{message}");
        assert!(problems[0].to_string().starts_with(&format!("line {line}: ")));
    }
}

#[test]
fn an_unknown_word_is_refused_with_its_line() {
    let toml = changed("class = \"platform_fault\"", "class = \"act_of_god\"");
    let line = line_of(&toml, "act_of_god");
    let problems = refused(&toml);
    assert!(matches!(&problems[..], [Problem::Toml { line: Some(at), .. }] if *at == line), "{problems:?}");
}

#[test]
fn a_document_too_large_is_refused_unread() {
    let toml = format!("{DEFAULT}\n#{}", "x".repeat(256 * 1024));
    let problem = Problem::TooLarge { bytes: toml.len(), bytes_max: 256 * 1024 };
    assert_eq!(Policy::from_canonical_json(toml.as_bytes()), Err(vec![problem.clone()]));
    assert_eq!(Policy::from_toml(&toml), Err(vec![problem]));
}

#[test]
fn a_malformed_name_is_refused() {
    for name in ["", "Support", "9support", "sup port", "a12345678901234567890123456789012"] {
        let toml = changed("name = \"support\"", &format!("name = \"{name}\""));
        assert_eq!(refused(&toml), [Problem::MalformedName { name: name.to_owned() }]);
    }
    let longest = changed("name = \"support\"", "name = \"a1234567890123456789012345678-01\"");
    assert!(Policy::from_toml(&longest).is_ok());
}

#[test]
fn limits_have_ranges() {
    let limits =
        [("initial_diagnosis_minutes", 30, 1_440), ("late_entry_hours", 24, 8_760), ("late_work_days", 35, 3_660)];
    for (limit, default, value_max) in limits {
        for value in [-1, value_max + 1, i64::MIN, i64::MAX] {
            let toml = changed(&format!("{limit} = {default}"), &format!("{limit} = {value}"));
            assert_eq!(refused(&toml), [Problem::LimitOutOfRange { limit, value, value_max }]);
        }
        for value in [0, value_max] {
            let toml = changed(&format!("{limit} = {default}"), &format!("{limit} = {value}"));
            assert!(Policy::from_toml(&toml).is_ok(), "{limit} = {value}");
        }
    }
}

// Clauses, rules and texts.

#[test]
fn a_missing_clause_is_refused() {
    let problems = refused(&without("[[clause]]\nid = \"4.2\""));
    let problem = Problem::UnknownClause { rule: "withheld.diagnosis-overrun".to_owned(), clause: "4.2".to_owned() };
    assert_eq!(problems, [problem]);
}

#[test]
fn a_clause_without_a_rule_is_refused() {
    let toml = changed("account = \"withheld\"\nclause = \"5.4\"", "account = \"withheld\"\nclause = \"5.3\"");
    assert_eq!(refused(&toml), [Problem::UnusedClause { clause: "5.4".to_owned() }]);
}

#[test]
fn a_malformed_clause_number_is_refused() {
    let toml = with("[[clause]]\nid = \"7.\"\nheading = \"h\"\nde = \"d\"\nen = \"e\"\n");
    assert_eq!(
        refused(&toml),
        [Problem::MalformedClauseId { id: "7.".to_owned() }, Problem::UnusedClause { clause: "7.".to_owned() },]
    );
}

#[test]
fn a_missing_translation_is_refused() {
    let missing = |place: &str, field| [Problem::MissingText { place: place.to_owned(), field }];

    let toml = changed("en = \"This time is included in the price of the accepted quote.\"\n", "");
    assert_eq!(refused(&toml), missing("rule \"covered.quote\"", "en"));

    let toml = changed("\"What we do specifically for one customer is chargeable.\"", "\" \\n \"");
    assert_eq!(refused(&toml), missing("clause \"3.1\"", "en"));

    let toml = changed("de = \"Support und Abrechnung\", ", "");
    assert_eq!(refused(&toml), missing("title", "de"));

    let toml = changed("heading = \"Was umfasst die Erstdiagnose?\"", "heading = \"\"");
    assert_eq!(refused(&toml), missing("clause \"4.2\"", "heading"));
}

#[test]
fn a_missing_required_rule_is_refused() {
    let problems = refused(&without("[[rule]]\nid = \"withheld.declined\""));
    let problem = Problem::MissingRule { rule: "withheld.declined", account: Account::Withheld };
    assert_eq!(problems, [problem]);
}

#[test]
fn every_required_rule_is_required_with_its_account() {
    for required in Required::ALL {
        let start = format!("[[rule]]\nid = \"{required}\"");
        let missing = Problem::MissingRule { rule: required.as_str(), account: required.account() };
        assert!(refused(&without(&start)).contains(&missing));

        let other = match required.account() {
            Account::Free => Account::Withheld,
            _ => Account::Free,
        };
        let from = format!("id = \"{required}\"\naccount = \"{}\"", required.account());
        let problems = refused(&changed(&from, &format!("id = \"{required}\"\naccount = \"{other}\"")));
        let wrong = Problem::WrongAccount {
            rule: required.to_string(),
            expected: Some(required.account()),
            found: Some(other),
        };
        assert_eq!(problems, [wrong]);
    }
}

#[test]
fn a_rule_posts_to_the_account_its_name_promises() {
    let rule = "id = \"billable.change-request\"\n";
    let problems = refused(&changed(&format!("{rule}account = \"billable\""), rule));
    let wrong = Problem::WrongAccount {
        rule: "billable.change-request".to_owned(),
        expected: Some(Account::Billable),
        found: None,
    };
    assert!(problems.contains(&wrong), "{problems:?}");
    assert_eq!(wrong.to_string(), "rule \"billable.change-request\" must have account billable, not no account");
}

#[test]
fn duplicate_ids_are_refused() {
    let toml =
        with("[[rule]]\nid = \"covered.quote\"\naccount = \"covered\"\nclause = \"3.5\"\nde = \"d\"\nen = \"e\"\n");
    assert_eq!(refused(&toml), [Problem::DuplicateRule { id: "covered.quote".to_owned() }]);

    let toml = with("[[clause]]\nid = \"3.5\"\nheading = \"h\"\nde = \"d\"\nen = \"e\"\n");
    assert_eq!(refused(&toml), [Problem::DuplicateClause { id: "3.5".to_owned() }]);
}

#[test]
fn a_malformed_rule_id_is_refused() {
    for id in ["quote", "gratis.quote", "covered.Quote", "covered.", "covered.a.b"] {
        let toml = with(&format!("[[rule]]\nid = \"{id}\"\nclause = \"3.5\"\nde = \"d\"\nen = \"e\"\n"));
        let problems = refused(&toml);
        assert!(problems.contains(&Problem::MalformedRuleId { id: id.to_owned() }), "{id}: {problems:?}");
    }
}

#[test]
fn a_rule_that_nothing_uses_is_refused() {
    for (id, account) in [("classify.rain", ""), ("free.rain", "account = \"free\"\n")] {
        let toml = with(&format!("[[rule]]\nid = \"{id}\"\n{account}clause = \"3.5\"\nde = \"d\"\nen = \"e\"\n"));
        assert_eq!(refused(&toml), [Problem::UnusedRule { rule: id.to_owned() }]);
    }
}

// The table.

#[test]
fn a_gap_is_refused_with_its_combinations() {
    use Reproducible::{No, NotTested};
    let toml = changed(
        "security_relevant = [false], reproducible = [\"no\", \"not_tested\"] }",
        "security_relevant = [false], reproducible = [\"not_tested\"] }",
    );
    let gap = findings(Behaviour::Deviates, FaultCause::BaseSoftware, No, false);
    let problems = refused(&toml);
    assert_eq!(problems, [Problem::Gap { findings: gap }]);
    assert_eq!(
        problems[0].to_string(),
        "gap: no row applies to behaviour deviates, cause base_software, reproducible no, not security-relevant"
    );

    // With no platform row: 4 results of reproduction, security-relevant or not, and a class that nothing reaches.
    let problems = refused(&without("[[classification]]\nrule = \"classify.platform-fault\""));
    let gaps = problems.iter().filter(|problem| matches!(problem, Problem::Gap { .. }));
    assert_eq!(gaps.count(), 8);
    assert!(
        problems
            .contains(&Problem::Gap { findings: findings(Behaviour::Deviates, FaultCause::Platform, NotTested, true) })
    );
    assert!(problems.contains(&Problem::ClassWithoutRow { class: Class::PlatformFault }));
    assert!(problems.contains(&Problem::UnusedRule { rule: "classify.platform-fault".to_owned() }));
}

#[test]
fn an_overlap_is_refused_with_both_rules() {
    let toml = changed("security_relevant = [false], reproducible = [\"yes\"] }", "reproducible = [\"yes\"] }");
    let overlap = Problem::Overlap {
        findings: findings(Behaviour::Deviates, FaultCause::BaseSoftware, Reproducible::Yes, true),
        first: "classify.security-fault".to_owned(),
        second: "classify.base-software-bug".to_owned(),
    };
    assert_eq!(refused(&toml), [overlap]);
}

#[test]
fn gaps_and_overlaps_are_listed_up_to_twenty() {
    let gaps = refused(&changed(
        "when = { behaviour = [\"conforms\"] }",
        "when = { behaviour = [\"conforms\"], cause = [\"customer_side\", \"third_party\"] }",
    ));
    assert_eq!(gaps.len(), 21);
    assert_eq!(gaps[20], Problem::MoreGaps { count: 32 - 20 });

    let overlaps = refused(&changed(
        "when = { behaviour = [\"conforms\"] }",
        "when = { behaviour = [\"conforms\", \"deviates\"] }",
    ));
    assert_eq!(overlaps.len(), 21);
    assert_eq!(overlaps[20], Problem::MoreOverlaps { count: 48 - 20 });
}

#[test]
fn a_row_names_a_rule_that_classifies() {
    let unknown = refused(&changed(
        "[[classification]]\nrule = \"classify.customizing-bug\"",
        "[[classification]]\nrule = \"classify.typo\"",
    ));
    assert!(unknown.contains(&Problem::UnknownClassifier { rule: "classify.typo".to_owned() }));

    let posting = refused(&changed(
        "[[classification]]\nrule = \"classify.customizing-bug\"",
        "[[classification]]\nrule = \"billable.customizing-bug\"",
    ));
    let problem =
        Problem::ClassifierWithAccount { rule: "billable.customizing-bug".to_owned(), account: Account::Billable };
    assert!(posting.contains(&problem), "{posting:?}");
}

#[test]
fn one_rule_names_one_class() {
    let problems = refused(&changed(
        "rule = \"classify.third-party\"\nclass = \"service_request\"",
        "rule = \"classify.customer-side\"\nclass = \"change_request\"",
    ));
    let problem = Problem::ClassifierWithTwoClasses {
        rule: "classify.customer-side".to_owned(),
        first: Class::ServiceRequest,
        second: Class::ChangeRequest,
    };
    assert!(problems.contains(&problem), "{problems:?}");
}

#[test]
fn a_row_charges_by_a_rule_with_an_account() {
    let rule = "classify.change-request".to_owned();
    let from = "charge = \"billable.change-request\"";
    let unknown = refused(&changed(from, "charge = \"billable.typo\""));
    let charge = "billable.typo".to_owned();
    assert!(unknown.contains(&Problem::UnknownCharge { rule: rule.clone(), charge }));

    let classifying = refused(&changed(from, "charge = \"classify.change-request\""));
    let charge = rule.clone();
    assert!(classifying.contains(&Problem::ChargeWithoutAccount { rule: rule.clone(), charge }));

    for charge in ["billable.quote-delivered", "covered.prepaid", "free.agreed-otherwise"] {
        let reserved = refused(&changed(from, &format!("charge = \"{charge}\"")));
        let charge = charge.to_owned();
        assert!(reserved.contains(&Problem::ReservedCharge { rule: rule.clone(), charge }));
    }
}

#[test]
fn a_class_is_not_free_here_and_billable_there() {
    let toml = changed(
        "customer_side = \"billable.customer-side-cause\", third_party",
        "customer_side = \"free.platform-fault\", third_party",
    );
    let problem = Problem::MixedClass {
        class: Class::ServiceRequest,
        first: "billable.customer-side-cause".to_owned(),
        second: "free.platform-fault".to_owned(),
    };
    assert_eq!(refused(&toml), [problem]);
}

#[test]
fn only_undetermined_is_withheld_and_never_charged() {
    let withheld = refused(&changed("charge = \"free.platform-fault\"", "charge = \"withheld.unclassified\""));
    let charge = "withheld.unclassified".to_owned();
    assert!(withheld.contains(&Problem::WithheldClass { class: Class::PlatformFault, charge }));

    let row = "cause = [\"none_found\"] }\ncharge = ";
    for charge in ["billable.individual-service", "withheld.before-approval", "free.platform-fault"] {
        let toml = changed(&format!("{row}\"withheld.unclassified\""), &format!("{row}\"{charge}\""));
        assert_eq!(refused(&toml), [Problem::ChargedUndetermined { charge: charge.to_owned() }]);
    }
}

#[test]
fn a_charge_for_a_cause_the_row_never_meets_is_refused() {
    let toml = changed(
        "charge = \"free.platform-fault\"",
        "charge = \"free.platform-fault\"\ncharge_by_cause = { customizing = \"free.platform-fault\" }",
    );
    let problem = Problem::StrayCharge { rule: "classify.platform-fault".to_owned(), cause: FaultCause::Customizing };
    assert_eq!(refused(&toml), [problem]);
}

#[test]
fn a_row_that_never_applies_is_refused() {
    let toml = with(
        "[[classification]]\nrule = \"classify.undetermined\"\nclass = \"undetermined\"\nwhen = { cause = [] }\ncharge = \"withheld.unclassified\"\n",
    );
    assert_eq!(refused(&toml), [Problem::EmptyRow { rule: "classify.undetermined".to_owned() }]);
}

// Reporting.

#[test]
fn all_problems_are_reported_together() {
    let toml = changed("late_entry_hours = 24", "late_entry_hours = -1");
    let toml = toml.replacen("name = \"support\"", "name = \"Support\"", 1);
    let toml = toml.replacen("You pay nothing more.", "", 1);
    let toml = toml.replacen("[\"change_wanted\"]", "[\"change_wanted\"], cause = [\"platform\"]", 1);
    let problems = refused(&toml);
    assert!(matches!(problems[0], Problem::MalformedName { .. }));
    assert!(matches!(problems[1], Problem::LimitOutOfRange { .. }));
    assert!(matches!(problems[2], Problem::Gap { .. }));
    assert_eq!(problems.last(), Some(&Problem::MoreGaps { count: 40 - 20 }));
}

#[test]
fn the_list_of_problems_is_bounded() {
    let toml: String = (0..1_000).map(|_| "[[clause]]\nid = \"x\"\n").collect();
    let problems = refused(&with(&toml));
    assert_eq!(problems.len(), 201);
    assert!(matches!(problems[200], Problem::More { count } if count > 1_000));
}
