//! One event in a few words, from its payload: what a history's table shows beside the type.

use crate::lang::Lang;
use crate::{data_word, shown};
use beleg_server::pb;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an event says; empty where its type says it all, or is not known here.
pub(crate) fn of(event: &pb::Event, lang: Lang) -> String {
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
            vec![word(&findings["behaviour"]), word(&findings["cause"]), word(&findings["reproducible_in_standard"])]
        }
        "ticket_classified" => vec![word(&payload["class"]), text(&payload["rule"])],
        "customer_informed" => vec![bounds(&payload["offer"], lang)],
        "approval_given" => vec![word(&payload["basis"]), bounds(&payload["limit"], lang)],
        "work_assessed" | "quote_assessed" => assessed(&payload, lang),
        _ => Vec::new(),
    };
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An estimate, a quote or a limit: minutes or money.
fn bounds(value: &Value, lang: Lang) -> String {
    let minutes = ["minutes", "estimate_minutes"].iter().find_map(|key| value[*key].as_i64());
    if let Some(minutes) = minutes {
        return shown::duration(minutes.saturating_mul(60));
    }
    // The currency is the contract's and not repeated in the event.
    let minor = ["minor", "quote_minor"].iter().find_map(|key| value[*key].as_i64());
    match (minor, value.as_str()) {
        (Some(minor), _) => shown::amount_minor(minor, "", lang),
        (None, Some("unlimited")) => "∞".to_owned(),
        (None, _) => String::new(),
    }
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
    use super::of;
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
        assert_eq!(of(&event("work_assessed", payload), Lang::En), "billable 1:00:00 120.00 EUR, free 0:02:00");
        assert_eq!(of(&event("work_assessed", payload), Lang::De), "berechnet 1:00:00 120,00 EUR, kostenfrei 0:02:00");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(of(&event("invented", "{}"), Lang::En), "");
        assert_eq!(of(&event("work_logged", "no json"), Lang::En), "");
        assert_eq!(
            of(&event("approval_given", r#"{"basis":"hourly","limit":{"minutes":60}}"#), Lang::En),
            "hourly, 1:00:00"
        );
    }
}
