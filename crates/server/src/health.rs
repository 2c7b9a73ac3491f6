//! What a server says about itself: whether it serves, and what.

use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_reflection::server::Builder;

use crate::grpc::Api;
use crate::pb;
use crate::projector::Progress;
use crate::services::contract_service_server::ContractServiceServer;
use crate::services::ledger_service_server::LedgerServiceServer;
use crate::services::log_service_server::LogServiceServer;
use crate::services::policy_service_server::PolicyServiceServer;
use crate::services::ticket_service_server::TicketServiceServer;

/// The package that only a bench's private server offers.
const BENCH_PACKAGE: &str = "beleg.bench.v1";

/// The server as a whole, and each of its services.
const SERVICES: [&str; 6] = [
    "",
    TicketServiceServer::<Api>::NAME,
    ContractServiceServer::<Api>::NAME,
    PolicyServiceServer::<Api>::NAME,
    LedgerServiceServer::<Api>::NAME,
    LogServiceServer::<Api>::NAME,
];

/// What the health service was told of all services.
pub(crate) struct Health {
    reporter: HealthReporter,
    progress: watch::Receiver<Progress>,
    serves: bool,
}

impl Health {
    /// Tells of every service, before the first connection is accepted: a probe that comes
    /// at once finds each of them.
    pub(crate) async fn announce(reporter: HealthReporter, mut progress: watch::Receiver<Progress>) -> Self {
        let serves = progress.borrow_and_update().alarm.is_none();
        let health = Self { reporter, progress, serves };
        health.tell().await;
        health
    }

    /// Keeps what was told up to date until the server ends. With the views standing still
    /// nothing is served: queries would answer from the past, and commands would pile up
    /// what nobody sees.
    pub(crate) async fn follow(mut self, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = stopping.cancelled() => {}
                // A projector that is gone says nothing new.
                changed = self.progress.changed() => if changed.is_err() { stopping.cancelled().await },
            }
            let alarmed = self.progress.borrow_and_update().alarm.is_some();
            let serves = !alarmed && !stopping.is_cancelled();
            if serves != self.serves {
                self.serves = serves;
                self.tell().await;
            }
            if stopping.is_cancelled() {
                return;
            }
        }
    }

    async fn tell(&self) {
        let status = if self.serves { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in SERVICES {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

/// What reflection tells: the services that are served, health among them.
pub(crate) fn reflection(bench: bool) -> Result<Builder<'static>, prost::DecodeError> {
    let mut descriptors = FileDescriptorSet::decode(pb::DESCRIPTORS)?;
    descriptors.file.retain(|file| bench || file.package() != BENCH_PACKAGE);
    Ok(Builder::configure()
        .register_file_descriptor_set(descriptors)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET))
}

#[cfg(test)]
mod tests {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    use tonic_health::server::health_reporter;

    use super::*;

    #[tokio::test]
    async fn every_service_is_known_once_announced() {
        let (reporter, server) = health_reporter();
        let (_sender, progress) = watch::channel(Progress::default());
        let _health = Health::announce(reporter, progress).await;
        for service in SERVICES {
            let asked = HealthCheckRequest { service: service.into() };
            let answer =
                HealthClient::new(server.clone()).check(asked).await.map(|answer| answer.into_inner().status());
            assert_eq!(answer.ok(), Some(ServingStatus::Serving.into()), "{service}");
        }
    }
}
