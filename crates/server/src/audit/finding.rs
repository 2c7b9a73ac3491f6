//! What an audit finds. Each case is a value of its own, so that whoever tells it to people can put it in their
//! language.

use std::fmt;
use std::sync::Arc;

use beleg_domain::event::{Draw, Event, Segment};
use beleg_domain::policy::RuleId;
use beleg_store::views::Difference;
use beleg_store::{Damage, StoredEvent};
use uuid::Uuid;

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// An event was changed after it was hashed.
    #[error("event {id} at position {position} is not what was hashed")]
    Altered {
        /// The event.
        id: Uuid,
        /// Where it is.
        position: i64,
    },
    /// The clock ran backwards.
    #[error("{event} was recorded before what it follows")]
    Early {
        /// The event.
        event: Place,
    },
    /// A stream's versions have a gap, or one comes twice.
    #[error("{event} has version {version} of {stream} and follows version {before}")]
    Version {
        /// The event.
        event: Place,
        /// Its stream.
        stream: Arc<str>,
        /// Its version there.
        version: i64,
        /// The version of the stream's event before it; 0 without one.
        before: i64,
    },
    /// An event cannot stand where it does.
    #[error("{event}: {why}")]
    Misplaced {
        /// The event.
        event: Place,
        /// Why not.
        why: Misplaced,
    },
    /// A position is empty.
    #[error("there is no event at position {position}")]
    NoEvent {
        /// Which.
        position: i64,
    },
    /// The log cannot give an event.
    #[error("the event at position {position} cannot be read: {damage}")]
    Unreadable {
        /// Where it is.
        position: i64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// Nobody's work drew this prepaid time.
    #[error("{event} belongs to no command of a ticket")]
    Unclaimed {
        /// The draw.
        event: Place,
    },
    /// The policies cannot be read, so no ticket was derived.
    #[error("the policies: {problem}")]
    Policies {
        /// Why not.
        problem: String,
    },
    /// A ticket cannot be derived.
    #[error("{stream}: {problem}")]
    Ticket {
        /// Its stream.
        stream: Arc<str>,
        /// Why not.
        problem: String,
    },
    /// An assessment or a draw is not what its facts give.
    #[error(
        "{subject} says: {says}; its facts give: {gives}{}",
        .at.as_ref().map(ToString::to_string).unwrap_or_default()
    )]
    Otherwise {
        /// What is wrong.
        subject: Subject,
        /// What is recorded.
        says: Consequence,
        /// What should be.
        gives: Consequence,
        /// Where they differ, if they say the same in short.
        at: Option<Member>,
    },
    /// Facts without the assessment or draw that follows from them.
    #[error("an assessment is missing after position {after}: its facts give: {gives}")]
    NotAssessed {
        /// The first event of the facts' command.
        after: i64,
        /// What should be there.
        gives: Consequence,
    },
    /// A row that only one of two builds of the views holds.
    #[error("{} {}: {}", .0.table, side(.0), .0.row)]
    Row(Difference),
    /// Stands under the first gap of the log, which may be why it is there.
    #[error("  perhaps only because of that: {0}")]
    Perhaps(Box<Finding>),
}

/// What a finding is, seen from an event that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The missing or unreadable event itself.
    Gap,
    /// It stands for itself.
    Own,
    /// It may be there only because of a gap.
    Following,
}

impl Finding {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::NoEvent { .. } | Self::Unreadable { .. } => Kind::Gap,
            Self::Altered { .. } | Self::Early { .. } | Self::Row(_) => Kind::Own,
            Self::Version { .. }
            | Self::Misplaced { .. }
            | Self::Unclaimed { .. }
            | Self::Policies { .. }
            | Self::Ticket { .. }
            | Self::Otherwise { .. }
            | Self::NotAssessed { .. }
            | Self::Perhaps(_) => Kind::Following,
        }
    }
}

fn side(difference: &Difference) -> &'static str {
    if difference.only_serving { "only in the serving views" } else { "only in a fresh build" }
}

