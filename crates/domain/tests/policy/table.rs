use beleg_domain::facts::{Account, Behaviour, Class, FaultCause, Reproducible};
use beleg_domain::policy::Problem;

use crate::{changed, findings, refused, with, without};

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
