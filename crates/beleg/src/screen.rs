//! Everything that is printed: lines, tables, JSON, progress.

use crate::data_word;
use crate::failure::Failure;
use crate::lang::Lang;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, Column, ColumnConstraint, ContentArrangement, LineStyle, Row, Table,
    TableStyle, Width,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Duration;

/// A line under the headings and nothing else: rows are read, not lines.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The least room for a column, in letters.
const COLUMN_MIN: usize = 10;

/// Standard output in the form the caller asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    json: bool,
    terminal: bool,
    colour: bool,
    /// Language of headings.
    pub(crate) lang: Lang,
}

/// How a piece of text is set off, where colour is wanted at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// A heading.
    Bold,
    /// What matters less.
    Faint,
    /// Costs nothing, holds.
    Green,
    /// Costs.
    Yellow,
    /// Paid for otherwise.
    Blue,
    /// Refused, differs.
    Red,
}

impl Screen {
    /// Colour only on a terminal, and not against NO_COLOR.
    pub(crate) fn new(json: bool, lang: Lang) -> Self {
        let terminal = io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { json, terminal, colour: terminal && !refused && !json, lang }
    }

    /// Whether JSON was asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// One line of text.
    pub(crate) fn line(&self, text: impl Display) -> Result<(), Failure> {
        written(writeln!(io::stdout().lock(), "{text}"))
    }

    /// One JSON document.
    pub(crate) fn json(&self, value: &Value) -> Result<(), Failure> {
        self.line(format_args!("{value:#}"))
    }

    /// What was buffered goes out, or its failure comes back.
    pub(crate) fn flush(&self) -> Result<(), Failure> {
        written(io::stdout().lock().flush())
    }

    /// Text in a colour, or as it is where colour is not wanted.
    pub(crate) fn ink(&self, ink: Ink, text: impl Display) -> String {
        let code = match ink {
            _ if !self.colour => return text.to_string(),
            Ink::Bold => "1",
            Ink::Faint => "2",
            Ink::Green => "32",
            Ink::Yellow => "33",
            Ink::Blue => "34",
            Ink::Red => "31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// An empty table under these headings. It wraps to a terminal's width and
    /// keeps one line a row for a pipe, where other programs read it.
    pub(crate) fn table<const N: usize>(&self, headings: [&str; N]) -> Table {
        let mut table = Table::new();
        table.load_style(RULED);
        // Asked before colour is refused: a terminal without colour has a width as well. One that says 0 does not know.
        if let Some(width) = table.width().filter(|width| self.terminal && *width > 0) {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(headings.map(|text| Cell::new(text).add_attribute(Attribute::Bold)));
        table
    }

    /// Prints a table without blanks at the ends of lines. A terminal too narrow for its columns, or for their longest
    /// words, gets each row as lines of its own: columns of two letters are no table, and half an id is none.
    pub(crate) fn show(&self, table: &Table) -> Result<(), Failure> {
        let width = table.width().filter(|_| self.terminal).map(usize::from).filter(|width| *width > 0);
        let Some(width) = width else { return self.line(table.trim_fmt()) };
        if let Some(fitted) = fitted(table, width) {
            return self.line(fitted.trim_fmt());
        }
        for record in records(table) {
            self.facts(&folded(record, width))?;
            self.line("")?;
        }
        Ok(())
    }

    /// Name and value pairs, the values in one column.
    pub(crate) fn facts<S: AsRef<str>>(&self, facts: &[(S, String)]) -> Result<(), Failure> {
        let width = facts.iter().map(|(name, _)| name.as_ref().chars().count()).max().unwrap_or(0);
        for (name, value) in facts {
            let name = name.as_ref();
            let pad = " ".repeat(width - name.chars().count());
            self.line(format_args!("{}{pad}  {value}", self.ink(Ink::Bold, name)))?;
        }
        Ok(())
    }

    /// A bar over `total` steps on standard error; invisible off a terminal.
    pub(crate) fn progress(&self, total: u64) -> ProgressBar {
        if self.json || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        // The template is a constant; were it wrong, the default serves.
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}  {elapsed} ({eta})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// One line on standard error. Where that cannot be written there is nobody left to tell, and the work has come out as
/// it has: neither the exit code nor what is still to be printed depends on it.
pub(crate) fn complain(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::PipeClosed,
        _ => Failure::Output(error),
    })
}

/// The table with columns as wide as a terminal allows and none narrower than its longest word. None if there is no
/// room for that, or for a few words in every column.
fn fitted(table: &Table, width: usize) -> Option<Table> {
    let mut fitted = table.clone();
    let (whole, words) = (table.column_max_content_widths(), words_of(table).column_max_content_widths());
    let shown: Vec<&mut Column> = fitted.column_iter_mut().filter(|column| !is_hidden(column)).collect();
    let of_shown = |widths: Vec<u16>| -> Vec<u16> {
        shown.iter().filter_map(|column| widths.get(column.index).copied()).collect()
    };
    let (whole, words) = (of_shown(whole), of_shown(words));
    // Between two columns there is a blank.
    let between = shown.iter().map(|column| usize::from(column.padding_width()) + 1).sum::<usize>().saturating_sub(1);
    let room = width.checked_sub(between)?;
    let is_whole = whole.iter().copied().map(usize::from).sum::<usize>() <= room;
    if !is_whole && width < shown.len() * COLUMN_MIN {
        return None;
    }
    let widths = widths(&whole, &words, room)?;
    for (column, width) in shown.into_iter().zip(widths) {
        let padded = width.saturating_add(column.padding_width());
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(padded)));
    }
    Some(fitted)
}