/// An event, for a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its type.
    pub event_type: Arc<str>,
    /// Where it is in the log.
    pub position: i64,
    /// Its id.
    pub id: Uuid,
}

impl Place {
    pub(super) fn of(stored: &StoredEvent) -> Self {
        Self { event_type: Arc::clone(&stored.event_type), position: stored.position, id: stored.event_id }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at position {} (event {})", self.event_type, self.position, self.id)
    }
}

/// Why an event cannot stand in its stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// It belongs to another one.
    #[error("it is in stream {stream}")]
    Elsewhere {
        /// The stream.
        stream: Arc<str>,
    },
    /// Its stream is no ticket's.
    #[error("it belongs to a ticket and is in stream {stream}")]
    OutsideTicket {
        /// The stream.
        stream: Arc<str>,
    },
    /// It is a ticket's first event and does not open it.
    #[error("{stream} does not begin with its opening")]
    Unopened {
        /// The stream.
        stream: Arc<str>,
    },
    /// It opens another ticket than its stream's.
    #[error("it opens a ticket in stream {stream}")]
    OtherTicket {
        /// The stream.
        stream: Arc<str>,
    },
    /// It cannot be read, so nobody can tell.
    #[error("{problem}")]
    Unreadable {
        /// Why not.
        problem: String,
    },
}

/// What of the log is compared with what its facts give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Subject {
    /// An event of a ticket.
    #[error("{0}")]
    Event(Place),
    /// What a command drew.
    #[error("the prepaid time drawn behind position {after}")]
    Drawn {
        /// The last of the command's other events.
        after: i64,
    },
}

/// What an event that follows from facts says, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing follows.
    Nothing,
    /// An assessment.
    Assessed {
        /// What it posts.
        posted: Vec<Posted>,
        /// How many postings it reverses.
        reversed: usize,
    },
    /// Prepaid time.
    Drawn(Vec<Draw>),
    /// An event that follows from no facts, by its type.
    Other(&'static str),
}

impl Consequence {
    pub(super) fn of(event: &Event) -> Self {
        let (posted, reversed) = match event {
            Event::WorkAssessed(assessed) => (&assessed.posted, assessed.reversed.len()),
            Event::QuoteAssessed(assessed) => (&assessed.posted, assessed.reversed.len()),
            Event::PrepaidDrawn(drawn) => return Self::Drawn(drawn.draws.clone()),
            other => return Self::Other(other.event_type()),
        };
        Self::Assessed { posted: posted.iter().map(Posted::of).collect(), reversed }
    }
}

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Assessed { posted, reversed } => {
                posted.iter().try_for_each(|posted| write!(f, "{posted}, "))?;
                write!(f, "{reversed} reversed")
            }
            Self::Drawn(draws) => {
                let draws = draws.iter().map(|draw| format!("{} s of grant {}", draw.seconds, draw.grant));
                f.write_str(&draws.collect::<Vec<_>>().join(", "))
            }
            Self::Other(event_type) => f.write_str(event_type),
        }
    }
}

/// A posting, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// What was worked.
    pub worked_seconds: i64,
    /// The rule that decided.
    pub rule: RuleId,
    /// What is billed of it.
    pub billed_seconds: i64,
    /// Its price.
    pub amount_minor: i64,
}

impl Posted {
    fn of(segment: &Segment) -> Self {
        Self {
            worked_seconds: segment.worked_seconds,
            rule: segment.rule.clone(),
            billed_seconds: segment.billed_seconds,
            amount_minor: segment.amount_minor,
        }
    }
}

impl fmt::Display for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { worked_seconds, rule, billed_seconds, amount_minor } = self;
        let units = if *amount_minor == 1 { "minor unit" } else { "minor units" };
        write!(f, "{worked_seconds} s {rule} ({billed_seconds} billed, {amount_minor} {units})")
    }
}

/// The first member in which two events differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("; {path} is {says} and should be {gives}")]
pub struct Member {
    /// Where it is in the event's JSON.
    pub path: String,
    /// Its JSON as recorded.
    pub says: String,
    /// Its JSON as it should be.
    pub gives: String,
}
