//! One caller with one call under way at a time, who repeats what was not answered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use beleg_server::pb;

use crate::call::{Call, NoReceipt};
use crate::dice::Dice;
use crate::shift::Shift;

/// A ticket's calls: the opening, then work with findings in between.
const CALLS_PER_TICKET: u32 = 25;
const FINDINGS_EVERY: u32 = 6;

/// Answered calls that may be asked once more.
const KNOWN_MAX: usize = 8;

/// Pause before a call is repeated.
const PAUSE: Duration = Duration::from_millis(15);

/// A text that soon fills a small disk.
const BULK: &str = "the disk fills up ";

/// A ticket that is worked on: of one caller's own, or of two.
#[derive(Default)]
pub(crate) struct Desk {
    ticket: String,
    calls: u32,
}

pub(crate) struct Caller {
    number: u32,
    name: String,
    desk: Arc<Mutex<Desk>>,
    /// Whether nobody else works at the desk, so that its ticket's version is known.
    alone: bool,
    version: i64,
    /// Whether calls carry long texts.
    bulky: bool,
    minute: u32,
    findings: u32,
    known: VecDeque<(Call, pb::Receipt)>,
}

impl Caller {
    /// So many callers. Every other two share a desk.
    pub(crate) fn crowd(count: u32, bulky: bool) -> Vec<Self> {
        let mut callers: Vec<Self> = Vec::new();
        for number in 0..count {
            let shared = number % 4 == 1;
            let desk = if shared { Arc::clone(&callers[number as usize - 1].desk) } else { Arc::default() };
            callers.push(Self {
                number,
                name: format!("caller-{number}"),
                desk,
                alone: number % 4 > 1,
                version: 0,
                bulky,
                minute: 0,
                findings: 0,
                known: VecDeque::new(),
            });
        }
        callers
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Works until told to finish, and then until nothing is open.
    pub(crate) async fn work(mut self, shift: Arc<Shift>, seed: u64, round: u32) -> Self {
        let mut dice = Dice::of(seed, round, self.number + 1);
        while !shift.is_over() {
            if dice.one_in(8) {
                self.ask_again(&shift, &mut dice).await;
            }
            let call = self.next(&mut dice);
            let receipt = self.answered(&call, &shift, &mut dice).await;
            shift.journal.note(call.request_id(), &receipt);
            shift.tally.acknowledged();
            if let Call::Open(_) = call {
                let mut desk = self.desk.lock().unwrap();
                *desk = Desk { ticket: receipt.events[0].event_id.clone(), calls: 0 };
            }
            self.version = receipt.stream_version;
            self.known.push_back((call, receipt));
            if self.known.len() > KNOWN_MAX {
                self.known.pop_front();
            }
        }
        self
    }

    /// Sends a call, through whichever server, until it is answered.
    async fn answered(&self, call: &Call, shift: &Shift, dice: &mut Dice) -> pb::Receipt {
        let mut unanswered = false;
        let mut sent_away = false;
        loop {
            let Some(channel) = shift.doors.any(dice) else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let sent_at = prost_types::Timestamp::from(SystemTime::now());
            let answer = if dice.one_in(16) {
                // Impatient: hangs up, and asks again at once, perhaps elsewhere.
                let sending = call.send(&self.name, channel);
                tokio::time::timeout(dice.millis(1, 12), sending).await.unwrap_or(Err(NoReceipt::Broken))
            } else if dice.one_in(16) {
                let other = shift.doors.any(dice).unwrap_or_else(|| channel.clone());
                let both = tokio::join!(call.send(&self.name, channel), call.send(&self.name, other));
                self.one_of(call, both)
            } else {
                call.send(&self.name, channel).await
            };
            match answer {
                Ok(receipt) => {
                    let before = is_before(receipt.recorded_at.as_ref().unwrap(), &sent_at);
                    let id = call.request_id();
                    assert!(!before || unanswered, "request {id} was recorded, and was said not to be: {receipt:?}");
                    if unanswered {
                        shift.tally.repeated(before);
                    }
                    return receipt;
                }
                Err(NoReceipt::Broken) => unanswered = true,
                Err(said) => {
                    unanswered |= said == NoReceipt::Unknown;
                    if !sent_away {
                        shift.tally.sent_away();
                    }
                    sent_away = true;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// The answer to a call that was sent twice at once: of two receipts, none differs.
    fn one_of(
        &self,
        call: &Call,
        both: (Result<pb::Receipt, NoReceipt>, Result<pb::Receipt, NoReceipt>),
    ) -> Result<pb::Receipt, NoReceipt> {
        match both {
            (Ok(one), Ok(other)) => {
                assert_eq!(one, other, "{}'s request {} has two receipts", self.name, call.request_id());
                Ok(one)
            }
            (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
            (Err(NoReceipt::Broken), _) | (_, Err(NoReceipt::Broken)) => Err(NoReceipt::Broken),
            (Err(NoReceipt::NotTaken), Err(NoReceipt::NotTaken)) => Err(NoReceipt::NotTaken),
            _ => Err(NoReceipt::Unknown),
        }
    }

    /// A call that was answered once is answered the same way ever after, by whomever.
    async fn ask_again(&self, shift: &Shift, dice: &mut Dice) {
        if self.known.is_empty() {
            return;
        }
        let (call, receipt) = &self.known[dice.below(self.known.len())];
        let Some(channel) = shift.doors.any(dice) else { return };
        if let Ok(again) = call.send(&self.name, channel).await {
            assert_eq!(&again, receipt, "{} got another receipt", call.request_id());
            shift.tally.asked_again();
        }
    }

    fn next(&mut self, dice: &mut Dice) -> Call {
        let mut desk = self.desk.lock().unwrap();
        let text = self.bulky.then(|| BULK.repeat(800));
        if desk.ticket.is_empty() || desk.calls >= CALLS_PER_TICKET {
            return Call::open(&self.name, text, dice.one_in(2));
        }
        desk.calls += 1;
        let ticket = desk.ticket.clone();
        if desk.calls.is_multiple_of(FINDINGS_EVERY) {
            self.findings += 1;
            return Call::find(ticket, self.findings.is_multiple_of(2));
        }
        self.minute = (self.minute + 1) % 1_400;
        let expected = (self.alone && dice.one_in(3)).then_some(self.version);
        Call::work(&self.name, ticket, self.minute, expected, text)
    }
}

/// Both are cut to the log's microseconds.
fn is_before(one: &prost_types::Timestamp, other: &prost_types::Timestamp) -> bool {
    (one.seconds, one.nanos / 1_000) < (other.seconds, other.nanos / 1_000)
}
