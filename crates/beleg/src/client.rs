//! The one way to the server: a channel, and what each call says about itself.

use crate::failure::Failure;
use crate::instant;
use crate::refusal::Refusal;
use crate::said::Said;
use beleg_server::pb::{
    GetLogStatusRequest, contract_service_client::ContractServiceClient, ledger_service_client::LedgerServiceClient,
    log_service_client::LogServiceClient, policy_service_client::PolicyServiceClient,
    ticket_service_client::TicketServiceClient,
};
use chrono::{DateTime, Utc};
use std::time::Duration;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

/// The largest message taken or sent.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// How often a call that met a busy server is sent in all.
const ATTEMPTS_MAX: u32 = 7;
/// The wait before the second attempt; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(40);
/// The longest wait, whatever a server asks for.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// A channel that says who calls.
pub(crate) type Wire = InterceptedService<Channel, Call>;

/// What a call says about itself, beside its message.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    actor: MetadataValue<Ascii>,
    now: Option<MetadataValue<Ascii>>,
    origin: Option<MetadataValue<Ascii>>,
    correlation_id: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Call {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert("beleg-actor", self.actor.clone());
        let optional =
            [("beleg-now", &self.now), ("beleg-origin", &self.origin), ("beleg-correlation-id", &self.correlation_id)];
        for (key, value) in optional {
            if let Some(value) = value {
                metadata.insert(key, value.clone());
            }
        }
        Ok(request)
    }
}

/// A connected server and the caller's standing words. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    channel: Channel,
    call: Call,
}

