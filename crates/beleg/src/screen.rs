//! Everything that is printed: lines, tables, JSON, progress.

use crate::data_word;
use crate::failure::Failure;
use crate::lang::Lang;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, Column, ColumnConstraint, ContentArrangement, LineStyle, Row, Table,
    TableStyle,
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

    /// Prints a table without blanks at the ends of lines.
    /// A terminal too narrow for
    /// its columns gets each row as lines of its own: columns of two letters are no table.
    pub(crate) fn show(&self, table: &Table) -> Result<(), Failure> {
        let width = table.width().filter(|_| self.terminal).map(usize::from).filter(|width| *width > 0);
        match width.filter(|width| !fits(table, *width)) {
            None => self.line(table.trim_fmt()),
            Some(_) => {
                for record in records(table) {
                    self.facts(&record)?;
                    self.line("")?;
                }
                Ok(())
            }
        }
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

/// Whether every column keeps room for a few words, or the whole table needs less.
fn fits(table: &Table, width: usize) -> bool {
    let columns = table.column_iter().filter(|column| !is_hidden(column)).count();
    if width >= columns * COLUMN_MIN {
        return true;
    }
    let mut whole = table.clone();
    whole.set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    whole.lines().all(|line| line.trim_end().chars().count() <= width)
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
    use super::{fits, records};
    use comfy_table::{ColumnConstraint, Table};

    fn table() -> Table {
        let mut table = Table::new();
        table.force_no_tty();
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
        assert!(fits(&table(), 20), "two columns are shown");
        assert!(!fits(&table(), 19));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let first = vec![pair("number", "1"), pair("rule", "billable.customizing-bug")];
        assert_eq!(records(&table()), [first, vec![pair("number", "2")]]);
    }

    #[test]
    fn what_needs_little_room_stays_a_table() {
        let mut small = Table::new();
        small.force_no_tty();
        small.set_header(["a", "b", "c"]);
        assert!(fits(&small, 15));
    }
}
