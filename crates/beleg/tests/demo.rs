//! `beleg demo --exit`: the worked ticket, line by line, to the cent.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

/// What the ledger of the worked ticket says, in the order it was posted.
const LINES: [&str; 14] = [
    "1 free free.initial-diagnosis 09:10–09:40 0:30:00 0:00:00 0.00 EUR",
    "2 withheld withheld.diagnosis-overrun 09:40–09:50 0:10:00 0:00:00 0.00 EUR",
    "3 withheld withheld.before-information 09:55–10:00 0:05:00 0:00:00 0.00 EUR",
    "4 withheld withheld.before-approval 10:00–10:20 0:20:00 0:00:00 0.00 EUR",
    "5 billable billable.customizing-bug 10:20–12:00 1:40:00 1:40:00 200.00 EUR",
    "6 billable billable.customizing-bug 13:00–13:20 0:20:00 0:20:00 40.00 EUR",
    "7 withheld withheld.approval-exhausted 13:20–13:40 0:20:00 0:00:00 0.00 EUR",
    "8 withheld withheld.before-information 09:55–10:00 -0:05:00 0:00:00 0.00 EUR",
    "9 withheld withheld.before-approval 10:00–10:20 -0:20:00 0:00:00 0.00 EUR",
    "10 billable billable.customizing-bug 10:20–12:00 -1:40:00 -1:40:00 -200.00 EUR",
    "11 free free.base-software-bug 09:55–12:00 2:05:00 0:00:00 0.00 EUR",
    "12 billable billable.customizing-bug 13:00–13:20 -0:20:00 -0:20:00 -40.00 EUR",
    "13 withheld withheld.approval-exhausted 13:20–13:40 -0:20:00 0:00:00 0.00 EUR",
    "14 free free.base-software-bug 13:00–13:40 0:40:00 0:00:00 0.00 EUR",
];

fn demo(options: &[&str]) -> String {
    let mut beleg = Command::new(env!("CARGO_BIN_EXE_beleg"));
    let played = beleg.args(options).args(["demo", "--exit"]).env("NO_COLOR", "1").output().unwrap();
    assert_eq!(played.status.code(), Some(0), "{}", String::from_utf8_lossy(&played.stderr));
    String::from_utf8(played.stdout).unwrap()
}

/// The lines in a language: German has words of its own for the accounts, and a comma in amounts.
fn lines_in(lang: &str) -> Vec<String> {
    let german = |line: &&str| {
        let (rest, amount) = line.rsplit_once(".00 EUR").map(|(rest, _)| rest.rsplit_once(' ').unwrap()).unwrap();
        let mut words = rest.splitn(3, ' ');
        let (number, account) = (words.next().unwrap(), words.next().unwrap());
        let account = match account {
            "free" => "kostenfrei",
            "billable" => "berechnet",
            "withheld" => "übernommen",
            other => panic!("{other}"),
        };
        format!("{number} {account} {} {amount},00 EUR", words.next().unwrap())
    };
    match lang {
        "de" => LINES.iter().map(german).collect(),
        _ => LINES.iter().map(ToString::to_string).collect(),
    }
}

/// The first ticket's lines, with one blank between words.
fn first_ticket(said: &str) -> Vec<String> {
    let first = said.split("── 2.").next().unwrap();
    first.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_worked_ticket_is_printed_line_by_line_and_comes_to_nothing() {
    for (lang, time, money) in [
        (
            "en",
            "Time free 3:15:00 + withheld 0:10:00 = 3:25:00 worked",
            "Money 240.00 EUR charged, -240.00 EUR reversed, which leaves 0.00 EUR",
        ),
        (
            "de",
            "Zeit kostenfrei 3:15:00 + übernommen 0:10:00 = 3:25:00 gearbeitet",
            "Geld 240,00 EUR berechnet, -240,00 EUR zurückgenommen, es bleiben 0,00 EUR",
        ),
    ] {
        let wanted = lines_in(lang);
        let lines = first_ticket(&demo(&["--lang", lang]));
        let entries: Vec<&String> = lines.iter().filter(|line| line.ends_with(" EUR") && line.contains('–')).collect();
        assert_eq!(entries, wanted.iter().collect::<Vec<_>>(), "{lang}");
        assert!(lines.iter().any(|line| line == time), "{lang}: {lines:#?}");
        assert!(lines.iter().any(|line| line == money), "{lang}: {lines:#?}");
        for (entry, reversed) in [(8, 3), (9, 4), (10, 5), (12, 6), (13, 7)] {
            let at = lines.iter().position(|line| *line == wanted[entry - 1]).unwrap();
            let word = if lang == "en" { "reverses no." } else { "nimmt zurück Nr." };
            assert!(lines[at + 1].starts_with(&format!("└ {word} {reversed} ")), "{}", lines[at + 1]);
        }
    }
}

#[test]
fn every_ticket_of_the_demo_conserves_its_worked_time() {
    let said: Value = serde_json::from_str(&demo(&["--output", "json"])).unwrap();
    let tickets = said["tickets"].as_array().unwrap();
    assert_eq!(tickets.len(), 6);
    for ticket in tickets {
        assert_eq!(ticket["conserved"], true, "{ticket}");
        let entries = ticket["entries"]["entries"].as_array().unwrap();
        // Protobuf JSON leaves a zero out and writes a large number as a text.
        let number = |value: &Value| value.as_str().map_or(0, |text| text.parse::<i64>().unwrap());
        let worked: i64 = entries.iter().map(|entry| number(&entry["workedSeconds"])).sum();
        let amount: i64 = entries.iter().map(|entry| number(&entry["amount"]["amountMinor"])).sum();
        assert_eq!(ticket["workedSeconds"], worked, "{ticket}");
        let told = ticket["chargedMinor"].as_i64().unwrap() + ticket["reversedMinor"].as_i64().unwrap();
        assert_eq!(told, amount, "{ticket}");
    }
    let first = &tickets[0];
    let sums = ["workedSeconds", "chargedMinor", "reversedMinor"].map(|key| first[key].as_i64().unwrap());
    assert_eq!(sums, [205 * 60, 24_000, -24_000]);
}
