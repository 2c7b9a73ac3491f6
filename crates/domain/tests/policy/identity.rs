use beleg_domain::policy::{Policy, Problem};

use crate::{changed, default_policy};

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
fn a_text_that_may_no_longer_be_published_can_be_read_back() {
    let json = String::from_utf8(default_policy().canonical_json().to_vec()).unwrap();
    let from = "This time is included in the price of the accepted quote.";
    assert!(json.contains(from));
    // RFC 8785 writes this character so.
    let published = json.replacen(from, "\\u001b[31mfree\\u001b[0m", 1);
    let policy = Policy::from_canonical_json(published.as_bytes()).unwrap();
    assert_eq!(policy.rule("covered.quote").unwrap().text.en, "\u{1b}[31mfree\u{1b}[0m");
    assert_eq!(policy.canonical_json(), published.as_bytes());
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
