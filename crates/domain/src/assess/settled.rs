//! What the last assessment of a ticket left used up.

use std::fmt;

use crate::assess::{Capacity, Reading};

/// What is used up once everything recorded stands where it belongs, if it is at hand.
/// Kept beside the fold and never recorded: a ticket is the same with it and without it,
/// so it does not show. Without it everything is assessed.
#[derive(Clone, Default)]
pub(crate) struct Settled(Option<Box<Known>>);

#[derive(Clone)]
struct Known {
    capacity: Capacity,
    ticket_version: i64,
    contract_version: i64,
}

impl Settled {
    /// After an assessment whose changes are folded. Nothing where prepaid time takes
    /// part: other tickets draw from it as well.
    pub(crate) fn after(reading: &Reading<'_>, capacity: Capacity) -> Self {
        let known = reading.prepaid.grants.is_empty().then(|| Known {
            capacity,
            ticket_version: reading.ticket.version,
            contract_version: reading.contract.version(),
        });
        Self(known.map(Box::new))
    }

    /// What was used up when the ticket had this version, as it is read now.
    pub(crate) fn at(self, ticket_version: i64, reading: &Reading<'_>) -> Option<Capacity> {
        self.0.filter(|known| known.holds_for(ticket_version, reading)).map(|known| known.capacity)
    }

    /// What is used up now.
    pub(crate) fn now(&self, reading: &Reading<'_>) -> Option<Capacity> {
        let known = self.0.as_ref().filter(|known| known.holds_for(reading.ticket.version, reading))?;
        Some(known.capacity.clone())
    }
}

impl Known {
    fn holds_for(&self, ticket_version: i64, reading: &Reading<'_>) -> bool {
        self.ticket_version == ticket_version
            && self.contract_version == reading.contract.version()
            && reading.prepaid.grants.is_empty()
    }
}

impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}
