use beleg_domain::facts::Account;
use beleg_domain::policy::{Problem, Required};

use crate::{changed, refused, with, without};

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
