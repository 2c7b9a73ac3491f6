//! The CSV, read lean: per incident its rows in order, and what it is about.

use super::super::{Trouble, input};
use crate::failure::Failure;
use crate::lang::Lang;
use crate::said::Said;
use chrono::NaiveDateTime;
use std::collections::HashMap;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;

/// Rows of one incident beyond this are a broken file, not a ticket.
const ROWS_PER_INCIDENT_MAX: usize = 2_000;

/// An incident's state as far as it means something to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Active,
    AwaitingUserInfo,
    Resolved,
    Closed,
    /// New, or awaiting somebody else.
    OtherOpen,
    /// No state at all (`-100`, `?`): the one before goes on.
    Unknown,
}

impl State {
    fn of(text: &str) -> Self {
        match text {
            "Active" => Self::Active,
            "Awaiting User Info" => Self::AwaitingUserInfo,
            "Resolved" => Self::Resolved,
            "Closed" => Self::Closed,
            "?" | "-100" | "" => Self::Unknown,
            _ => Self::OtherOpen,
        }
    }
}

/// One row: a change of an incident.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    /// Seconds since 1970, the row's time taken as UTC.
    pub(super) at: i64,
    modification: u32,
    pub(super) state: State,
    pub(super) by: Arc<str>,
    pub(super) assigned_to: Arc<str>,
}

/// An incident: what its first row says of it, and its rows in order.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    pub(super) number: String,
    caller: Arc<str>,
    pub(super) contact: Arc<str>,
    pub(super) about: Arc<str>,
    /// Never empty.
    pub(super) rows: Vec<Row>,
}

impl Incident {
    /// `caller-2403` of `Caller 2403`; one customer for all unknown ones.
    pub(super) fn customer(&self) -> String {
        named(&self.caller).unwrap_or_else(|| "caller-unknown".to_owned())
    }

    /// Its first row's time.
    pub(super) fn begins_at(&self) -> i64 {
        self.rows.first().map_or(i64::MAX, |row| row.at)
    }
}

/// An opaque id of a name in the log, `resolved-by-149` of `Resolved by 149`;
/// none for `?`.
pub(super) fn named(text: &str) -> Option<String> {
    if text == "?" || text.is_empty() {
        return None;
    }
    let words = text.split_whitespace().map(str::to_ascii_lowercase);
    let id = words.collect::<Vec<_>>().join("-");
    id.bytes().all(|byte| byte.is_ascii_graphic()).then_some(id)
}

/// A log, read.
pub(super) struct Log {
    pub(super) rows: u64,
    pub(super) incidents: Vec<Incident>,
    pub(super) bad: Vec<Trouble>,
}

/// Reads a file.
pub(super) fn read(path: &Path, lang: Lang) -> Result<Log, Failure> {
    of_reader(input::open(path, lang)?.reader, lang)
        .map_err(|what| Failure::Malformed { place: path.display().to_string(), what: what.in_(lang) })
}

/// Reads a text.
#[cfg(test)]
pub(super) fn of_text(text: &str) -> Log {
    of_reader(text.as_bytes(), Lang::En).expect("a well-formed heading")
}

/// Where the columns are.
struct Columns {
    number: usize,
    state: usize,
    modification: usize,
    caller: usize,
    by: usize,
    at: usize,
    assigned_to: usize,
    contact: usize,
    about: [usize; 6],
}

impl Columns {
    fn of(heading: &csv::StringRecord) -> Result<Self, Said> {
        let column = |name: &str| {
            heading.iter().position(|found| found == name).ok_or_else(|| {
                Said::new(
                    format!("in der Kopfzeile fehlt die Spalte {name}; ist es das Ereignisprotokoll der Incidents?"),
                    format!("the heading has no column {name}; is it the incident event log?"),
                )
            })
        };
        Ok(Self {
            number: column("number")?,
            state: column("incident_state")?,
            modification: column("sys_mod_count")?,
            caller: column("caller_id")?,
            by: column("sys_updated_by")?,
            at: column("sys_updated_at")?,
            assigned_to: column("assigned_to")?,
            contact: column("contact_type")?,
            about: [
                column("category")?,
                column("subcategory")?,
                column("u_symptom")?,
                column("impact")?,
                column("urgency")?,
                column("priority")?,
            ],
        })
    }
}

