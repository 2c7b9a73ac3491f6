//! What goes wrong, as one JSON object on standard error: for callers that are programs.

use crate::failure::Failure;
use crate::lang::Lang;
use crate::{parser_german, policy_german};
use clap::error::ErrorKind;
use serde_json::{Map, Value, json};

/// A failure as `{"code", "reason"?, "message", "hint"?, …}`. `code` is stable; `message` and `hint` are for people.
pub(crate) fn of_failure(failure: &Failure, lang: Lang) -> Value {
    let told = failure.told_in(lang);
    let mut object = Map::new();
    object.insert("code".to_owned(), json!(failure.code()));
    if let Failure::Refused(refusal) = failure {
        if let Some(reason) = &refusal.reason {
            object.insert("reason".to_owned(), json!(reason));
        }
        let message = told.lines().next().unwrap_or_default();
        object.insert("message".to_owned(), json!(message));
        if message != refusal.message {
            // In German the sentence is of the reason; the server's own has the case.
            object.insert("detail".to_owned(), json!(refusal.message));
        }
        if !refusal.violations.is_empty() {
            object.insert("violations".to_owned(), json!(refusal.violations));
        }
        if !refusal.facts.is_empty() {
            let facts: Map<_, _> = refusal.facts.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
            object.insert("facts".to_owned(), Value::Object(facts));
        }
        if let Some(millis) = refusal.retry_after_millis {
            object.insert("retryAfterMillis".to_owned(), json!(millis));
        }
        if let Some(hint) = crate::failure::hint(refusal.code, lang) {
            object.insert("hint".to_owned(), json!(hint));
        }
        return Value::Object(object);
    }
    if let Failure::BadPolicy { problems, .. } = failure {
        let problems: Vec<_> = problems.iter().map(|problem| policy_german::told(problem, lang)).collect();
        object.insert("message".to_owned(), json!(told.lines().next().unwrap_or_default()));
        object.insert("problems".to_owned(), json!(problems));
        return Value::Object(object);
    }
    // What to do stands under what is wrong, indented.
    let (message, hint) = match told.split_once("\n  ") {
        Some((message, hint)) if failure.has_hint() => (message, Some(hint)),
        _ => (told.as_str(), None),
    };
    object.insert("message".to_owned(), json!(message));
    if let Some(hint) = hint {
        let lines: Vec<&str> = hint.lines().map(str::trim).collect();
        object.insert("hint".to_owned(), json!(lines.join("\n")));
    }
    Value::Object(object)
}

/// Arguments that the parser refused.
pub(crate) fn of_usage(error: &clap::Error, lang: Lang) -> Value {
    let german = parser_german::of(error).filter(|_| lang == Lang::De);
    let rendered = german.unwrap_or_else(|| error.render().to_string());
    let message = rendered.split("\n\n").next().unwrap_or_default();
    let begins = lang.pick(parser_german::BEGINS, "error: ");
    let message = message.strip_prefix(begins).unwrap_or(message).trim();
    let message = match error.kind() {
        // There the text is the whole help.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            lang.pick("es fehlt ein Unterbefehl", "a subcommand is missing")
        }
        _ => message,
    };
    json!({ "code": "USAGE", "message": message, "hint": lang.pick("Hilfe: beleg --help", "for help: beleg --help") })
}

/// Whether arguments that were not understood asked for JSON.
pub(crate) fn asked_for(arguments: impl Iterator<Item = std::ffi::OsString>) -> bool {
    let arguments: Vec<_> = arguments.collect();
    arguments.iter().any(|one| one == "--output=json")
        || arguments.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json")
}
