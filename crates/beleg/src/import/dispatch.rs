//! Sends commands side by side and yet in order.
//!
//! A lane is what must stay in order: a ticket, a customer. One command of a lane
//! is under way at a time, and at most [`IN_FLIGHT_MAX`] lanes are. Where the kind
//! of subject changes – a policy, then contracts, then tickets – everything before
//! is finished first, since what follows may rest on it. What is read ahead is
//! bounded by [`PENDING_MAX`].

use super::{Item, Read, tally::Tally};
use crate::client::{Client, broke_on_the_way};
use crate::command::Subject;
use crate::failure::Failure;
use crate::refusal::Refusal;
use beleg_server::pb;
use indicatif::ProgressBar;
use std::collections::{HashMap, VecDeque};
use std::mem::{Discriminant, discriminant};
use tokio::task::JoinSet;
use tonic::{Code, Status};

const IN_FLIGHT_MAX: usize = 32;
const PENDING_MAX: usize = 4_096;

type Sent = (Box<Item>, Result<pb::Receipt, Status>);

/// The commands read and not yet answered.
#[derive(Default)]
struct Lanes {
    /// Lanes with a command ready or under way, and what waits behind it.
    behind: HashMap<String, VecDeque<Box<Item>>>,
    /// The first of its lane, waiting for a free place.
    ready: VecDeque<Box<Item>>,
    pending: usize,
}

impl Lanes {
    fn put(&mut self, item: Box<Item>) {
        self.pending += 1;
        match self.behind.get_mut(&item.lane) {
            Some(queue) => queue.push_back(item),
            None => {
                self.behind.insert(item.lane.clone(), VecDeque::new());
                self.ready.push_back(item);
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
    let mut lanes = Lanes::default();
    let mut under_way: JoinSet<Sent> = JoinSet::new();
    let mut stage: Option<Discriminant<Subject>> = None;
    let mut held: Option<Box<Item>> = None;
    let mut more = true;
    loop {
        while more && held.is_none() && lanes.pending < PENDING_MAX {
            match reads.next() {
                None => more = false,
                Some(Read::Bad(trouble)) => tally.bad(trouble)?,
                Some(Read::Broken(failure)) => return Err(failure),
                Some(Read::Item(item)) => {
                    let kind = discriminant(&item.command.subject());
                    if stage != Some(kind) && lanes.pending > 0 {
                        held = Some(item);
                    } else {
                        stage = Some(kind);
                        lanes.put(item);
                    }
                }
            }
        }
        while under_way.len() < IN_FLIGHT_MAX {
            let Some(item) = lanes.ready.pop_front() else { break };
            let caller = client.acting_as(&item.actor)?.with_origin(&item.origin)?;
            under_way.spawn(async move {
                let answer = item.command.send(&caller).await;
                (item, answer)
            });
        }
        match under_way.join_next().await {
            Some(Ok((item, answer))) => {
                count(tally, &item, answer)?;
                lanes.answered(&item.lane);
                bar.set_position(item.behind);
            }
            Some(Err(died)) => return Err(Failure::Answer(died.to_string())),
            None => match held.take() {
                Some(item) => {
                    stage = Some(discriminant(&item.command.subject()));
                    lanes.put(item);
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
    use super::{Item, Lanes};
    use crate::command::Command;
    use beleg_server::pb;

    fn item(line: u64, lane: &str) -> Box<Item> {
        Box::new(Item {
            line,
            behind: line,
            lane: lane.to_owned(),
            actor: String::new(),
            origin: String::new(),
            synthetic: false,
            command: Command::StartDiagnosis(pb::StartDiagnosisRequest::default()),
        })
    }

    #[test]
    fn one_command_of_a_lane_at_a_time_and_in_order() {
        let mut lanes = Lanes::default();
        for (line, lane) in [(1, "a"), (2, "a"), (3, "b"), (4, "a")] {
            lanes.put(item(line, lane));
        }
        let ready = |lanes: &mut Lanes| lanes.ready.pop_front().map(|item| item.line);
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
