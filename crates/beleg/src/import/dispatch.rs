//! Sends commands side by side and yet in order.
//!
//! A lane is what must stay in order: a customer with its contract and all its
//! tickets, for who draws prepaid time first would otherwise depend on the run. One
//! command of a lane is under way at a time, and at most [`IN_FLIGHT_MAX`] lanes are.
//! Where the kind of subject changes – a policy, then contracts, then tickets –
//! everything before is finished first, since what follows may rest on it. What is
//! read ahead is bounded by [`PENDING_MAX`], and ends where enough is ready: a line
//! may cost a question to the server.

use super::customers::{Customers, Way};
use super::{Item, Read, tally::Tally};
use crate::client::{Client, broke_on_the_way};
use crate::command::Subject;
use crate::failure::Failure;
use crate::refusal::Refusal;
use beleg_server::pb;
use indicatif::ProgressBar;
use std::collections::{HashMap, VecDeque};
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use tokio::task::JoinSet;
use tonic::{Code, Status};

const IN_FLIGHT_MAX: usize = 32;
const PENDING_MAX: usize = 4_096;

/// A command in its lane.
struct Placed {
    lane: Arc<str>,
    item: Box<Item>,
}

type Sent = (Placed, Result<pb::Receipt, Status>);

/// The commands read and not yet answered.
#[derive(Default)]
struct Lanes {
    /// Lanes with a command ready or under way, and what waits behind it.
    behind: HashMap<Arc<str>, VecDeque<Placed>>,
    /// The first of its lane, waiting for a free place.
    ready: VecDeque<Placed>,
    pending: usize,
}

impl Lanes {
    fn put(&mut self, placed: Placed) {
        self.pending += 1;
        match self.behind.get_mut(&placed.lane) {
            Some(queue) => queue.push_back(placed),
            None => {
                self.behind.insert(Arc::clone(&placed.lane), VecDeque::new());
                self.ready.push_back(placed);
            }
        }
    }

    fn answered(&mut self, lane: &str) {
        self.pending -= 1;
        match self.behind.get_mut(lane).and_then(VecDeque::pop_front) {
            Some(next) => self.ready.push_back(next),
            None => {
                self.behind.remove(lane);
            }
        }
    }
}

/// Sends everything a source yields and counts what became of it. Ends early
/// only when the server or the file is gone.
pub(super) async fn send_all(
    client: &Client,
    mut reads: Box<dyn Iterator<Item = Read> + Send>,
    tally: &mut Tally,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let mut customers = Customers::default();
    let mut lanes = Lanes::default();
    let mut under_way: JoinSet<Sent> = JoinSet::new();
    let mut stage: Option<Discriminant<Subject>> = None;
    let mut held: Option<Placed> = None;
    let mut more = true;
    loop {
        while more && held.is_none() && lanes.pending < PENDING_MAX && lanes.ready.len() < IN_FLIGHT_MAX {
            match reads.next() {
                None => more = false,
                Some(Read::Bad(trouble)) => tally.bad(trouble)?,
                Some(Read::Broken(failure)) => return Err(failure),
                Some(Read::Item(item)) => match customers.way_of(&item.command, client).await {
                    Ok(Way { lane, behind_all }) => {
                        let kind = discriminant(&item.command.subject());
                        let placed = Placed { lane, item };
                        if (behind_all || stage != Some(kind)) && lanes.pending > 0 {
                            held = Some(placed);
                        } else {
                            stage = Some(kind);
                            lanes.put(placed);
                        }
                    }
                    // Not sent: nobody knows what it would overtake.
                    Err(status) => count(tally, &item, Err(status))?,
                },
            }
        }
        while under_way.len() < IN_FLIGHT_MAX {
            let Some(placed) = lanes.ready.pop_front() else { break };
            let caller = client.acting_as(&placed.item.actor)?.with_origin(&placed.item.origin)?;
            under_way.spawn(async move {
                let answer = placed.item.command.send(&caller).await;
                (placed, answer)
            });
        }
        match under_way.join_next().await {
            Some(Ok((Placed { lane, item }, answer))) => {
                count(tally, &item, answer)?;
                lanes.answered(&lane);
                bar.set_position(item.behind);
            }
            Some(Err(died)) => return Err(Failure::Answer(died.to_string())),
            None => match held.take() {
                Some(placed) => {
                    stage = Some(discriminant(&placed.item.command.subject()));
                    lanes.put(placed);
                }
                None if !more => return Ok(()),
                None => {}
            },
        }
    }
}

fn count(tally: &mut Tally, item: &Item, answer: Result<pb::Receipt, Status>) -> Result<(), Failure> {
    match answer {
        Ok(receipt) => tally.took(item.synthetic, &receipt),
        // After all attempts: the other lines would fare no better.
        Err(status) if status.code() == Code::Unavailable || broke_on_the_way(&status) => {
            return Err(Failure::ServerLost { last: Refusal::of(&status).in_one_line() });
        }
        Err(status) => tally.refused(item, &status)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Item, Lanes, Placed};
    use crate::command::Command;
    use beleg_server::pb;

    fn placed(line: u64, lane: &str) -> Placed {
        let item = Box::new(Item {
            line,
            behind: line,
            actor: String::new(),
            origin: String::new(),
            synthetic: false,
            command: Command::StartDiagnosis(pb::StartDiagnosisRequest::default()),
        });
        Placed { lane: lane.into(), item }
    }

    #[test]
    fn one_command_of_a_lane_at_a_time_and_in_order() {
        let mut lanes = Lanes::default();
        for (line, lane) in [(1, "a"), (2, "a"), (3, "b"), (4, "a")] {
            lanes.put(placed(line, lane));
        }
        let ready = |lanes: &mut Lanes| lanes.ready.pop_front().map(|placed| placed.item.line);
        assert_eq!((ready(&mut lanes), ready(&mut lanes), ready(&mut lanes)), (Some(1), Some(3), None));
        lanes.answered("a");
        assert_eq!((ready(&mut lanes), ready(&mut lanes)), (Some(2), None));
        lanes.answered("b");
        lanes.answered("a");
        assert_eq!(ready(&mut lanes), Some(4));
        lanes.answered("a");
        assert_eq!((lanes.pending, lanes.behind.len()), (0, 0));
    }
}
