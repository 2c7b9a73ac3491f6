//! `beleg bench`: a closed loop of clients against a private server, durable as any, or
//! against a running one.
//!
//! Each client has one call under way and waits for its answer. LogWork alternates
//! with a bare append (one event, no decision, the same gRPC stack and writer), so
//! that their ratio holds on a machine whose speed drifts; the views' catching up
//! counts for both. What is printed is measured in this run and says nothing about
//! another machine.

mod growth;
mod measure;
mod prepare;
mod server_process;

use crate::args::{self, Workload};
use crate::failure::{Failure, Outcome};
use crate::private_server::bench_server;
use crate::said::Said;
use crate::session::Session;
use beleg_server::pb;
use beleg_server::pb::bench::AppendRequest;
use beleg_server::pb::bench::bench_service_client::BenchServiceClient;
use beleg_server::pb::log_service_client::LogServiceClient;
use beleg_server::pb::ticket_service_client::TicketServiceClient;
use measure::{Measured, closed_loop, median, per_second};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tonic::transport::Channel;
use uuid::Uuid;

/// As large as a typical event of the log.
const BARE_TEXT_BYTES: usize = 370;

/// The channel, the tickets, and which of them each workload comes to next.
#[derive(Clone)]
struct Bench {
    channel: Channel,
    /// Makes the bare append's streams, and who works, this one's own.
    name: Arc<str>,
    tickets: Arc<Vec<String>>,
    appended: Arc<AtomicU64>,
    logged: Arc<AtomicU64>,
    read: Arc<AtomicU64>,
    span: Duration,
}

/// Runs all workloads with every number of clients, each on tickets of its own: what one
/// logged does not make the next one's tickets longer.
pub(crate) async fn run(session: &Session, args: args::Bench) -> Result<Outcome, Failure> {
    if let Some(events) = args.grow {
        return growth::run(session, &args, events).await;
    }
    if let Some(clients) = args.clients.iter().find(|clients| **clients > args.tickets) {
        let tickets = args.tickets;
        return Err(Failure::Usage(Said::new(
            format!(
                "{clients} Aufrufer auf {tickets} Tickets warteten aufeinander: --tickets {clients} oder mehr angeben"
            ),
            format!(
                "{clients} clients on {tickets} tickets would wait for each other: give --tickets {clients} or more"
            ),
        )));
    }
    let private = if args.against.is_some() { None } else { Some(bench_server(&args.beside).await?) };
    let url = args.against.clone().or_else(|| private.as_ref().map(|server| server.url.clone())).unwrap_or_default();
    let nothing = || Failure::NothingListens { url: url.clone() };
    let channel = Channel::from_shared(url.clone()).map_err(|_| nothing())?.connect().await.map_err(|_| nothing())?;
    let customer = prepare::customer(&channel).await?;
    let mut results = Vec::new();
    let mut ratios = Vec::new();
    let mut read = None;
    for clients in &args.clients {
        let bar = session.screen.progress(args.tickets);
        let bench = Bench {
            tickets: Arc::new(prepare::tickets(&channel, &customer, args.tickets, &bar).await?),
            channel: channel.clone(),
            name: format!("{customer}-{clients}").into(),
            appended: Arc::default(),
            // The entries that were prepared are the first rounds of the tickets.
            logged: Arc::new(AtomicU64::new(args.entries * args.tickets)),
            read: Arc::default(),
            span: Duration::from_secs(args.seconds),
        };
        prepare::entries(&channel, &bench.tickets, args.entries).await?;
        bar.finish_and_clear();
        bench.views_caught_up().await?;
        let wanted = |workload| args.workloads.contains(&workload);
        let (mut bare, mut logged) = (Vec::new(), Vec::new());
        for _ in 0..args.rounds {
            if wanted(Workload::BareAppend) {
                bare.push(bench.written("bare append", *clients, Bench::append).await?);
            }
            if wanted(Workload::LogWork) {
                logged.push(bench.written("LogWork", *clients, Bench::log_work).await?);
            }
        }
        let (bare, logged) = (median(bare), median(logged));
        if let (Some(bare), Some(logged)) = (&bare, &logged) {
            ratios.push((*clients, 100 * logged.per_second() / bare.per_second().max(1)));
        }
        results.extend([bare, logged].into_iter().flatten());
        for (what, workload, call) in
            [(Workload::Ticket, "GetTicket", Read::Ticket), (Workload::History, "GetTicketHistory", Read::History)]
        {
            if !wanted(what) {
                continue;
            }
            let reading = bench.clone();
            let calls = closed_loop(workload, *clients, bench.span, move || reading.clone().read(call));
            results.push(calls.await?);
        }
        if wanted(Workload::Log) && Some(clients) == args.clients.last() {
            read = Some(bench.read_log().await?);
        }
    }
    tell(session, &results, &ratios, read)?;
    drop(channel);
    if let Some(server) = private {
        server.stop().await?;
    }
    Ok(Outcome::Good)
}

