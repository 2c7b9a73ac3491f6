//! The log itself: where it stands, and all of it.

use std::pin::Pin;
use std::sync::Arc;

use beleg_domain::refusal::Refusal;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{Api, Asked, answer, render};
use crate::failure::Failure;
use crate::pb;

/// Events of one message.
const MESSAGE_EVENTS: usize = 512;
/// Messages that wait for a slow reader.
const MESSAGES_WAITING: usize = 4;

#[tonic::async_trait]
impl pb::log_service_server::LogService for Api {
    async fn get_log_status(
        &self,
        request: Request<pb::GetLogStatusRequest>,
    ) -> Result<Response<pb::GetLogStatusResponse>, Status> {
        answer(self.on_get_log_status(request).await)
    }

    type ReadLogStream = Pin<Box<dyn Stream<Item = Result<pb::ReadLogResponse, Status>> + Send>>;

    async fn read_log(&self, request: Request<pb::ReadLogRequest>) -> Result<Response<Self::ReadLogStream>, Status> {
        answer(self.on_read_log(request).await)
    }
}

impl Api {
    async fn on_get_log_status(
        &self,
        asked: Asked<pb::GetLogStatusRequest>,
    ) -> Result<pb::GetLogStatusResponse, Failure> {
        let now = self.now(asked.metadata())?;
        let (info, head) = (self.log().info(), self.log().head());
        let commits = self.log().commits();
        let progress = self.progress.borrow().clone();
        Ok(pb::GetLogStatusResponse {
            log_id: info.log_id.to_string(),
            clock: info.clock.as_str().to_owned(),
            position: head.position,
            recorded_at: Some(render::micros(head.recorded_at_us)),
            views_position: progress.position,
            projector_alarm: progress.trouble().unwrap_or_default(),
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            imports_admitted: self.commands.imports_admitted,
            now: Some(render::at(now)),
            batches: commits.batches.cast_signed(),
            commands: commits.commands.cast_signed(),
            largest_batch: commits.largest_batch.cast_signed(),
        })
    }

    async fn on_read_log(
        &self,
        asked: Asked<pb::ReadLogRequest>,
    ) -> Result<<Self as pb::log_service_server::LogService>::ReadLogStream, Failure> {
        let m = asked.into_inner();
        if m.from_position < 0 {
            return Err(Refusal::malformed("from_position", "positions begin at 1").into());
        }
        let head = self.log().head().position;
        let last = m.to_position.map_or(head, |to| to.min(head));
        let log = Arc::clone(&self.commands.log);
        let (sender, receiver) = tokio::sync::mpsc::channel(MESSAGES_WAITING);
        tokio::spawn(async move {
            let mut position = (m.from_position - 1).max(0);
            while position < last {
                let limit = usize::try_from(last - position).unwrap_or(MESSAGE_EVENTS).min(MESSAGE_EVENTS);
                let message = match log.read_all(position, limit).await {
                    Ok(events) => {
                        let Some(end) = events.last() else { return };
                        position = end.position;
                        Ok(pb::ReadLogResponse { events: events.into_iter().map(render::event).collect() })
                    }
                    Err(error) => Err(Status::from(Failure::from(error))),
                };
                let failed = message.is_err();
                // A reader that went away ends the reading.
                if sender.send(message).await.is_err() || failed {
                    return;
                }
            }
        });
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }
}
