//! What a command's call holds beside the command, and what makes two calls the same.

use beleg_domain::ids::EventId;
use beleg_domain::refusal::Refusal;
use beleg_domain::time::Timestamp;
use beleg_proof::canonical;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::call::CallInfo;
use crate::failure::Failure;

/// What every command brings along.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) call: CallInfo,
    pub(crate) id: Uuid,
    pub(crate) expected_version: Option<i64>,
    pub(crate) occurred_at: Option<Timestamp>,
    /// The id the caller chose for what the command creates.
    pub(crate) chosen_id: Option<EventId>,
    /// Texts about people, by field name; empty ones are left out.
    pub(crate) personal: Vec<(&'static str, String)>,
}

/// What is asked for, in the form that is hashed. Its bytes are compared with those of
/// earlier versions of this program, so its members keep their names and meanings.
#[derive(Serialize)]
struct Content<'a, C> {
    method: &'a str,
    actor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen_id: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    /// The names only: a hash of a text that is to be erased would let it be guessed.
    texts: Vec<&'a str>,
    command: &'a C,
}

impl Request {
    /// SHA-256 of what was asked for, of what and by whom, as it was understood: another
    /// spelling of the same ids and instants is the same command. The expected version is
    /// no part of it, and the texts are compared by themselves.
    pub(crate) fn digest(&self, target: Option<EventId>, command: &impl Serialize) -> Result<[u8; 32], Failure> {
        let content = Content {
            method: self.method,
            actor: &self.call.actor,
            origin: self.call.origin.as_deref(),
            target,
            chosen_id: self.chosen_id,
            occurred_at: self.occurred_at,
            texts: self.personal.iter().map(|(name, _)| *name).collect(),
            command,
        };
        let bytes = canonical::to_bytes(&content).map_err(|error| Refusal::malformed("request", error.to_string()))?;
        Ok(Sha256::digest(&bytes).into())
    }

    pub(crate) fn has_evidence(&self) -> bool {
        self.personal.iter().any(|(name, text)| *name == "evidence" && !text.trim().is_empty())
    }

    /// The texts as the log compares them.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.personal.iter().map(|(name, text)| (*name, text.as_bytes()))
    }
}
