use beleg_domain::facts::Account;
use beleg_domain::policy::{Policy, Problem, Required};

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
fn a_text_that_gives_a_terminal_orders_is_refused() {
    let wrong =
        |place: &str, field, character| [Problem::ControlCharacter { place: place.to_owned(), field, character }];
    let texts = [
        ("en = \"Support and billing\"", "title", "en"),
        ("heading = \"Was umfasst die Erstdiagnose?\"", "clause \"4.2\"", "heading"),
        ("en = \"What we do specifically for one customer is chargeable.\"", "clause \"3.1\"", "en"),
        ("en = \"This time is included in the price of the accepted quote.\"", "rule \"covered.quote\"", "en"),
    ];
    for (written, place, field) in texts {
        for (escape, character) in [("u001b[31m", '\u{1b}'), ("u009b", '\u{9b}'), ("u007f", '\u{7f}'), ("r", '\r')] {
            let toml = changed(written, &format!("{}\\{escape} \"", &written[..written.len() - 1]));
            assert_eq!(refused(&toml), wrong(place, field, character));
        }
        // Lines and columns are text, whoever ends lines how.
        let toml = changed(written, &format!("{}\\n\\t-\\r\\n\"", &written[..written.len() - 1]));
        assert!(Policy::from_toml(&toml).is_ok(), "{place}");
    }
    assert_eq!(
        wrong("title", "en", '\u{1b}')[0].to_string(),
        "title: the text \"en\" holds the control character U+001B; a text may hold line ends and tabs, and no others"
    );
}

#[test]
fn what_a_parser_repeats_of_a_document_gives_a_terminal_no_orders() {
    let toml = changed("late_work_days = 35", "late_work_days = 35\n\"\\u001b[31m\" = 1");
    let said = refused(&toml)[0].to_string();
    assert!(said.contains("[31m") && !said.contains('\u{1b}'), "{said:?}");
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
