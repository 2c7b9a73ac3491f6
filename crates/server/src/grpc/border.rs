//! What every call passes before and after its service: metadata that this server has
//! no use for is refused, and what the transport itself refuses gets the details that
//! every other refusal has.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use beleg_domain::refusal::Refusal;
use http::{HeaderMap, Request, Response};
use tokio::sync::watch;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use crate::call::NOW;
use crate::failure::Failure;

/// The header that holds the `google.rpc` details.
const DETAILS: &str = "grpc-status-details-bin";

/// The border around all services.
#[derive(Clone)]
pub(crate) struct Border {
    simulated_clock: bool,
    calls: Calls,
}

impl Border {
    pub(crate) fn new(simulated_clock: bool, calls: Calls) -> Self {
        Self { simulated_clock, calls }
    }

    /// A caller that says "now" to a server with a clock of its own would be surprised
    /// later by what it recorded.
    fn refused(&self, headers: &HeaderMap) -> Option<Status> {
        let surplus = !self.simulated_clock && headers.contains_key(NOW);
        let message = "this server has a clock of its own: leave beleg-now out, or use one with --simulated-clock";
        surplus.then(|| Failure::from(Refusal::malformed(NOW, message)).into())
    }
}

impl<S> Layer<S> for Border {
    type Service = Bordered<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bordered { border: self.clone(), inner }
    }
}

/// How many calls have no answer yet.
#[derive(Clone)]
pub(crate) struct Calls(watch::Sender<usize>);

impl Calls {
    pub(crate) fn none() -> Self {
        Self(watch::Sender::new(0))
    }

    fn begin(&self) -> UnderWay {
        self.0.send_modify(|count| *count += 1);
        UnderWay(self.clone())
    }

    /// Waits until every call has its answer, or was given up by its caller.
    pub(crate) async fn ended(&self) {
        // The sender is here, so it cannot be gone.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// A call that has no answer yet.
struct UnderWay(Calls);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// Services with the border around them.
#[derive(Clone)]
pub(crate) struct Bordered<S> {
    border: Border,
    inner: S,
}

impl<S> Service<Request<Body>> for Bordered<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some(status) = self.border.refused(request.headers()) {
            return Box::pin(std::future::ready(Ok(status.into_http())));
        }
        let answered = self.inner.call(request);
        let under_way = self.border.calls.begin();
        Box::pin(async move {
            let answer = answered.await?;
            drop(under_way);
            Ok(match unread(answer.headers()) {
                Some(status) => status.into_http(),
                None => answer,
            })
        })
    }
}

/// A request that never reached its service: what the decoder says stands in the
/// headers, without details, because every status of a service has them.
fn unread(headers: &HeaderMap) -> Option<Status> {
    if headers.contains_key(DETAILS) {
        return None;
    }
    let status = Status::from_header_map(headers)?;
    let message = match status.code() {
        Code::Internal => "the message is not what the method takes: encode it as its .proto file says",
        Code::OutOfRange => "the message is too large: at most 8 MiB are taken",
        _ => return None,
    };
    tracing::debug!(%status, "a message that could not be read");
    Some(Failure::from(Refusal::malformed("request", message)).into())
}
