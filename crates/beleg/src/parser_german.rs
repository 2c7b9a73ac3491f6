//! What the parser of arguments says, in German.
//!
//! The parser gives what is wrong as a kind with its context, so nothing of its English sentences is taken apart but
//! for the few that come as a text.

use crate::lang::Lang;
use crate::said::Said;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;
use std::fmt::Write as _;
use std::net::AddrParseError;
use std::num::{IntErrorKind, ParseIntError};

/// How each of them begins.
pub(crate) const BEGINS: &str = "Fehler: ";

/// The whole message. `None` for what is no error (help, version) and is German by itself.
pub(crate) fn of(error: &clap::Error) -> Option<String> {
    let what = what(error)?;
    let mut said = format!("{BEGINS}{what}");
    let suggestions = suggestions(error);
    if !suggestions.is_empty() {
        said.push('\n');
    }
    for suggestion in suggestions {
        let _ = write!(said, "\n  Tipp: {suggestion}");
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = usage.to_string();
        let _ = write!(said, "\n\nAufruf: {}", usage.trim_start_matches("Usage:").trim());
    }
    said.push_str("\n\nMehr dazu: '--help'.");
    Some(said)
}

fn what(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let (argument, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
    let number = |kind| match error.get(kind) {
        Some(ContextValue::Number(number)) => *number,
        _ => 0,
    };
    Some(match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return None;
        }
        ErrorKind::InvalidValue => {
            let problem = if value.is_empty() {
                format!("'{argument}' braucht einen Wert")
            } else {
                format!("'{value}' ist kein Wert für '{argument}'")
            };
            format!("{problem}{}", listed("möglich", error.get(ContextKind::ValidValue)))
        }
        ErrorKind::UnknownArgument => format!("'{argument}' gibt es hier nicht"),
        ErrorKind::InvalidSubcommand => {
            format!("'{}' ist kein Unterbefehl", text(ContextKind::InvalidSubcommand))
        }
        ErrorKind::NoEquals => format!("'{argument}' nimmt seinen Wert nach einem Gleichheitszeichen"),
        ErrorKind::ValueValidation => {
            format!("'{value}' ist kein Wert für '{argument}'{}", reason(error))
        }
        ErrorKind::TooManyValues => format!("'{value}' ist ein Wert zu viel für '{argument}'"),
        ErrorKind::TooFewValues => format!(
            "'{argument}' braucht mindestens {} Werte, da sind {}",
            number(ContextKind::MinValues),
            number(ContextKind::ActualNumValues)
        ),
        ErrorKind::WrongNumberOfValues => format!(
            "'{argument}' braucht {} Werte, da sind {}",
            number(ContextKind::ExpectedNumValues),
            number(ContextKind::ActualNumValues)
        ),
        ErrorKind::ArgumentConflict => conflict(error, argument),
        ErrorKind::MissingRequiredArgument => {
            let mut said = "es fehlt:".to_owned();
            if let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) {
                missing.iter().for_each(|one| said.push_str(&format!("\n  {one}")));
            }
            said
        }
        ErrorKind::MissingSubcommand => format!(
            "'{}' braucht einen Unterbefehl{}",
            text(ContextKind::InvalidSubcommand),
            listed("es gibt", error.get(ContextKind::ValidSubcommand))
        ),
        ErrorKind::InvalidUtf8 => "ein Wert ist kein Text in UTF-8".to_owned(),
        // The words are the program's or the system's.
        _ => Said::quoted(error).in_(Lang::De),
    })
}

fn conflict(error: &clap::Error, argument: &str) -> String {
    let prior = error.get(ContextKind::PriorArg);
    match prior {
        Some(ContextValue::String(prior)) if prior == argument => format!("'{argument}' darf nur einmal stehen"),
        Some(ContextValue::String(prior)) => format!("'{argument}' und '{prior}' schließen einander aus"),
        Some(ContextValue::Strings(prior)) => {
            format!("'{argument}' schließt dies aus:\n  {}", prior.join("\n  "))
        }
        _ if argument.is_empty() => own_words(error),
        _ => format!("'{argument}' passt nicht zu den anderen Argumenten"),
    }
}

/// Of an error that this program made itself, in the language of the call: its message.
fn own_words(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let message = rendered.split("\n\n").next().unwrap_or_default();
    message.strip_prefix("error: ").unwrap_or(message).trim().to_owned()
}

fn listed(heading: &str, values: Option<&ContextValue>) -> String {
    match values {
        Some(ContextValue::Strings(values)) if !values.is_empty() => format!("\n  [{heading}: {}]", values.join(", ")),
        _ => String::new(),
    }
}

/// Why a value is none.
fn reason(error: &clap::Error) -> String {
    let Some(source) = error.source() else { return String::new() };
    if let Some(said) = source.downcast_ref::<Said>() {
        return format!(": {}", said.clone().in_(Lang::De));
    }
    if let Some(number) = source.downcast_ref::<ParseIntError>() {
        return match number.kind() {
            IntErrorKind::PosOverflow => ": die Zahl ist zu groß".to_owned(),
            IntErrorKind::NegOverflow => ": die Zahl ist zu klein".to_owned(),
            _ => ": das ist keine ganze Zahl".to_owned(),
        };
    }
    if source.is::<AddrParseError>() {
        return ": das ist keine Adresse wie 127.0.0.1:7311".to_owned();
    }
    let said = source.to_string();
    match said.split_once(" is not in ") {
        Some((_, range)) => format!(": erlaubt ist {range}"),
        None => format!("; {}", Said::quoted(said).in_(Lang::De)),
    }
}

fn suggestions(error: &clap::Error) -> Vec<String> {
    let mut suggestions = Vec::new();
    for kind in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue] {
        match error.get(kind) {
            Some(ContextValue::String(one)) => suggestions.push(format!("gemeint ist vielleicht '{one}'")),
            Some(ContextValue::Strings(several)) if !several.is_empty() => {
                suggestions.push(format!("gemeint ist vielleicht '{}'", several.join("' oder '")));
            }
            _ => {}
        }
    }
    if let Some(ContextValue::StyledStrs(tips)) = error.get(ContextKind::Suggested) {
        suggestions.extend(tips.iter().filter_map(|tip| suggestion(&tip.to_string())));
    }
    suggestions
}

/// These come as sentences; one of no known form is left out.
fn suggestion(tip: &str) -> Option<String> {
    if let Some((value, instead)) = tip.strip_prefix("to pass ").and_then(|rest| rest.split_once(" as a value, use ")) {
        return Some(format!("{value} als Wert schreibt sich {instead}"));
    }
    let known = tip.strip_suffix(" exists")?;
    Some(format!("es gibt {known}"))
}
