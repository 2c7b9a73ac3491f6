//! Protobuf JSON: what `--output json` prints and what an import's lines hold.

use beleg_server::pb;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::Value;
use std::sync::OnceLock;

fn descriptor(name: &str) -> Result<MessageDescriptor, String> {
    static POOL: OnceLock<Option<DescriptorPool>> = OnceLock::new();
    POOL.get_or_init(|| DescriptorPool::decode(pb::DESCRIPTORS).ok())
        .as_ref()
        .and_then(|pool| pool.get_message_by_name(&format!("beleg.v1.{name}")))
        .ok_or_else(|| format!("this build has no description of beleg.v1.{name}"))
}

/// A message of `beleg.v1` as protobuf JSON.
pub(crate) fn of_message<M: Message>(name: &str, message: &M) -> Result<Value, String> {
    let mut dynamic = DynamicMessage::new(descriptor(name)?);
    dynamic.transcode_from(message).map_err(|error| error.to_string())?;
    serde_json::to_value(&dynamic).map_err(|error| error.to_string())
}

/// A message of `beleg.v1` from protobuf JSON; an unknown field is an error.
pub(crate) fn to_message<M: Message + Default>(name: &str, json: Value) -> Result<M, String> {
    let dynamic = DynamicMessage::deserialize(descriptor(name)?, json).map_err(|error| error.to_string())?;
    dynamic.transcode_to().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{of_message, to_message};
    use beleg_server::pb;
    use serde_json::json;

    #[test]
    fn a_message_survives_json() {
        let said = json!({
            "requestId": "r", "ticketId": "t", "activity": "ACTIVITY_EXECUTION",
            "from": "2026-03-02T09:00:00Z", "durationSeconds": "60",
        });
        let message: pb::LogWorkRequest = to_message("LogWorkRequest", said.clone()).expect("well-formed");
        assert_eq!(message.activity(), pb::Activity::Execution);
        assert_eq!(message.duration_seconds, Some(60));
        assert_eq!(of_message("LogWorkRequest", &message), Ok(said));
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = to_message::<pb::LogWorkRequest>("LogWorkRequest", json!({"minutes": 3}));
        assert!(error.is_err_and(|text| text.contains("minutes")));
    }
}