/// What is read.
#[derive(Clone, Copy)]
enum Read {
    Ticket,
    History,
}

impl Bench {
    /// One round of a workload that appends, with the views' catching up and the
    /// batches that its commands gathered in.
    async fn written<Fut>(
        &self,
        workload: &'static str,
        clients: u64,
        call: fn(Self) -> Fut,
    ) -> Result<Measured, Failure>
    where
        Fut: Future<Output = Result<(), tonic::Status>> + Send + 'static,
    {
        let before = self.status().await?;
        let cpu = measure::cpu_used();
        let bench = self.clone();
        let mut measured = closed_loop(workload, clients, self.span, move || call(bench.clone())).await?;
        let behind = Instant::now();
        self.views_caught_up().await?;
        measured.took += behind.elapsed();
        measured.cpu = measure::since(cpu);
        let after = self.status().await?;
        measured.batches = u64::try_from(after.batches - before.batches).unwrap_or(0);
        Ok(measured)
    }

    /// Returns once the views have taken in what the log held.
    async fn views_caught_up(&self) -> Result<(), Failure> {
        while self.status().await?.views_position < self.status().await?.position {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    async fn status(&self) -> Result<pb::GetLogStatusResponse, Failure> {
        let mut log = LogServiceClient::new(self.channel.clone());
        Ok(log.get_log_status(pb::GetLogStatusRequest {}).await?.into_inner())
    }

    /// The next place of a workload: which ticket or stream, and how often it came by.
    fn next(&self, counter: &AtomicU64) -> (usize, u64) {
        let place = counter.fetch_add(1, Ordering::Relaxed);
        let count = self.tickets.len().max(1) as u64;
        (usize::try_from(place % count).unwrap_or(0), place / count)
    }

    async fn append(self) -> Result<(), tonic::Status> {
        let (stream, version) = self.next(&self.appended);
        let append = AppendRequest {
            request_id: Uuid::now_v7().to_string(),
            stream: format!("{}-{stream}", self.name),
            expected_version: i64::try_from(version).unwrap_or(i64::MAX),
            text: "x".repeat(BARE_TEXT_BYTES),
        };
        BenchServiceClient::new(self.channel).append(append).await.map(drop)
    }

    async fn log_work(self) -> Result<(), tonic::Status> {
        let (ticket, round) = self.next(&self.logged);
        let work = prepare::work(&self.tickets[ticket], &self.name, round);
        TicketServiceClient::new(self.channel).log_work(work).await.map(drop)
    }

    async fn read(self, what: Read) -> Result<(), tonic::Status> {
        let (ticket, _) = self.next(&self.read);
        let key = pb::ticket_key::Key::TicketId(self.tickets[ticket].clone());
        let ticket = Some(pb::TicketKey { key: Some(key) });
        let mut tickets = TicketServiceClient::new(self.channel);
        match what {
            Read::Ticket => tickets.get_ticket(pb::GetTicketRequest { ticket, ..Default::default() }).await.map(drop),
            Read::History => {
                let asked = pb::GetTicketHistoryRequest { ticket, page_size: 20, ..Default::default() };
                tickets.get_ticket_history(asked).await.map(drop)
            }
        }
    }

    /// Reads the whole log; says how many events and how long it took.
    async fn read_log(&self) -> Result<(u64, Duration), Failure> {
        let mut log = LogServiceClient::new(self.channel.clone()).max_decoding_message_size(64 << 20);
        let began = Instant::now();
        let mut stream = log.read_log(pb::ReadLogRequest::default()).await?.into_inner();
        let mut events = 0;
        while let Some(page) = stream.message().await? {
            events += page.events.len() as u64;
        }
        Ok((events, began.elapsed()))
    }
}

fn tell(
    session: &Session,
    results: &[Measured],
    ratios: &[(u64, u64)],
    read: Option<(u64, Duration)>,
) -> Result<(), Failure> {
    let screen = &session.screen;
    let read = read.map(|(events, took)| (events, per_second(events, took)));
    if screen.is_json() {
        let rows: Vec<_> = results.iter().map(Measured::as_json).collect();
        let ratios: Vec<_> = ratios.iter().map(|(n, percent)| json!({ "clients": n, "percent": percent })).collect();
        let read = read.map(|(events, rate)| json!({ "events": events, "perSecond": rate }));
        return screen.json(&json!({ "workloads": rows, "logWorkOfBareAppend": ratios, "readLog": read }));
    }
    let mut table =
        screen.table(["workload", "clients", "per second", "p50 ms", "p99 ms", "p99.9 ms", "per batch", "cpu µs"]);
    for measured in results {
        table.add_row(measured.as_row());
    }
    screen.show(&table)?;
    for (clients, percent) in ratios {
        screen.line(format!("LogWork at {clients} clients: {percent} % of the bare append"))?;
    }
    if let Some((events, rate)) = read {
        screen.line(format!("ReadLog: {events} events, {rate} per second"))?;
    }
    Ok(())
}
