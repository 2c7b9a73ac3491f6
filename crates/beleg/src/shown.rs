//! How values are written for people: money, durations, instants, names.

use crate::data_word;
use crate::instant;
use crate::lang::Lang;
use beleg_server::pb;
use beleg_server::pb::information::Offer;
use chrono::SecondsFormat;
use iso_currency::Currency;
use prost_types::Timestamp;
use std::fmt::Display;

/// `1 entry`, `2 entries`.
pub(crate) fn counted<N: Display + PartialEq + From<u8>>(count: N, one: &str, several: &str) -> String {
    let noun = if count == N::from(1) { one } else { several };
    format!("{count} {noun}")
}

/// A text that others wrote, as it may go to a terminal: what that would obey is written out.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() && !matches!(letter, '\n' | '\t') {
            plain.extend(letter.escape_default());
        } else {
            plain.push(letter);
        }
    }
    plain
}

/// A policy's text in the reader's language.
pub(crate) fn policy_text(text: Option<&pb::Text>, lang: Lang) -> String {
    text.map(|text| plain(lang.pick(&text.de, &text.en))).unwrap_or_default()
}

/// `240.00 EUR`, in German `240,00 EUR`, with as many digits as the currency has. Integers only.
pub(crate) fn money(amount: &pb::Money, lang: Lang) -> String {
    amount_minor(amount.amount_minor, &amount.currency_code, lang)
}

/// The same of an amount that may be absent.
pub(crate) fn money_or_dash(amount: Option<&pb::Money>, lang: Lang) -> String {
    amount.map_or_else(|| "–".to_owned(), |amount| money(amount, lang))
}

/// `240.00 EUR` of 24000 and `EUR`; an unknown currency is shown in minor
/// units, and says so, rather than with a decimal point somebody guessed.
pub(crate) fn amount_minor(minor: i64, currency_code: &str, lang: Lang) -> String {
    let exponent = currency_code.parse::<Currency>().ok().and_then(|known| known.exponent());
    let Some(exponent) = exponent else {
        return format!("{} {currency_code}", minor_units(minor, lang)).trim_end().to_owned();
    };
    let sign = if minor < 0 { "-" } else { "" };
    let units = 10_u64.pow(u32::from(exponent));
    let (whole, rest) = (minor.unsigned_abs() / units, minor.unsigned_abs() % units);
    match usize::from(exponent) {
        0 => format!("{sign}{whole} {currency_code}"),
        digits => format!("{sign}{whole}{}{rest:0digits$} {currency_code}", lang.pick(',', '.')),
    }
}

/// Money whose currency is not known.
pub(crate) fn minor_units(minor: i64, lang: Lang) -> String {
    let (one, several) = lang.pick(("kleinste Einheit", "kleinste Einheiten"), ("minor unit", "minor units"));
    counted(minor, one, several)
}

/// `1:40:00` of 6000 seconds.
pub(crate) fn duration(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let all = seconds.unsigned_abs();
    format!("{sign}{}:{:02}:{:02}", all / 3600, all / 60 % 60, all % 60)
}

/// `2026-03-02T09:10:00Z`, with a fraction only where there is one.
pub(crate) fn time(stamp: Option<&Timestamp>) -> String {
    match stamp.map(|stamp| (stamp, instant::of_stamp(stamp))) {
        None => "–".to_owned(),
        Some((_, Some(at))) => at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        Some((stamp, None)) => format!("{} s", stamp.seconds),
    }
}

/// `09:10` of an instant on a day that is clear from elsewhere.
pub(crate) fn clock(stamp: Option<&Timestamp>) -> String {
    clock_as(stamp, "%H:%M")
}

/// `09:10–09:50`; with seconds where it does not begin and end with a minute.
pub(crate) fn window(from: Option<&Timestamp>, to: Option<&Timestamp>) -> String {
    let whole = [from, to].into_iter().flatten().all(|stamp| stamp.seconds % 60 == 0 && stamp.nanos == 0);
    let form = if whole { "%H:%M" } else { "%H:%M:%S" };
    format!("{}–{}", clock_as(from, form), clock_as(to, form))
}

fn clock_as(stamp: Option<&Timestamp>, form: &str) -> String {
    stamp.and_then(instant::of_stamp).map_or_else(|| "–".to_owned(), |at| at.format(form).to_string())
}

/// `system/number`.
pub(crate) fn reference(reference: Option<&pb::Reference>) -> String {
    reference.map_or_else(|| "–".to_owned(), |r| format!("{}/{}", r.system, r.number))
}

/// What the customer was told it would take, and which of the two it is: an estimate binds nobody, a quote does.
pub(crate) fn offer(offer: &Offer, lang: Lang) -> String {
    match offer {
        Offer::EstimateMinutes(minutes) => {
            format!("{} {}", lang.pick("Schätzung", "estimate"), duration(minutes.saturating_mul(60)))
        }
        Offer::Quote(price) => format!("{} {}", lang.pick("Angebot", "quote"), money(price, lang)),
    }
}

/// An approval's limit: time, money or explicitly none.
pub(crate) fn limit(limit: Option<&pb::Limit>, lang: Lang) -> String {
    match limit.and_then(|limit| limit.kind.as_ref()) {
        None => "–".to_owned(),
        Some(pb::limit::Kind::Minutes(minutes)) => duration(minutes.saturating_mul(60)),
        Some(pb::limit::Kind::Money(amount)) => money(amount, lang),
        Some(pb::limit::Kind::Unlimited(_)) => "∞".to_owned(),
    }
}