/// The same texts with every word on a line of its own: the widest line of a column is its longest word.
fn words_of(table: &Table) -> Table {
    let apart = |row: &Row| row.cell_iter().map(|cell| cell.content().replace(' ', "\n")).collect::<Vec<_>>();
    let mut words = Table::new();
    if let Some(header) = table.header() {
        words.set_header(apart(header));
    }
    for row in table.row_iter() {
        words.add_row(apart(row));
    }
    words
}

/// Widths that hold every word, and the rest of the room for whoever can use it, the narrowest first. None if the words
/// need more than there is.
fn widths(whole: &[u16], words: &[u16], room: usize) -> Option<Vec<u16>> {
    let mut widths = words.to_vec();
    let mut spare = room.checked_sub(words.iter().copied().map(usize::from).sum::<usize>())?;
    while spare > 0 {
        let growing = widths.iter_mut().zip(whole).filter(|(width, whole)| **width < **whole);
        let Some((narrowest, _)) = growing.min_by_key(|(width, _)| **width) else { break };
        *narrowest += 1;
        spare -= 1;
    }
    Some(widths)
}

fn is_hidden(column: &Column) -> bool {
    matches!(column.constraint(), Some(ColumnConstraint::Hidden))
}

/// A table's rows as heading and value, without hidden columns and empty cells.
fn records(table: &Table) -> Vec<Vec<(String, String)>> {
    let content = |row: &Row| row.cell_iter().map(Cell::content).collect::<Vec<_>>();
    let headings = table.header().map(content).unwrap_or_default();
    let shown: Vec<bool> = table.column_iter().map(|column| !is_hidden(column)).collect();
    let record = |row: &Row| {
        let pairs = headings.iter().cloned().zip(content(row)).zip(&shown);
        pairs.filter(|((_, value), shown)| **shown && !value.is_empty()).map(|(pair, _)| pair).collect()
    };
    table.row_iter().map(record).collect()
}

/// A record with its values in lines that a terminal has no need to break, each where the first one begins.
fn folded(record: Vec<(String, String)>, width: usize) -> Vec<(String, String)> {
    let names = record.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let room = width.saturating_sub(names + 2).max(COLUMN_MIN);
    let begin = format!("\n{}", " ".repeat(names + 2));
    let fold = |value: String| {
        let split = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        value.lines().flat_map(|line| wrapped(&split(line), " ", room)).collect::<Vec<_>>().join(&begin)
    };
    record.into_iter().map(|(name, value)| (name, fold(value))).collect()
}

