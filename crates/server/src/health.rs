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

/// Keeps the health of all services up to date until the server ends. With the views
/// standing still nothing is served: queries would answer from the past, and commands
/// would pile up what nobody sees.
pub(crate) async fn follow(
    health: HealthReporter,
    mut progress: watch::Receiver<Progress>,
    stopping: CancellationToken,
) {
    let mut said = None;
    loop {
        let alarmed = progress.borrow_and_update().alarm.is_some();
        let serves = !alarmed && !stopping.is_cancelled();
        if said != Some(serves) {
            let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
            for service in SERVICES {
                health.set_service_status(service, status).await;
            }
            said = Some(serves);
        }
        if stopping.is_cancelled() {
            return;
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            // A projector that is gone says nothing new.
            changed = progress.changed() => if changed.is_err() { stopping.cancelled().await },
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