/// `approval #17` for every cause, the number being the log position, where
/// there is one: a preview names what is not recorded yet.
pub(crate) fn causes(causes: &[pb::Cause], lang: Lang) -> String {
    let one = |cause: &pb::Cause| match cause.position {
        0 => data_word::in_(cause.role.clone(), lang),
        position => format!("{} #{position}", data_word::in_(cause.role.clone(), lang)),
    };
    causes.iter().map(one).collect::<Vec<_>>().join(" · ")
}

/// The domain's word for a protocol enum: `ACCOUNT_FREE` is `free`. Absent is a dash.
fn name(proto_name: &str, prefix: &str) -> String {
    match proto_name.strip_prefix(prefix) {
        None | Some("UNSPECIFIED") => "–".to_owned(),
        Some(rest) => rest.to_ascii_lowercase(),
    }
}

/// `free`, `billable`, `covered` or `withheld`.
pub(crate) fn account(account: pb::Account) -> String {
    name(account.as_str_name(), "ACCOUNT_")
}

/// For example `customizing_bug`.
pub(crate) fn class(class: pb::Class) -> String {
    name(class.as_str_name(), "CLASS_")
}

/// `incident` or `request`.
pub(crate) fn impact(impact: pb::Impact) -> String {
    name(impact.as_str_name(), "IMPACT_")
}

/// `open`, `resolved` or `closed`.
pub(crate) fn status(status: pb::TicketStatus) -> String {
    name(status.as_str_name(), "TICKET_STATUS_")
}

/// `diagnosis` or `execution`.
pub(crate) fn activity(activity: pb::Activity) -> String {
    name(activity.as_str_name(), "ACTIVITY_")
}

/// `hourly` or `quote`.
pub(crate) fn basis(basis: pb::Basis) -> String {
    name(basis.as_str_name(), "BASIS_")
}

/// `provider`, `customer` or `nobody`.
pub(crate) fn turn(turn: pb::Turn) -> String {
    name(turn.as_str_name(), "TURN_")
}

/// `deviates, customizing, reproducible: no`.
pub(crate) fn findings(findings: &pb::Findings, lang: Lang) -> String {
    let words = [
        name(findings.behaviour().as_str_name(), "BEHAVIOUR_"),
        name(findings.cause().as_str_name(), "FAULT_CAUSE_"),
        name(findings.reproducible_in_standard().as_str_name(), "REPRODUCIBLE_"),
    ];
    found(words, findings.security_relevant, lang)
}

/// The same of behaviour, cause and reproducibility as the log names them.
pub(crate) fn found(words: [String; 3], security_relevant: bool, lang: Lang) -> String {
    let [behaviour, cause, reproducible] = words.map(|word| data_word::in_(word, lang));
    let label = lang.pick("reproduzierbar", "reproducible");
    let mut text = format!("{behaviour}, {cause}, {label}: {reproducible}");
    if security_relevant {
        text.push_str(lang.pick(", sicherheitsrelevant", ", security-relevant"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{account, amount_minor, duration, plain, policy_text, window};
    use crate::instant;
    use crate::lang::Lang;
    use beleg_server::pb;

    #[test]
    fn money_has_the_digits_of_its_currency() {
        assert_eq!(amount_minor(24_000, "EUR", Lang::En), "240.00 EUR");
        assert_eq!(amount_minor(-5, "EUR", Lang::En), "-0.05 EUR");
        assert_eq!(amount_minor(12_000, "EUR", Lang::De), "120,00 EUR");
        assert_eq!(amount_minor(1_200, "JPY", Lang::En), "1200 JPY");
        assert_eq!(amount_minor(1_234, "BHD", Lang::En), "1.234 BHD");
        assert_eq!(amount_minor(i64::MIN, "EUR", Lang::En), "-92233720368547758.08 EUR");
        assert_eq!(amount_minor(7, "NOPE", Lang::En), "7 minor units NOPE");
        assert_eq!(amount_minor(1, "NOPE", Lang::De), "1 kleinste Einheit NOPE");
    }

    #[test]
    fn no_text_gives_a_terminal_orders() {
        assert_eq!(plain("Größe\n\t1"), "Größe\n\t1");
        assert_eq!(plain("a\u{1b}[31mb\u{9b}c\rd\u{7f}"), "a\\u{1b}[31mb\\u{9b}c\\rd\\u{7f}");
        let text = pb::Text { de: "\u{7}Ton".to_owned(), en: "\u{7}tone".to_owned() };
        assert_eq!(policy_text(Some(&text), Lang::De), "\\u{7}Ton");
        assert_eq!(policy_text(None, Lang::En), "");
    }

    #[test]
    fn durations_are_hours_minutes_seconds() {
        assert_eq!(duration(6_000), "1:40:00");
        assert_eq!(duration(-1_200), "-0:20:00");
        assert_eq!(duration(360_001), "100:00:01");
    }

    #[test]
    fn a_window_of_seconds_is_no_empty_one() {
        let at = |second: i64| Some(instant::stamp_of_seconds(39_600 + second));
        assert_eq!(window(at(0).as_ref(), at(60).as_ref()), "11:00–11:01");
        assert_eq!(window(at(0).as_ref(), at(30).as_ref()), "11:00:00–11:00:30");
        assert_eq!(window(at(10).as_ref(), at(60).as_ref()), "11:00:10–11:01:00");
        assert_eq!(window(at(0).as_ref(), None), "11:00––");
    }

    #[test]
    fn names_are_the_domain_s() {
        assert_eq!(account(pb::Account::Withheld), "withheld");
        assert_eq!(account(pb::Account::Unspecified), "–");
    }
}
