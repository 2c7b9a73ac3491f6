use beleg_domain::policy::Problem;

use crate::{changed, refused, with};

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
