//! What belongs to a call and not to its message: who calls, in which conversation,
//! from which import, and, under a simulated clock, when.

use std::sync::Arc;

use beleg_domain::ids::OpaqueId;
use beleg_domain::refusal::Refusal;
use beleg_domain::time::Timestamp;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

/// Metadata key: who calls.
pub const ACTOR: &str = "beleg-actor";
/// Metadata key: a UUID that ties the calls of one conversation together.
pub const CORRELATION_ID: &str = "beleg-correlation-id";
/// Metadata key: where imported events come from.
pub const ORIGIN: &str = "beleg-origin";
/// Metadata key: "now", RFC 3339, for a server with a simulated clock.
pub const NOW: &str = "beleg-now";

/// The actor of a call that names none.
const NOBODY: &str = "unidentified";

/// A call's metadata, checked.
#[derive(Clone, Debug)]
pub(crate) struct CallInfo {
    pub(crate) actor: Arc<str>,
    pub(crate) correlation_id: Option<Uuid>,
    pub(crate) origin: Option<Arc<str>>,
    pub(crate) now: Option<Timestamp>,
}

impl CallInfo {
    pub(crate) fn read(metadata: &MetadataMap) -> Result<Self, Refusal> {
        let text = |key: &'static str| {
            let value = metadata.get(key).map(|value| value.to_str());
            value.transpose().map_err(|_| Refusal::malformed(key, format!("{key} is not printable ASCII")))
        };
        let actor = match text(ACTOR)? {
            Some(actor) => OpaqueId::parse(ACTOR, actor)?.as_str().into(),
            None => NOBODY.into(),
        };
        let correlation_id = text(CORRELATION_ID)?
            .map(|id| Uuid::try_parse(id).map_err(|_| Refusal::malformed(CORRELATION_ID, "not a UUID")))
            .transpose()?;
        let origin = text(ORIGIN)?.map(|origin| OpaqueId::parse(ORIGIN, origin)).transpose()?;
        let now = text(NOW)?
            .map(|now| {
                let parsed = Timestamp::parse(now);
                parsed.ok_or_else(|| {
                    Refusal::malformed(NOW, format!("{NOW} is no RFC 3339 instant between 1970 and 9999: {now:.40?}"))
                })
            })
            .transpose()?;
        Ok(Self { actor, correlation_id, origin: origin.map(|origin| origin.as_str().into()), now })
    }
}
