//! The bench's yardstick: a bare append through the same stack and writer.

use std::sync::Arc;

use beleg_domain::event::SCHEMA_VERSION;
use beleg_domain::ids::OpaqueId;
use beleg_proof::{canonical, commitment};
use beleg_store::{Append, NewEvent};
use prost::Message as _;
use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status};

use super::{Api, Asked, answer, parse};
use crate::call::CallInfo;
use crate::command::new_id;
use crate::failure::Failure;
use crate::pb::bench;
use crate::projector::BENCH_EVENT;
use crate::services;

#[tonic::async_trait]
impl services::bench::bench_service_server::BenchService for Api {
    async fn append(&self, request: Request<bench::AppendRequest>) -> Result<Response<bench::AppendResponse>, Status> {
        answer(self.on_append(request).await)
    }
}

impl Api {
    async fn on_append(&self, asked: Asked<bench::AppendRequest>) -> Result<bench::AppendResponse, Failure> {
        let call = CallInfo::read(asked.metadata())?;
        let m = asked.into_inner();
        let request_id = parse::id("request_id", &m.request_id)?.0;
        let stream: Arc<str> = format!("bench-{}", OpaqueId::parse("stream", &m.stream)?).into();
        let now_us = self.commands.clock.now(call.now).micros();
        let payload = canonical::to_bytes(&m.text).map_err(Failure::broken)?;
        let event = NewEvent {
            stream: Arc::clone(&stream),
            event_id: new_id().0,
            event_type: BENCH_EVENT.into(),
            schema_version: SCHEMA_VERSION,
            occurred_at_us: now_us,
            causation_id: None,
            payload_sha256: commitment::sha256(&payload),
            payload,
            personal: Vec::new(),
        };
        let append = Append {
            request_id,
            request_digest: Sha256::digest(m.encode_to_vec()).into(),
            correlation_id: call.correlation_id,
            actor: call.actor,
            origin: call.origin,
            now_us,
            expectations: vec![(stream, m.expected_version)],
            events: vec![event],
        };
        let appended = self.commands.log.append(append).await?;
        self.commands.fresh.appended_by_bench(&appended, now_us);
        let last = appended.events.last();
        Ok(bench::AppendResponse {
            version: last.map_or(0, |event| event.version),
            position: last.map_or(0, |event| event.position),
        })
    }
}
