//! The log itself: where it stands, and all of it.

use std::pin::Pin;
use std::sync::Arc;

use beleg_domain::refusal::Refusal;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::encoded::EncodedEvents;
use super::log_reading::LogReading;
use super::{Api, Asked, answer, render};
use crate::connections::Line;
use crate::failure::Failure;
use crate::pb;
use crate::services;

#[tonic::async_trait]
impl services::log_service_server::LogService for Api {
    async fn get_log_status(
        &self,
        request: Request<pb::GetLogStatusRequest>,
    ) -> Result<Response<pb::GetLogStatusResponse>, Status> {
        answer(self.on_get_log_status(request).await)
    }

    type ReadLogStream = Pin<Box<dyn Stream<Item = Result<EncodedEvents, Status>> + Send>>;

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
        // What another server appended counts at once; while the database is away, what was seen last does.
        let head = match self.log().is_shared() {
            true => self.log().refresh_head().await.unwrap_or_else(|_| self.log().head()),
            false => self.log().head(),
        };
        let info = self.log().info();
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
    ) -> Result<<Self as services::log_service_server::LogService>::ReadLogStream, Failure> {
        let line = asked.extensions().get::<Line>().cloned();
        let m = asked.into_inner();
        if m.from_position < 0 {
            return Err(Refusal::malformed("from_position", "positions begin at 1").into());
        }
        let permit = Arc::clone(&self.log_readers).try_acquire_owned().map_err(|_| Failure::TooManyReaders)?;
        // Without an end it is read as far as any server has appended by now.
        let head = self.head_from(m.to_position.unwrap_or(i64::MAX)).await?;
        let last = m.to_position.map_or(head, |to| to.min(head));
        let (log, pages) = (Arc::clone(&self.commands.log), Arc::clone(&self.log_pages));
        let reading = LogReading::new(log, pages, m.from_position, last);
        Ok(Box::pin(reading.send(permit, line, self.stopping.clone())))
    }
}
