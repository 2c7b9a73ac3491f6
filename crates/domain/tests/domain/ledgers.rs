//! What a world's log says of money, and what it would say next.

use std::collections::BTreeMap;

use beleg_domain::cost::{self, ActivityStatus, CostStatus};
use beleg_domain::event::{Event, PostingRef, Segment};
use beleg_domain::facts::Activity;
use beleg_domain::ids::EventId;
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::work::Window;

use crate::words::*;
use crate::world::{Stream, World, refusal};

impl World {
    /// Everything that stands, each with the work entry it is about, by adding up
    /// what the log posted and reversed. A reversal names one standing posting.
    pub(crate) fn standing(&self) -> Vec<(usize, Option<EventId>, Segment)> {
        let mut standing: BTreeMap<PostingRef, (usize, Option<EventId>, Segment)> = BTreeMap::new();
        for logged in &self.log {
            let (work, posted, reversed) = match &logged.event {
                Event::WorkAssessed(e) => (Some(e.work), &e.posted, &e.reversed),
                Event::QuoteAssessed(e) => (None, &e.posted, &e.reversed),
                _ => continue,
            };
            let Stream::Ticket(ticket) = logged.stream else { panic!("an assessment outside tickets") };
            for reversal in reversed {
                standing.remove(reversal).expect("a reversal of what stands, once");
            }
            for (index, segment) in (0..).zip(posted) {
                let posting = PostingRef { assessment: logged.id, index };
                standing.insert(posting, (ticket, work, segment.clone()));
            }
        }
        standing.into_values().collect()
    }

    /// What stands of one entry, in time order: rule, worked seconds, minor units.
    pub(crate) fn stands(&self, work: EventId, expected: &[(&str, i64, i64)]) {
        let mut segments: Vec<Segment> =
            self.standing().into_iter().filter(|(_, w, _)| *w == Some(work)).map(|(_, _, s)| s).collect();
        segments.sort_by_key(|segment| (segment.from, segment.to));
        let found: Vec<(&str, i64, i64)> =
            segments.iter().map(|s| (s.rule.as_str(), s.worked_seconds, s.amount_minor)).collect();
        assert_eq!(found, expected);
    }

    /// The current ticket's ledger, net per rule; rules in alphabetical order.
    pub(crate) fn ledger(&self, expected: &[(&str, i64, i64)]) {
        let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for (ticket, _, segment) in self.standing() {
            if ticket == self.current {
                let sum = sums.entry(segment.rule.as_str().to_owned()).or_default();
                sum.0 += segment.worked_seconds;
                sum.1 += segment.amount_minor;
            }
        }
        let found: Vec<(&str, i64, i64)> = sums.iter().map(|(rule, s)| (rule.as_str(), s.0, s.1)).collect();
        assert_eq!(found, expected);
    }

    /// Billed seconds of one entry, supplements included.
    pub(crate) fn billed_seconds(&self, work: EventId) -> i64 {
        let standing = self.standing().into_iter();
        standing.filter(|(_, w, _)| *w == Some(work)).map(|(_, _, s)| s.billed_seconds).sum()
    }

    /// Prepaid time that nobody has drawn.
    pub(crate) fn prepaid_left(&self) -> i64 {
        self.prepaid.grants.iter().map(|grant| grant.left_seconds).sum()
    }

    pub(crate) fn status(&self, when: &str) -> CostStatus {
        cost::status(self.ticket(), at(when), self.surroundings()).unwrap()
    }

    /// The rule by which a minute of execution would be posted.
    pub(crate) fn next_minute(&self, when: &str) -> ActivityStatus {
        let [_, execution] = self.status(when).activities;
        execution
    }

    /// What work would become, were it logged now.
    pub(crate) fn preview(
        &self,
        by: &str,
        activity: Activity,
        window: Window,
        imported: bool,
    ) -> Result<Vec<Segment>, Refusal> {
        let previewed =
            cost::preview(self.ticket(), activity, staff(by), window, self.now, imported, self.surroundings());
        previewed.map_err(refusal)
    }
}