fn of_reader(input: impl BufRead, lang: Lang) -> Result<Log, Said> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(Lines { input, number: 0, ended: true });
    let heading = reader.headers().map_err(Said::quoted)?.clone();
    let columns = Columns::of(&heading)?;
    let mut names = Names::default();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut log = Log { rows: 0, incidents: Vec::new(), bad: Vec::new() };
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(Said::quoted)? {
        let line = reader.get_ref().first_of(&record);
        let row = match csv::StringRecord::from_byte_record(record) {
            Ok(row) => row,
            Err(error) => {
                // A row that is no text; the reader goes on behind it.
                let reason = Said::quoted(error.utf8_error()).in_(lang);
                log.bad.push(Trouble { line, code: None, reason });
                record = error.into_byte_record();
                continue;
            }
        };
        log.rows += 1;
        if let Err(reason) = take(&row, line, &heading, &columns, &mut names, &mut places, &mut log.incidents) {
            log.bad.push(Trouble { line, code: None, reason: reason.in_(lang) });
        }
        record = row.into_byte_record();
    }
    for incident in &mut log.incidents {
        // Stable, so rows of one minute and one count keep the file's order.
        incident.rows.sort_by_key(|row| (row.at, row.modification));
    }
    Ok(log)
}

fn take(
    record: &csv::StringRecord,
    line: u64,
    heading: &csv::StringRecord,
    columns: &Columns,
    names: &mut Names,
    places: &mut HashMap<String, usize>,
    incidents: &mut Vec<Incident>,
) -> Result<(), Said> {
    if record.len() != heading.len() {
        let (found, wanted) = (record.len(), heading.len());
        return Err(Said::new(
            format!("{found} Felder, wo die Kopfzeile {wanted} hat"),
            format!("{found} fields where the heading has {wanted}"),
        ));
    }
    let field = |index: usize| record.get(index).unwrap_or_default();
    let number = field(columns.number);
    if number.is_empty() || number.len() > 64 || !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Said::new(
            format!("number {number:?} ist keine Nummer eines Incidents"),
            format!("number {number:?} is no incident's number"),
        ));
    }
    let at = field(columns.at);
    let at = NaiveDateTime::parse_from_str(at, "%d/%m/%Y %H:%M").map_err(|_| {
        Said::new(
            format!("sys_updated_at {at:?} ist nicht Tag/Monat/Jahr Stunde:Minute"),
            format!("sys_updated_at {at:?} is no day/month/year hour:minute"),
        )
    })?;
    let modification = field(columns.modification);
    let row = Row {
        line,
        at: at.and_utc().timestamp(),
        modification: modification.parse().map_err(|_| {
            Said::new(
                format!("sys_mod_count {modification:?} ist keine Anzahl"),
                format!("sys_mod_count {modification:?} is no count"),
            )
        })?,
        state: State::of(field(columns.state)),
        by: names.one(field(columns.by)),
        assigned_to: names.one(field(columns.assigned_to)),
    };
    let place = *places.entry(number.to_owned()).or_insert_with(|| {
        let about = columns.about.map(|index| {
            let name = heading.get(index).unwrap_or_default().trim_start_matches("u_");
            format!("{name}: {}", field(index))
        });
        incidents.push(Incident {
            number: number.to_owned(),
            caller: names.one(field(columns.caller)),
            contact: names.one(field(columns.contact)),
            about: names.one(&about.join("; ")),
            rows: Vec::new(),
        });
        incidents.len() - 1
    });
    let rows = &mut incidents[place].rows;
    if rows.len() >= ROWS_PER_INCIDENT_MAX {
        return Err(Said::new(
            format!("{number} hat mehr als {ROWS_PER_INCIDENT_MAX} Zeilen"),
            format!("{number} has more than {ROWS_PER_INCIDENT_MAX} rows"),
        ));
    }
    rows.push(row);
    Ok(())
}

/// Hands on a line at a time, and counts: whoever has just read a record knows so in which line it ends. The parser's own
/// count is behind by one where lines end in CR LF, and by the empty lines before a record.
struct Lines<R> {
    input: R,
    /// Of the line handed on last, from 1.
    number: u64,
    /// Whether that line has been handed on to its end.
    ended: bool,
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let ahead = self.input.fill_buf()?;
        let line = ahead.iter().position(|byte| *byte == b'\n').map_or(ahead.len(), |end| end + 1);
        let length = line.min(room.len());
        room[..length].copy_from_slice(&ahead[..length]);
        self.input.consume(length);
        if let Some(last) = room[..length].last() {
            self.number += u64::from(self.ended);
            self.ended = *last == b'\n';
        }
        Ok(length)
    }
}

impl<R> Lines<R> {
    /// The line in which the record begins that was read last; a field in quotes may have gone over several.
    fn first_of(&self, record: &csv::ByteRecord) -> u64 {
        let ends = record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        self.number.saturating_sub(ends)
    }
}

