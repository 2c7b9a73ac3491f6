//! What is wrong with what is stored. Each case is a value of its own, so that whoever tells it to people can put it in
//! their language.

use thiserror::Error;
use uuid::Uuid;

/// What is wrong with a log or its views, as far as this program can tell.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Damage {
    /// A row is not what this program writes.
    #[error("a row cannot be read")]
    Row,
    /// The positions have a gap.
    #[error("there is no event at position {position}")]
    NoEvent {
        /// Where.
        position: i64,
    },
    /// An event is not what this program writes.
    #[error("an event after position {after} cannot be read")]
    Event {
        /// The last one that could be read.
        after: i64,
    },
    /// An event's commitments are not what this program writes.
    #[error("position {position} has commitments of no known form")]
    Commitments {
        /// The event's position.
        position: i64,
    },
    /// A text belongs to no field of its event.
    #[error("position {position} has a personal text that it was not written with")]
    PersonalText {
        /// The event's position.
        position: i64,
    },
    /// A text names a field that its event does not have.
    #[error("position {position} has no personal field {name}")]
    PersonalField {
        /// The event's position.
        position: i64,
        /// The field.
        name: String,
    },
    /// An event's stream is not there.
    #[error("the stream of position {position} has no name")]
    Stream {
        /// The event's position.
        position: i64,
    },
    /// An event's schema version is no number of that kind.
    #[error("position {position} has no schema version")]
    SchemaVersion {
        /// The event's position.
        position: i64,
    },
    /// A value of fixed length has another one.
    #[error("a value of {found} bytes in place of {wanted}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes of such a value.
        wanted: usize,
    },
    /// The first event is another one than every log begins with.
    #[error("it does not begin with log_created")]
    Beginning,
    /// The first event says nothing.
    #[error("its first event cannot be read")]
    FirstEvent,
    /// The first event names a clock that this program does not know.
    #[error("its clock is of no known kind")]
    Clock,
    /// The database's texts are not UTF-8.
    #[error("its encoding is {found}, UTF8 is needed")]
    Encoding {
        /// The encoding.
        found: String,
    },
    /// A row of the views breaks a rule of theirs.
    #[error("a row contradicts what is there")]
    Contradiction,
    /// The views' file is damaged.
    #[error("the file is damaged")]
    File,
    /// The database that the views live in is damaged.
    #[error("the database is damaged")]
    Database,
    /// The row that says how far the views have come is gone.
    #[error("their checkpoint is gone")]
    Checkpoint,
    /// Rows of the views that are to change are gone.
    #[error("{named} {table} change and {found} of them are there")]
    Lost {
        /// Their table.
        table: &'static str,
        /// How many are to change.
        named: usize,
        /// How many are there.
        found: u64,
    },
    /// The views have come further than what is to be taken in.
    #[error("they are not behind what is to be taken in")]
    NotBehind,
    /// Views in a file cannot be compared with some in a database.
    #[error("they are kept elsewhere than the fresh build")]
    Elsewhere,
    /// A library's or the database's own words.
    #[error("{0}")]
    Quoted(String),
}

/// Why views are not of the log that they are used with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Foreign {
    /// They name another log.
    #[error("they were made of log {theirs}, this is log {this}")]
    Log {
        /// The log they were made of.
        theirs: Uuid,
        /// The log they are used with.
        this: Uuid,
    },
    /// They know more than there is.
    #[error("they have come to position {position}, the log ends at {head}")]
    Ahead {
        /// Where they are.
        position: i64,
        /// Where the log ends.
        head: i64,
    },
    /// They went another way.
    #[error("the log has another event at position {position}")]
    Event {
        /// Where they are.
        position: i64,
    },
}
