//! All published policies, by name and version.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{PolicyPin, PolicyPublished, PolicyRef};
use crate::facts::Account;
use crate::ids::EventId;
use crate::policy::{ClauseId, Policy, Problem, Required, RuleId};
use crate::time::Timestamp;

/// How many versions of all policies together a log may hold.
pub const VERSIONS_MAX: usize = 10_000;

/// One published version.
#[derive(Clone, Debug)]
pub struct Published {
    /// The event that published it.
    pub event: EventId,
    /// When.
    pub at: Timestamp,
    /// How a classification or an opening names it.
    pub pin: PolicyPin,
    /// How a segment names it.
    pub reference: PolicyRef,
    /// What it says.
    pub policy: Policy,
}

/// A rule as a segment cites it.
pub(crate) struct Citation {
    pub(crate) rule: RuleId,
    pub(crate) account: Account,
    pub(crate) clause: ClauseId,
}

impl Published {
    /// Reads a publication; its document was checked before it was recorded.
    pub fn read(event: EventId, at: Timestamp, published: PolicyPublished) -> Result<Self, Vec<Problem>> {
        let policy = Policy::from_canonical_json(published.document.as_bytes())?;
        let PolicyPublished { hash, name, version, .. } = published;
        let name: Arc<str> = name.into();
        let reference = PolicyRef { name: Arc::clone(&name), version };
        Ok(Self { event, at, pin: PolicyPin { hash: hash.into(), name, version }, reference, policy })
    }

    /// A rule by its id. A checked policy holds every rule the program names and
    /// every charge its own rows name.
    pub(crate) fn cite(&self, rule: &str) -> Option<Citation> {
        let rule = self.policy.rule(rule)?;
        Some(Citation { rule: rule.id.clone(), account: rule.account?, clause: rule.clause.clone() })
    }

    pub(crate) fn cite_required(&self, rule: Required) -> Option<Citation> {
        self.cite(rule.as_str())
    }
}

/// All published policies.
#[derive(Clone, Debug, Default)]
pub struct PolicyBook {
    versions: BTreeMap<Arc<str>, Vec<Arc<Published>>>,
}

impl PolicyBook {
    /// Adds a publication; versions of a name come in order.
    pub fn add(&mut self, published: Published) {
        self.versions.entry(Arc::clone(&published.pin.name)).or_default().push(Arc::new(published));
    }

    /// The latest version of a name.
    pub fn latest(&self, name: &str) -> Option<&Arc<Published>> {
        self.versions.get(name)?.last()
    }

    /// A version of a name.
    pub fn version(&self, name: &str, version: i64) -> Option<&Arc<Published>> {
        let place = usize::try_from(version).ok()?.checked_sub(1)?;
        self.versions.get(name)?.get(place)
    }

    /// A pinned version.
    pub fn pinned(&self, pin: &PolicyPin) -> Option<&Arc<Published>> {
        self.version(&pin.name, pin.version).filter(|published| published.pin.hash == pin.hash)
    }

    /// How many versions there are of a name.
    pub fn count(&self, name: &str) -> i64 {
        self.versions.get(name).map_or(0, |v| i64::try_from(v.len()).unwrap_or(i64::MAX))
    }

    /// How many versions there are in all.
    pub fn len(&self) -> usize {
        self.versions.values().map(Vec::len).sum()
    }

    /// Whether nothing is published.
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }
}
