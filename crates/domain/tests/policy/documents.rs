use beleg_domain::policy::{Policy, Problem};

use crate::{DEFAULT, changed, line_of, refused};

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
