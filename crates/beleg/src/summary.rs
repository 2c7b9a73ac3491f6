//! One event in a few words, from its payload: what a history's table shows beside the type.

use crate::lang::Lang;
use crate::{data_word, shown};
use beleg_server::pb;
use beleg_server::pb::information::Offer;
use beleg_server::pb::limit::Kind;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an event says; empty where its type says it all, or is not known here. The currency is the contract's, for
/// [some events](leaves_the_currency_open) do not repeat it.
pub(crate) fn of(event: &pb::Event, currency: &str, lang: Lang) -> String {
    let Ok(payload) = serde_json::from_slice::<Value>(&event.payload) else { return String::new() };
    let word = |value: &Value| value.as_str().map(|word| data_word::in_(word.to_owned(), lang)).unwrap_or_default();
    let parts = match event.r#type.as_str() {
        "ticket_opened" => vec![text(&payload["customer_id"]), word(&payload["impact"])],
        "work_logged" => vec![
            word(&payload["activity"]),
            text(&payload["performer_id"]),
            payload["duration_seconds"].as_i64().map(shown::duration).unwrap_or_default(),
        ],
        "findings_recorded" => {
            let findings = &payload["findings"];
            let words = ["behaviour", "cause", "reproducible_in_standard"].map(|name| text(&findings[name]));
            vec![shown::found(words, findings["security_relevant"] == true, lang)]
        }
        "ticket_classified" => vec![word(&payload["class"]), text(&payload["rule"])],
        "customer_informed" => vec![offer(&payload["offer"], currency, lang)],
        "approval_given" => vec![word(&payload["basis"]), limit(&payload["limit"], currency, lang)],
        "work_assessed" | "quote_assessed" => assessed(&payload, lang),
        _ => Vec::new(),
    };
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Whether an event has money in it whose currency stands elsewhere.
pub(crate) fn leaves_the_currency_open(event: &pb::Event) -> bool {
    let payload = serde_json::from_slice::<Value>(&event.payload).unwrap_or_default();
    payload["offer"]["quote_minor"].is_i64() || payload["limit"]["minor"].is_i64()
}

/// Whose ticket an event opens.
pub(crate) fn customer(event: &pb::Event) -> Option<String> {
    let payload = serde_json::from_slice::<Value>(&event.payload).ok()?;
    payload["customer_id"].as_str().map(str::to_owned)
}

fn money(minor: i64, currency: &str) -> pb::Money {
    pb::Money { currency_code: currency.to_owned(), amount_minor: minor }
}

fn offer(value: &Value, currency: &str, lang: Lang) -> String {
    let estimate = value["estimate_minutes"].as_i64().map(Offer::EstimateMinutes);
    let quote = || value["quote_minor"].as_i64().map(|minor| Offer::Quote(money(minor, currency)));
    estimate.or_else(quote).map(|offer| shown::offer(&offer, lang)).unwrap_or_default()
}

fn limit(value: &Value, currency: &str, lang: Lang) -> String {
    let time = value["minutes"].as_i64().map(Kind::Minutes);
    let price = || value["minor"].as_i64().map(|minor| Kind::Money(money(minor, currency)));
    let none = || (value.as_str() == Some("unlimited")).then_some(Kind::Unlimited(true));
    let kind = time.or_else(price).or_else(none);
    kind.map(|kind| shown::limit(Some(&pb::Limit { kind: Some(kind) }), lang)).unwrap_or_default()
}

/// What was posted, per account.
fn assessed(payload: &Value, lang: Lang) -> Vec<String> {
    let currency = text(&payload["currency"]);
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for segment in payload["posted"].as_array().into_iter().flatten() {
        let sum = sums.entry(text(&segment["account"])).or_default();
        sum.0 = sum.0.saturating_add(segment["worked_seconds"].as_i64().unwrap_or(0));
        sum.1 = sum.1.saturating_add(segment["amount_minor"].as_i64().unwrap_or(0));
    }
    let one = |(account, (seconds, minor)): (String, (i64, i64))| {
        let mut said = data_word::in_(account, lang);
        if seconds != 0 {
            said.push_str(&format!(" {}", shown::duration(seconds)));
        }
        if minor != 0 {
            said.push_str(&format!(" {}", shown::amount_minor(minor, &currency, lang)));
        }
        said
    };
    sums.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{leaves_the_currency_open, of};
    use crate::lang::Lang;
    use beleg_server::pb;

    fn event(kind: &str, payload: &str) -> pb::Event {
        pb::Event { r#type: kind.to_owned(), payload: payload.as_bytes().to_vec().into(), ..Default::default() }
    }

    #[test]
    fn an_assessment_is_summed_per_account() {
        let payload = r#"{"currency":"EUR","posted":[
            {"account":"billable","amount_minor":12000,"worked_seconds":3600},
            {"account":"free","amount_minor":0,"worked_seconds":60},{"account":"free","amount_minor":0,"worked_seconds":60}]}"#;
        let assessed = event("work_assessed", payload);
        assert_eq!(of(&assessed, "", Lang::En), "billable 1:00:00 120.00 EUR, free 0:02:00");
        assert_eq!(of(&assessed, "", Lang::De), "berechnet 1:00:00 120,00 EUR, kostenfrei 0:02:00");
        assert!(!leaves_the_currency_open(&assessed));
    }

    #[test]
    fn an_estimate_is_told_from_a_quote_and_money_has_the_contract_s_currency() {
        let estimated = event("customer_informed", r#"{"offer":{"estimate_minutes":120}}"#);
        assert_eq!(of(&estimated, "", Lang::En), "estimate 2:00:00");
        assert_eq!(of(&estimated, "", Lang::De), "Schätzung 2:00:00");
        assert!(!leaves_the_currency_open(&estimated));
        let quoted = event("customer_informed", r#"{"offer":{"quote_minor":123456789}}"#);
        assert!(leaves_the_currency_open(&quoted));
        assert_eq!(of(&quoted, "EUR", Lang::En), "quote 1234567.89 EUR");
        assert_eq!(of(&quoted, "EUR", Lang::De), "Angebot 1234567,89 EUR");
        assert_eq!(of(&event("customer_informed", r#"{"offer":"none"}"#), "EUR", Lang::En), "");
        let approved = event("approval_given", r#"{"basis":"hourly","limit":{"minor":30000}}"#);
        assert!(leaves_the_currency_open(&approved));
        assert_eq!(of(&approved, "EUR", Lang::En), "hourly, 300.00 EUR");
        let unlimited = event("approval_given", r#"{"basis":"hourly","limit":"unlimited"}"#);
        assert_eq!(of(&unlimited, "EUR", Lang::En), "hourly, ∞");
    }

    #[test]
    fn a_finding_says_what_was_reproducible() {
        let payload = r#"{"findings":{"behaviour":"deviates","cause":"base_software",
            "reproducible_in_standard":"no","security_relevant":true}}"#;
        let found = event("findings_recorded", payload);
        assert_eq!(of(&found, "", Lang::En), "deviates, base_software, reproducible: no, security-relevant");
        let german = of(&found, "", Lang::De);
        assert!(german.ends_with("reproduzierbar: nein, sicherheitsrelevant"), "{german}");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(of(&event("invented", "{}"), "", Lang::En), "");
        assert_eq!(of(&event("work_logged", "no json"), "", Lang::En), "");
        assert!(!leaves_the_currency_open(&event("work_logged", "no json")));
        assert_eq!(
            of(&event("approval_given", r#"{"basis":"hourly","limit":{"minutes":60}}"#), "", Lang::En),
            "hourly, 1:00:00"
        );
    }
}
