//! What is wrong with a file's YAML, told to people who write scenarios and not programs.

use crate::said::{QUOTED, Said};
use crate::shown::plain;
use serde_saphyr::{Error, UserMessageFormatter};

/// What of a file a complaint repeats, at most.
const REPEATED_CHARS_MAX: usize = 40;

/// The line, where it is known, and what is wrong there.
pub(super) fn told(error: &Error, text: &str) -> (Option<u64>, Said) {
    (error.location().map(|location| location.line()), complaint(error, text))
}

fn complaint(error: &Error, text: &str) -> Said {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => complaint(error, text),
        Error::SerdeUnknownField { field, expected, .. } => {
            let (field, meant) = (plain(field), meant(field, expected));
            Said::new(
                format!(
                    "unbekannter Schlüssel {field}{}",
                    meant.map_or_else(String::new, |one| format!("; gemeint: {one}?"))
                ),
                format!("unknown key {field}{}", meant.map_or_else(String::new, |one| format!("; is {one} meant?"))),
            )
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            let (variant, words) = (plain(variant), expected.join(", "));
            Said::new(
                format!("{variant} gibt es hier nicht; möglich: {words}"),
                format!("{variant} is not known here; possible: {words}"),
            )
        }
        Error::SerdeMissingField { field, .. } => {
            Said::new(format!("hier fehlt der Schlüssel {field}"), format!("the key {field} is missing here"))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().map_or_else(|| "?".to_owned(), plain);
            Said::new(format!("der Schlüssel {key} steht hier zweimal"), format!("the key {key} stands here twice"))
        }
        Error::MultipleDocuments { .. } => Said::new(
            "hier beginnt ein zweites Dokument; eine Datei ist eine einzige Liste von Szenarien",
            "a second document begins here; a file is one list of scenarios",
        ),
        Error::InvalidScalar { ty: "i64", .. } => {
            let (de, en) = written(error, text);
            Said::new(format!("{de} ist keine ganze Zahl"), format!("{en} is no whole number"))
        }
        Error::InvalidScalar { ty: "boolean", .. } | Error::InvalidBooleanStrict { .. } => {
            let (de, en) = written(error, text);
            Said::new(format!("{de} ist weder true noch false"), format!("{en} is neither true nor false"))
        }
        Error::Unexpected { expected: "sequence start", .. } => {
            Said::new("hier steht etwas anderes als eine Liste", "something other than a list stands here")
        }
        Error::Unexpected { expected: "mapping start", .. } => Said::new(
            "hier steht etwas anderes als Schlüssel mit ihren Werten",
            "something other than keys with their values stands here",
        ),
        Error::Unexpected { expected: "string scalar", .. }
        | Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. }
        | Error::UnexpectedValueForUnitEnumVariant { .. } => Said::new(
            "hier steht etwas anderes als ein einzelner Wert",
            "something other than a single value stands here",
        ),
        Error::NullIntoString { .. } => Said::new("hier fehlt ein Wert", "a value is missing here"),
        // The only key that takes one or more.
        Error::Message { msg, .. } if msg.contains("untagged enum") => Said::new(
            "expect_error ist ein gRPC-Status oder eine Liste davon",
            "expect_error is one gRPC status or a list of them",
        ),
        _ => {
            let said = error.render_with_formatter(&UserMessageFormatter);
            // Its place stands before it already.
            let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
            Said::new(
                format!("das YAML lässt sich nicht lesen; {QUOTED} {said}"),
                format!("the YAML cannot be read: {said}"),
            )
        }
    }
}

/// What stands where the error is, as the file has it.
fn written(error: &Error, text: &str) -> (String, String) {
    let value = error.location().and_then(|location| {
        let from = usize::try_from(location.span().byte_offset()?).ok()?;
        let bytes = usize::try_from(location.span().byte_len()?).ok()?;
        text.get(from..from.checked_add(bytes)?).map(str::trim)
    });
    match value {
        Some(value) => {
            let value: String = value.chars().take(REPEATED_CHARS_MAX).collect();
            (format!("{value:?}"), format!("{value:?}"))
        }
        None => ("dieser Wert".to_owned(), "this value".to_owned()),
    }
}

/// The key that was probably meant: one wrong letter in every three at most, and two in all.
fn meant<'k>(key: &str, keys: &[&'k str]) -> Option<&'k str> {
    let far = |one: &str| (distance(key, one), key.chars().count().max(one.chars().count()));
    let near = keys.iter().filter_map(|one| {
        let (far, letters) = far(one);
        (far <= 2 && far * 3 <= letters).then_some((far, *one))
    });
    near.min().map(|(_, one)| one)
}