/// Parts joined into lines of at most so many characters.
pub(crate) fn wrapped(parts: &[String], between: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + between.chars().count() + part.chars().count() <= width => {
                line.push_str(between);
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    lines
}

/// The colour an account is shown in.
pub(crate) fn ink_of_account(name: &str) -> Ink {
    match name {
        "free" => Ink::Green,
        "billable" => Ink::Yellow,
        "covered" => Ink::Blue,
        _ => Ink::Faint,
    }
}

/// An account's name as a table's cell, in the reader's language and in its colour.
pub(crate) fn account_cell(name: &str, lang: Lang) -> Cell {
    let cell = Cell::new(data_word::in_(name.to_owned(), lang));
    match ink_of_account(name) {
        Ink::Green => cell.fg(Color::Green),
        Ink::Yellow => cell.fg(Color::Yellow),
        Ink::Blue => cell.fg(Color::Blue),
        _ => cell.add_attribute(Attribute::Dim),
    }
}

/// A cell whose text ends at the right edge: numbers.
pub(crate) fn right(text: impl Display) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

#[cfg(test)]
mod tests {
    use super::{RULED, fitted, folded, records, widths, wrapped};
    use comfy_table::{ColumnConstraint, Table};

    fn table() -> Table {
        let mut table = Table::new();
        table.load_style(RULED).force_no_tty();
        table.set_header(["number", "hidden", "rule"]);
        table.add_row(["1", "x", "billable.customizing-bug"]);
        table.add_row(["2", "x", ""]);
        if let Some(column) = table.column_mut(1) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
        table
    }

    #[test]
    fn a_narrow_terminal_gets_rows_as_lines() {
        assert!(fitted(&table(), 35).is_some(), "6 and 24 letters with blanks around them");
        assert!(fitted(&table(), 34).is_none(), "a rule would be broken");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let first = vec![pair("number", "1"), pair("rule", "billable.customizing-bug")];
        assert_eq!(records(&table()), [first, vec![pair("number", "2")]]);
    }

    #[test]
    fn what_needs_little_room_stays_a_table() {
        let mut small = Table::new();
        small.load_style(RULED).force_no_tty();
        small.set_header(["a", "b", "c"]);
        assert!(fitted(&small, 11).is_some(), "all of it is there");
        small.add_row(["a", "b", "c c c c c c c c"]);
        assert!(fitted(&small, 24).is_none(), "less than a few words to a column");
        assert!(fitted(&small, 25).is_some(), "all of it is there");
    }

    #[test]
    fn a_table_breaks_its_lines_between_words_only() {
        let mut table = Table::new();
        table.load_style(RULED).force_no_tty();
        let (rule, text) = ("withheld.before-approval", "work that was done before the customer's approval");
        table.set_header(["account", "rule", "text"]);
        table.add_row(["übernommen", rule, text]);
        // 10, 24 and 10 letters are the longest words.
        assert!(fitted(&table, 51).is_none());
        for width in 52..110 {
            let fitted = fitted(&table, width).expect("there is room for every word");
            let lines: Vec<String> = fitted.lines().collect();
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:#?}");
            let shown: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
            for word in ["übernommen", rule].into_iter().chain(text.split(' ')) {
                assert!(shown.contains(&word), "{width}: {word:?} in {lines:#?}");
            }
        }
    }

    #[test]
    fn room_goes_to_the_columns_that_can_use_it() {
        assert_eq!(widths(&[4, 30, 40], &[4, 10, 20], 34), Some(vec![4, 10, 20]));
        assert_eq!(widths(&[4, 30, 40], &[4, 10, 20], 33), None);
        assert_eq!(widths(&[4, 30, 40], &[4, 10, 20], 46), Some(vec![4, 21, 21]));
        assert_eq!(widths(&[4, 30, 40], &[4, 10, 20], 200), Some(vec![4, 30, 40]));
    }

    #[test]
    fn values_of_a_record_are_folded_between_words() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let record = vec![pair("rule", "free.platform-fault"), pair("text", "faults of the platform\ncost nothing")];
        let folded = folded(record, 22);
        let text = "faults of the\n      platform\n      cost nothing";
        assert_eq!(folded, [pair("rule", "free.platform-fault"), pair("text", text)]);
    }

    #[test]
    fn lines_stay_within_their_width() {
        let words: Vec<String> = ["one", "three", "four", "seven"].map(str::to_owned).into();
        assert_eq!(wrapped(&words, " ", 9), ["one three", "four", "seven"]);
        assert!(wrapped(&[], " ", 9).is_empty());
    }
}
