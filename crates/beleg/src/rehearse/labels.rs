//! A scenario's own labels, turned into identifiers.

use crate::ids;
use uuid::Uuid;

/// Gives every label of a scenario its UUID. A label that no step defines gets
/// one as well, and the log does not know it – which is what a step that names
/// it, and is to be refused, is there to show.
#[derive(Clone, Copy)]
pub(super) struct Labels<'a> {
    scenario: &'a str,
}

impl<'a> Labels<'a> {
    pub(super) fn of(scenario: &'a str) -> Self {
        Self { scenario }
    }

    pub(super) fn ticket(self, label: &str) -> Uuid {
        self.of_kind("ticket", label)
    }

    pub(super) fn information(self, label: &str) -> Uuid {
        self.of_kind("information", label)
    }

    pub(super) fn approval(self, label: &str) -> Uuid {
        self.of_kind("approval", label)
    }

    pub(super) fn work(self, label: &str) -> Uuid {
        self.of_kind("work", label)
    }

    /// The request id a step names.
    pub(super) fn request(self, label: &str) -> Uuid {
        self.of_kind("request", label)
    }

    /// A request id for a step that names none.
    pub(super) fn request_of_step(self, number: usize) -> Uuid {
        self.of_kind("step", &number.to_string())
    }

    fn of_kind(self, kind: &str, label: &str) -> Uuid {
        ids::derived(&["rehearsal", self.scenario, kind, label])
    }
}