/// How many letters to change, add or leave out to get from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, same) in other.chars().map(|one| one == letter).enumerate() {
            let changed = diagonal + usize::from(!same);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::file::parse;
    use super::meant;
    use crate::lang::Lang;

    const HEAD: &str = "- name: n\n  why: w\n  contract: {currency: EUR}\n  steps:\n";
    const OPEN: &str = "    - {at: \"2026-03-02T09:00\", do: open, impact: incident}\n";
    const EXPECT: &str = "  expect: {}\n";

    #[test]
    fn a_key_is_suggested_only_where_it_is_near() {
        let keys = ["at", "do", "ticket", "id", "impact", "by", "from", "to", "limit_minutes"];
        for (key, near) in [
            ("impct", Some("impact")),
            ("tikett", Some("ticket")),
            ("fron", Some("from")),
            ("limit_minuts", Some("limit_minutes")),
            ("foo", None),
            ("x", None),
            ("ad", None),
            ("for", None),
            ("", None),
        ] {
            assert_eq!(meant(key, &keys), near, "{key}");
        }
    }

    /// What stands in the place of a file and its line, in both languages.
    fn told(text: &str) -> (Option<u64>, String, String) {
        let (line, en) = parse(text, Lang::En).expect_err(text);
        let (_, de) = parse(text, Lang::De).expect_err(text);
        (line, de, en)
    }

    #[test]
    fn what_the_parser_finds_is_told_in_our_words() {
        let step = |what: &str| format!("{HEAD}{OPEN}    - {{at: \"2026-03-02T09:00\", {what}}}\n{EXPECT}");
        for (text, line, de, en) in [
            (
                format!("{HEAD}{OPEN}{EXPECT}  why: again\n"),
                7,
                "der Schlüssel why steht hier zweimal",
                "the key why stands here twice",
            ),
            (
                step("do: resolve, reason: a, reason: b"),
                6,
                "der Schlüssel reason steht hier zweimal",
                "the key reason stands here twice",
            ),
            (
                format!("{HEAD}{OPEN}{EXPECT}---\n{HEAD}{OPEN}{EXPECT}"),
                8,
                "hier beginnt ein zweites Dokument; eine Datei ist eine einzige Liste von Szenarien",
                "a second document begins here; a file is one list of scenarios",
            ),
            (
                step("do: inform, id: I1, estimate_minutes: viel"),
                6,
                "\"viel\" ist keine ganze Zahl",
                "\"viel\" is no whole number",
            ),
            (
                step("do: inform, id: I1, estimate_minutes: 1.5"),
                6,
                "\"1.5\" ist keine ganze Zahl",
                "\"1.5\" is no whole number",
            ),
            (
                step("do: approve, id: A1, no_limit: vielleicht"),
                6,
                "\"vielleicht\" ist weder true noch false",
                "\"vielleicht\" is neither true nor false",
            ),
            (
                step("do: inform, id: [I1]"),
                6,
                "hier steht etwas anderes als ein einzelner Wert",
                "something other than a single value stands here",
            ),
            (
                step("do: open, impact: [incident]"),
                6,
                "hier steht etwas anderes als ein einzelner Wert",
                "something other than a single value stands here",
            ),
            (
                format!("{HEAD}    - open\n{EXPECT}"),
                5,
                "hier steht etwas anderes als Schlüssel mit ihren Werten",
                "something other than keys with their values stands here",
            ),
            (
                "name: n\n".to_owned(),
                1,
                "hier steht etwas anderes als eine Liste",
                "something other than a list stands here",
            ),
            (
                step("do: open, impact: incidnt"),
                6,
                "incidnt gibt es hier nicht; möglich: incident, request",
                "incidnt is not known here; possible: incident, request",
            ),
            (
                format!("{HEAD}    - {{do: open}}\n{EXPECT}"),
                5,
                "hier fehlt der Schlüssel at",
                "the key at is missing here",
            ),
            (
                format!("{}{OPEN}{EXPECT}", HEAD.replace("why: w", "why:")),
                2,
                "hier fehlt ein Wert",
                "a value is missing here",
            ),
            (
                step("do: resolve, expect_error: {a: b}"),
                6,
                "expect_error ist ein gRPC-Status oder eine Liste davon",
                "expect_error is one gRPC status or a list of them",
            ),
        ] {
            assert_eq!(told(&text), (Some(line), de.to_owned(), en.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_yaml_is_told_without_its_place_and_without_orders_to_a_terminal() {
        for text in [
            format!("{HEAD}{OPEN}   expect: {{}}\n"),
            format!("{HEAD}    - {{at: \"2026-03-02\", do: open\n{EXPECT}"),
            format!("{HEAD}    - {{at: \"2026-03-02\", do: \"a\u{1b}b\"}}\n{EXPECT}"),
        ] {
            let (line, de, en) = told(&text);
            assert!(line.is_some(), "{en}");
            assert!(en.starts_with("the YAML cannot be read: ") && !en.contains("column"), "{en}");
            assert!(de.starts_with("das YAML lässt sich nicht lesen; im Wortlaut: "), "{de}");
            assert!(!en.contains('\u{1b}'), "{en:?}");
        }
        let (_, _, en) = told(&format!("{HEAD}    - {{at: \"2026-03-02\", \"\\e[31m\": open}}\n{EXPECT}"));
        assert_eq!(en, "unknown key \\u{1b}[31m");
    }
}
