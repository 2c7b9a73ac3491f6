//! What became of an import's lines.

use super::{Item, Trouble};
use crate::failure::Failure;
use crate::lang::Lang;
use crate::refusal::Refusal;
use crate::screen::complain;
use crate::sentence::Sentence;
use crate::session::Session;
use beleg_server::pb;
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tonic::Status;

/// How many troubles are shown; all are counted, and written where asked.
const SHOWN_MAX: usize = 20;

/// Counts, and the troubles of the first lines in full.
pub(super) struct Tally {
    lang: Lang,
    position_before: i64,
    accepted: u64,
    accepted_synthetic: u64,
    already_there: u64,
    events: u64,
    bad: u64,
    refused: u64,
    rows: Option<Rows>,
    /// In the order of their lines.
    shown: Vec<Trouble>,
    errors: Option<(PathBuf, BufWriter<File>)>,
}

/// What a table of rows came to before it became commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// Rows read, without the heading.
    pub(super) rows: u64,
    /// Tickets they tell of.
    pub(super) tickets: u64,
}

impl Tally {
    /// Nothing yet; `errors` is where all troubles are written. What it held before is gone with this: first comes what
    /// may end an import before it begins.
    pub(super) fn new(position_before: i64, errors: Option<&Path>, lang: Lang) -> Result<Self, Failure> {
        let open = |path: &Path| {
            let file = File::create(path).map_err(|error| Failure::File { path: path.to_owned(), error })?;
            Ok::<_, Failure>((path.to_owned(), BufWriter::new(file)))
        };
        Ok(Self {
            lang,
            position_before,
            accepted: 0,
            accepted_synthetic: 0,
            already_there: 0,
            events: 0,
            bad: 0,
            refused: 0,
            rows: None,
            shown: Vec::new(),
            errors: errors.map(open).transpose()?,
        })
    }

    /// The source was a table.
    pub(super) fn table(&mut self, rows: Rows) {
        self.rows = Some(rows);
    }

    /// The server took a command, now or in an earlier run.
    pub(super) fn took(&mut self, synthetic: bool, receipt: &pb::Receipt) {
        if receipt.position <= self.position_before {
            self.already_there += 1;
            return;
        }
        self.accepted += 1;
        self.accepted_synthetic += u64::from(synthetic);
        self.events += receipt.events.len() as u64;
    }

    /// What needed no command, since an earlier run brought it.
    pub(super) fn known(&mut self, count: u64) {
        self.already_there += count;
    }

    /// The server refused a command.
    pub(super) fn refused(&mut self, item: &Item, status: &Status) -> Result<(), Failure> {
        self.refused += 1;
        let refusal = Refusal::of(status);
        let reason = refusal.in_one_line_of(self.lang);
        self.note(Trouble { line: item.line, code: Some(refusal.code), reason })
    }

    /// A line was no command.
    pub(super) fn bad(&mut self, trouble: Trouble) -> Result<(), Failure> {
        self.bad += 1;
        self.note(trouble)
    }

    /// Whether no line was lost.
    pub(super) fn is_clean(&self) -> bool {
        self.bad == 0 && self.refused == 0
    }

    fn note(&mut self, trouble: Trouble) -> Result<(), Failure> {
        if let Some((path, file)) = &mut self.errors {
            let line = json!(trouble);
            writeln!(file, "{line}").map_err(|error| Failure::File { path: path.clone(), error })?;
        }
        // By line, not by arrival: which answer comes first is another thing in every run.
        let place = self.shown.partition_point(|other| other.place() <= trouble.place());
        if place < SHOWN_MAX {
            self.shown.insert(place, trouble);
            self.shown.truncate(SHOWN_MAX);
        }
        Ok(())
    }

    /// Says it: troubles on standard error, counts on standard output.
    pub(super) fn report(&mut self, session: &Session) -> Result<(), Failure> {
        if let Some((path, file)) = &mut self.errors {
            file.flush().map_err(|error| Failure::File { path: path.clone(), error })?;
        }
        let lang = session.lang;
        let screen = &session.screen;
        // As JSON they stand in the document.
        for trouble in self.shown.iter().filter(|_| !screen.is_json()) {
            complain(Sentence::Trouble { line: trouble.line, reason: &trouble.reason }.in_(lang));
        }
        let more = (self.bad + self.refused).saturating_sub(self.shown.len() as u64);
        if more > 0 && !screen.is_json() {
            complain(Sentence::MoreTroubles { more }.in_(lang));
        }
        if screen.is_json() {
            return screen.json(&json!({
                "rows": self.rows.map(|rows| rows.rows),
                "tickets": self.rows.map(|rows| rows.tickets),
                "accepted": self.accepted,
                "acceptedSynthetic": self.accepted_synthetic,
                "alreadyThere": self.already_there,
                "events": self.events,
                "badLines": self.bad,
                "refused": self.refused,
                "troubles": self.shown,
                "troublesLeftOut": more,
            }));
        }
        if let Some(rows) = self.rows {
            screen.line(Sentence::RowsRead { rows: rows.rows, tickets: rows.tickets }.in_(lang))?;
        }
        screen.line(
            Sentence::Imported {
                accepted: self.accepted,
                synthetic: self.accepted_synthetic,
                events: self.events,
                already_there: self.already_there,
            }
            .in_(lang),
        )?;
        screen.line(Sentence::NotImported { bad: self.bad, refused: self.refused }.in_(lang))
    }
}

#[cfg(test)]
mod tests {
    use super::{SHOWN_MAX, Tally, Trouble};
    use crate::lang::Lang;

    fn shown(lines: impl Iterator<Item = u64>) -> Vec<(u64, String)> {
        let mut tally = Tally::new(0, None, Lang::En).expect("no file is opened");
        for line in lines {
            let reason = format!("of line {line}");
            // Two of each line, as a row may have that brings several commands.
            for reason in [format!("second {reason}"), format!("first {reason}")] {
                tally.bad(Trouble { line, code: None, reason }).expect("nothing is written");
            }
        }
        tally.shown.into_iter().map(|trouble| (trouble.line, trouble.reason)).collect()
    }

    #[test]
    fn the_troubles_of_the_first_lines_are_shown_whichever_came_first() {
        let forwards = shown(1..=25);
        assert_eq!(shown((1..=25).rev()), forwards);
        let lines: Vec<u64> = forwards.iter().map(|(line, _)| *line).collect();
        let first: Vec<u64> = (1..=10).flat_map(|line| [line, line]).collect();
        assert_eq!((lines, forwards.len()), (first, SHOWN_MAX));
        assert!(forwards[0].1.starts_with("first"));
    }
}
