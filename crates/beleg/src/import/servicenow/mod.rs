//! The incident event log of a ServiceNow instance, told as tickets.
//!
//! The log has one row per change of an incident, grouped by incident and not in
//! time order. It is read whole but lean – a hundred bytes a row – and put into
//! time order; each incident's story is then made when its first row's turn comes
//! and forgotten when its last has gone, so that commands never pile up. What the
//! log lacks (findings, approvals, minutes, contracts) is filled in from hashes of
//! the incident's number and the caller's id, the same in every run and from every
//! part of the log that has all of the incident's rows, and carries the origin
//! [`SYNTHETIC`] where rows carry [`ROWS`].
//!
//! Absent: the columns `resolved_at`, `closed_at`, `closed_code`, `resolved_by`.
//! They hold an incident's last state on every row, also on the earlier ones.

mod agreement;
mod dice;
mod filling;
mod findings;
mod rows;
mod story;

use super::{Item, Read, Source, Tally, tally::Rows};
use crate::client::Client;
use crate::command::Command;
use crate::failure::Failure;
use crate::lang::Lang;
use rows::Incident;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;
use std::vec::IntoIter;

/// The origin of what a row of the log says.
const ROWS: &str = "import:servicenow";
/// The origin of what was filled in.
const SYNTHETIC: &str = "import:servicenow:synthetic";

/// One thing a story tells, at its time.
struct Told {
    /// Seconds since 1970.
    at: i64,
    /// The row it comes from or was put after.
    line: u64,
    synthetic: bool,
    actor: Arc<str>,
    command: Command,
}

/// A log, read whole.
pub(super) struct Log(rows::Log);

/// Reads a log; nothing is sent yet.
pub(super) fn read(path: &Path, lang: Lang) -> Result<Log, Failure> {
    rows::read(path, lang).map(Log)
}

/// Makes sure of policy and contracts, and yields a log's commands in time order.
pub(super) async fn commands(Log(log): Log, client: &Client, tally: &mut Tally) -> Result<Source, Failure> {
    for trouble in log.bad {
        tally.bad(trouble)?;
    }
    tally.table(Rows { rows: log.rows, tickets: log.incidents.len() as u64 });
    let policy = agreement::policy_in_force(client).await?;
    let agreed = agreement::customers(client).await?;
    let mut missing: Vec<String> = log.incidents.iter().map(Incident::customer).collect();
    missing.sort_unstable();
    missing.dedup();
    let all = missing.len();
    missing.retain(|customer| !agreed.contains(customer));
    tally.known((all - missing.len()) as u64);
    let contracts = missing.into_iter().map(move |customer| {
        Read::Item(Box::new(Item {
            line: 0,
            behind: 0,
            actor: "servicenow".to_owned(),
            origin: SYNTHETIC.to_owned(),
            synthetic: true,
            command: agreement::contract(&policy, &customer),
        }))
    });
    let reads = contracts.chain(InTimeOrder::new(log.incidents));
    Ok(Source { total: log.rows, reads: Box::new(reads) })
}

/// All incidents' stories, merged by time.
struct InTimeOrder {
    /// By their first row's time.
    to_come: IntoIter<Incident>,
    next: Option<Incident>,
    under_way: BinaryHeap<Reverse<(i64, usize)>>,
    stories: Vec<Option<Story>>,
    rows_behind: u64,
}

/// What is left to tell of one incident.
struct Story {
    rows: u64,
    left: std::iter::Peekable<IntoIter<Told>>,
}

impl InTimeOrder {
    fn new(mut incidents: Vec<Incident>) -> Self {
        incidents.sort_by_key(Incident::begins_at);
        let mut to_come = incidents.into_iter();
        let next = to_come.next();
        Self { to_come, next, under_way: BinaryHeap::new(), stories: Vec::new(), rows_behind: 0 }
    }

    /// Starts every story whose first row is due before anything under way.
    fn begin_due(&mut self) {
        while let Some(incident) = &self.next {
            let due = match self.under_way.peek() {
                Some(Reverse((at, _))) => incident.begins_at() <= *at,
                None => true,
            };
            if !due {
                return;
            }
            let story = Story { rows: incident.rows.len() as u64, left: story::tell(incident).into_iter().peekable() };
            self.under_way.push(Reverse((incident.begins_at(), self.stories.len())));
            self.stories.push(Some(story));
            self.next = self.to_come.next();
        }
    }
}

impl Iterator for InTimeOrder {
    type Item = Read;

    fn next(&mut self) -> Option<Read> {
        loop {
            self.begin_due();
            let Reverse((_, number)) = self.under_way.pop()?;
            let place = self.stories.get_mut(number)?;
            let Some(story) = place else { continue };
            let Some(told) = story.left.next() else { continue };
            match story.left.peek() {
                Some(following) => self.under_way.push(Reverse((following.at, number))),
                None => {
                    self.rows_behind += story.rows;
                    *place = None;
                }
            }
            return Some(Read::Item(Box::new(Item {
                line: told.line,
                behind: self.rows_behind,
                actor: told.actor.to_string(),
                origin: if told.synthetic { SYNTHETIC } else { ROWS }.to_owned(),
                synthetic: told.synthetic,
                command: told.command,
            })));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rows::of_text;
    use super::{InTimeOrder, Read};

    #[test]
    fn stories_are_merged_and_each_keeps_its_order() {
        let log = of_text(
            "number,incident_state,sys_mod_count,caller_id,sys_updated_by,sys_updated_at,contact_type,category,subcategory,u_symptom,impact,urgency,priority,assigned_to\n\
             INC2,New,0,Caller 1,Updated by 1,1/3/2016 08:00,Phone,Category 1,?,?,2 - Medium,?,?,?\n\
             INC2,Closed,1,Caller 1,Updated by 1,9/3/2016 08:00,Phone,Category 1,?,?,2 - Medium,?,?,?\n\
             INC1,Active,0,?,Updated by 1,29/2/2016 08:00,Phone,Category 1,?,?,2 - Medium,?,?,?\n\
             INC1,Awaiting User Info,1,?,Updated by 1,3/3/2016 08:00,Phone,?,?,?,2 - Medium,?,?,?\n\
             INC1,Closed,2,?,Updated by 1,20/3/2016 08:00,Phone,?,?,?,2 - Medium,?,?,?\n",
        );
        let lines: Vec<u64> = InTimeOrder::new(log.incidents)
            .filter_map(|read| if let Read::Item(item) = read { Some(item.line) } else { None })
            .collect();
        assert_eq!((lines.first(), lines.last()), (Some(&4), Some(&6)));
        let in_order = |rows: &[u64]| lines.iter().filter(|line| rows.contains(line)).is_sorted();
        assert!(lines.contains(&2) && lines.contains(&3) && in_order(&[2, 3]) && in_order(&[4, 5, 6]), "{lines:?}");
    }
}