impl Client {
    /// Connects, so that a missing server is noticed before any work.
    pub(crate) async fn connect(url: &str, actor: &str) -> Result<Self, Failure> {
        let bad = |reason: String| Failure::BadAddress { url: url.to_owned(), reason };
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|error| bad(error.to_string()))?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(20));
        if endpoint.uri().scheme_str() != Some("http") || endpoint.uri().host().is_none() {
            return Err(bad("http://HOST:PORT".to_owned()));
        }
        let channel = endpoint.connect().await.map_err(|_| Failure::NothingListens { url: url.to_owned() })?;
        let actor = value(actor)?;
        Ok(Self { channel, call: Call { actor, now: None, origin: None, correlation_id: None } })
    }

    /// A first call, so that whatever else listens at the address is noticed before any work. What a server of ours
    /// has against it, it says again to the call that matters.
    pub(crate) async fn meet(&self, url: &str) -> Result<(), Failure> {
        match self.log().get_log_status(GetLogStatusRequest {}).await {
            Err(status) if broke_on_the_way(&status) || is_of_no_server_of_ours(&status) => {
                Err(Failure::OtherServer { url: url.to_owned(), last: Refusal::of(&status).in_one_line() })
            }
            _ => Ok(()),
        }
    }

    /// The same, acting as somebody else.
    pub(crate) fn acting_as(&self, actor: &str) -> Result<Self, Failure> {
        let mut other = self.clone();
        other.call.actor = value(actor)?;
        Ok(other)
    }

    /// The same, telling a simulated clock what time it is.
    pub(crate) fn at(&self, now: DateTime<Utc>) -> Result<Self, Failure> {
        let mut other = self.clone();
        other.call.now = Some(value(&instant::in_metadata(now))?);
        Ok(other)
    }

    /// The same, bringing events from elsewhere.
    pub(crate) fn with_origin(&self, origin: &str) -> Result<Self, Failure> {
        let mut other = self.clone();
        other.call.origin = Some(value(origin)?);
        Ok(other)
    }

    /// The same, marking its calls as belonging together.
    pub(crate) fn with_correlation(&self, correlation_id: &str) -> Result<Self, Failure> {
        let mut other = self.clone();
        other.call.correlation_id = Some(value(correlation_id)?);
        Ok(other)
    }

    /// The log's end, for a list that shows what was done before it was asked for. `None` while the views stand still:
    /// then a list shows how far they have come.
    pub(crate) async fn position_to_show(&self) -> Result<Option<i64>, Failure> {
        let status = self.log().get_log_status(GetLogStatusRequest {}).await?.into_inner();
        Ok(status.projector_alarm.is_empty().then_some(status.position))
    }

    /// Tickets.
    pub(crate) fn tickets(&self) -> TicketServiceClient<Wire> {
        TicketServiceClient::with_interceptor(self.channel.clone(), self.call.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Contracts.
    pub(crate) fn contracts(&self) -> ContractServiceClient<Wire> {
        ContractServiceClient::with_interceptor(self.channel.clone(), self.call.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Policies.
    pub(crate) fn policies(&self) -> PolicyServiceClient<Wire> {
        PolicyServiceClient::with_interceptor(self.channel.clone(), self.call.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> LedgerServiceClient<Wire> {
        LedgerServiceClient::with_interceptor(self.channel.clone(), self.call.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The log.
    pub(crate) fn log(&self) -> LogServiceClient<Wire> {
        LogServiceClient::with_interceptor(self.channel.clone(), self.call.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }
}

fn value(text: &str) -> Result<MetadataValue<Ascii>, Failure> {
    text.parse().map_err(|_| bad_metadata(text))
}

fn bad_metadata(text: &str) -> Failure {
    Failure::Usage(Said::new(
        format!("{text:?} lässt sich nicht mit einem Aufruf senden: nur sichtbare ASCII-Zeichen"),
        format!("{text:?} cannot be call metadata: visible ASCII only"),
    ))
}

/// Bounded, growing waits for a server that is only busy.
///
/// The caller's request id stays the same, so a first attempt that did arrive
/// is answered, not repeated.
pub(crate) struct Patience {
    /// The caller said which version it saw, so ABORTED is an answer.
    names_version: bool,
    attempts: u32,
    wait: Duration,
}

impl Patience {
    pub(crate) fn new(names_version: bool) -> Self {
        Self { names_version, attempts: 1, wait: FIRST_WAIT }
    }

    /// Waits after a refusal that may be gone when the call is sent again; gives
    /// it back when it will not be, or when patience is at its end.
    pub(crate) async fn wait_after(&mut self, status: Status) -> Result<(), Status> {
        let passes = passes_by_itself(status.code(), self.names_version) || broke_on_the_way(&status);
        if !passes || self.attempts == ATTEMPTS_MAX {
            return Err(status);
        }
        let asked = Refusal::of(&status).retry_after_millis.map(Duration::from_millis);
        tokio::time::sleep(asked.unwrap_or(self.wait).min(WAIT_MAX)).await;
        self.wait *= 2;
        self.attempts += 1;
        Ok(())
    }
}

/// Whether the connection, not the server, made this status: the call may or may
/// not have arrived, and its request id makes it safe to ask again.
pub(crate) fn broke_on_the_way(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
}

/// Whether an answer shows that it is none of a server of ours: another gRPC server does not know the call, and HTTP
/// without gRPC has no status of gRPC's, which the library says in these words.
fn is_of_no_server_of_ours(status: &Status) -> bool {
    status.code() == Code::Unimplemented || status.message().starts_with("grpc-status header missing")
}

/// Whether a refusal may be gone when the same call is sent again.
fn passes_by_itself(code: Code, names_version: bool) -> bool {
    match code {
        Code::Unavailable | Code::ResourceExhausted => true,
        Code::Aborted => !names_version,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::passes_by_itself;
    use tonic::Code;

    #[test]
    fn only_a_busy_server_is_asked_again() {
        assert!(passes_by_itself(Code::Unavailable, true));
        assert!(passes_by_itself(Code::ResourceExhausted, true));
        assert!(passes_by_itself(Code::Aborted, false));
        assert!(!passes_by_itself(Code::Aborted, true));
        assert!(!passes_by_itself(Code::FailedPrecondition, false));
    }
}
