//! Which service a call is for.
//!
//! Nearly every call is for the ticket service. It stands beside the router, which clones services, boxes futures and
//! wraps bodies once more. So does the bench's, whose calls are compared with the tickets'.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tower::Service;

use super::Api;
use crate::services::bench::bench_service_server::BenchServiceServer;
use crate::services::ticket_service_server::TicketServiceServer;

/// All services of a server.
#[derive(Clone)]
pub(crate) struct Services {
    tickets: TicketServiceServer<Api>,
    bench: Option<BenchServiceServer<Api>>,
    others: Routes,
}

impl Services {
    pub(crate) fn new(
        tickets: TicketServiceServer<Api>,
        bench: Option<BenchServiceServer<Api>>,
        others: Routes,
    ) -> Self {
        Self { tickets, bench, others: others.prepare() }
    }
}

impl Service<Request<Body>> for Services {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // As each of them says.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        if is_for::<TicketServiceServer<Api>>(path) {
            return self.tickets.call(request);
        }
        match &mut self.bench {
            Some(bench) if is_for::<BenchServiceServer<Api>>(path) => bench.call(request),
            _ => Box::pin(self.others.call(request)),
        }
    }
}

/// Whether a path names a method of a service: `/package.Service/Method`.
fn is_for<S: NamedService>(path: &str) -> bool {
    let service = path.strip_prefix('/').and_then(|path| path.strip_prefix(S::NAME));
    service.is_some_and(|method| method.starts_with('/'))
}