/// Names that come up again and again, kept once.
#[derive(Default)]
struct Names(HashMap<Arc<str>, ()>);

impl Names {
    fn one(&mut self, text: &str) -> Arc<str> {
        if let Some((known, ())) = self.0.get_key_value(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.0.insert(Arc::clone(&new), ());
        new
    }
}

#[cfg(test)]
mod tests {
    use super::{State, named, of_reader, of_text};
    use crate::lang::Lang;

    const HEADING: &str = "number,incident_state,sys_mod_count,caller_id,sys_updated_by,sys_updated_at,contact_type,category,subcategory,u_symptom,impact,urgency,priority,assigned_to";

    #[test]
    fn rows_of_one_minute_are_ordered_by_count_then_by_place() {
        let log = of_text(&format!(
            "{HEADING}\n\
             INC1,Resolved,4,Caller 7,U 1,1/3/2016 9:05,Phone,?,?,?,?,?,?,?\n\
             INC1,Active,2,Caller 7,U 1,1/3/2016 9:05,Phone,?,?,?,?,?,?,?\n\
             INC1,-100,2,Caller 7,U 1,1/3/2016 9:05,Phone,?,?,?,?,?,?,?\n\
             INC1,New,9,Caller 7,U 1,29/2/2016 23:59,Phone,?,?,?,?,?,?,?\n"
        ));
        let states: Vec<State> = log.incidents[0].rows.iter().map(|row| row.state).collect();
        assert_eq!(states, [State::OtherOpen, State::Active, State::Unknown, State::Resolved]);
        assert_eq!(log.incidents[0].customer(), "caller-7");
        assert_eq!((log.rows, log.bad.len()), (4, 0));
    }

    #[test]
    fn bad_rows_are_named_and_the_rest_is_read() {
        let log = of_text(&format!(
            "{HEADING}\n\
             INC1,New,0,Caller 7,U 1,1/3/2016,Phone,?,?,?,?,?,?,?\n\
             INC1,New\n\
             ,New,0,Caller 7,U 1,1/3/2016 9:05,Phone,?,?,?,?,?,?,?\n\
             INC2,New,x,Caller 7,U 1,1/3/2016 9:05,Phone,?,?,?,?,?,?,?\n\
             INC3,New,0,?,U 1,1/3/2016 9:05,Phone,?,?,?,?,?,?,?\n"
        ));
        let lines: Vec<u64> = log.bad.iter().map(|trouble| trouble.line).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
        assert_eq!(log.incidents.len(), 1);
        assert_eq!(log.incidents[0].customer(), "caller-unknown");
    }

    #[test]
    fn lines_are_counted_however_they_end() {
        let text = format!(
            "{HEADING}\n\
             INC1,New,0,Caller 7,U 1,1/3/2016 9:05,Phone,\"two\nlines\",?,?,?,?,?,?\n\
             \n\
             INC1,New\n\
             INC1,Active,1,Caller 7,U 1,1/3/2016 9:06,Phone,{long},?,?,?,?,?,?\n\
             INC1,\u{e4},2\n\
             INC1,Closed",
            long = "x".repeat(20_000)
        );
        for text in [text.replace('\n', "\r\n"), text] {
            let log = of_text(&text);
            let rows: Vec<u64> = log.incidents[0].rows.iter().map(|row| row.line).collect();
            let bad: Vec<u64> = log.bad.iter().map(|trouble| trouble.line).collect();
            assert_eq!((rows, bad), (vec![2, 6], vec![5, 7, 8]), "{text:.200}");
        }
    }

    #[test]
    fn a_row_that_is_no_text_is_named_by_its_line() {
        for end in ["\n", "\r\n"] {
            let mut bytes = format!("{HEADING}{end}INC1,").into_bytes();
            bytes.extend_from_slice(b"\xff");
            bytes.extend_from_slice(format!("{end}INC1,New{end}").as_bytes());
            let log = of_reader(bytes.as_slice(), Lang::En).expect("a well-formed heading");
            let bad: Vec<u64> = log.bad.iter().map(|trouble| trouble.line).collect();
            assert_eq!(bad, [2, 3]);
            assert!(log.bad[0].reason.contains("utf-8"), "{}", log.bad[0].reason);
        }
    }

    #[test]
    fn names_become_opaque_ids() {
        assert_eq!(named("Opened by  8").as_deref(), Some("opened-by-8"));
        assert_eq!(named("?"), None);
    }
}
