//! `beleg bench --grow N`: does a log of N events serve as fast, and in as little memory, as one of 100,000?
//!
//! Both logs are written by the commands that any client sends, so every event in them is decided, hashed and
//! verifiable, and 21 of them make a ticket. The large one is kept where it was asked for and only what is missing is
//! added, so that the next run starts at once. Both are then served by a process each, freshly started, and measured
//! in turn on as many tickets, evenly spread over the whole log.

use super::measure::{Measured, closed_loop, median, per_second};
use super::server_process::ServerProcess;
use super::{Bench, Read, prepare};
use crate::args;
use crate::failure::{Cause, Failure, Outcome};
use crate::session::Session;
use beleg_server::pb;
use beleg_server::pb::ticket_service_client::TicketServiceClient;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tonic::transport::Channel;

/// What growth is compared with.
const SMALL_EVENTS: u64 = 100_000;
/// With them a ticket has five events that open it and release its work, and two for each entry.
const ENTRIES: u64 = 8;
const TICKET_EVENTS: u64 = 21;
/// Tickets that are prepared together, for one customer.
const TOGETHER: u64 = 10_000;
/// Tickets that are measured: no more than the small log has.
const MEASURED: usize = 4_000;
/// Clients at once.
const CLIENTS: u64 = 64;

/// A log that is served, and what was measured on it.
struct Grown {
    server: ServerProcess,
    bench: Bench,
    events: i64,
    resident_before: Option<(u64, u64)>,
    logged: Vec<Measured>,
    read: Vec<Measured>,
}

/// Makes the logs, measures them in turn, tells.
pub(super) async fn run(session: &Session, args: &args::Bench, events: u64) -> Result<Outcome, Failure> {
    let small = tempfile::Builder::new().prefix("beleg-").tempdir().map_err(failed)?;
    let large = match &args.data {
        None => tempfile::Builder::new().prefix("beleg-").tempdir().map_err(failed)?.into(),
        Some(data) => Kept::Asked(data.clone()),
    };
    generate(session, small.path(), SMALL_EVENTS).await?;
    let made = generate(session, large.path(), events).await?;
    let span = Duration::from_secs(args.seconds);
    let mut grown = [serve(small.path(), span).await?, serve(large.path(), span).await?];
    for _ in 0..args.rounds {
        for log in &mut grown {
            log.logged.push(log.bench.written("LogWork", CLIENTS, Bench::log_work).await?);
        }
    }
    for _ in 0..args.rounds {
        for log in &mut grown {
            let bench = log.bench.clone();
            let calls = closed_loop("GetTicket", CLIENTS, span, move || bench.clone().read(Read::Ticket));
            log.read.push(calls.await?);
        }
    }
    let told: Vec<_> = grown.iter_mut().map(Grown::as_json).collect();
    tell(session, &told, made)?;
    for log in grown {
        log.server.stop()?;
    }
    Ok(Outcome::Good)
}

/// Where the large log lies.
enum Kept {
    Asked(std::path::PathBuf),
    Temporary(tempfile::TempDir),
}

impl From<tempfile::TempDir> for Kept {
    fn from(directory: tempfile::TempDir) -> Self {
        Self::Temporary(directory)
    }
}

impl Kept {
    fn path(&self) -> &Path {
        match self {
            Self::Asked(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}

/// Adds tickets until a log has so many events; says how many were added and what it took.
async fn generate(session: &Session, data: &Path, events: u64) -> Result<(u64, Duration), Failure> {
    let server = ServerProcess::start(data)?;
    let channel = connect(&server.url).await?;
    let bench = Bench::on(channel.clone(), Vec::new(), Duration::ZERO);
    let began = Instant::now();
    let first = bench.status().await?.position.unsigned_abs();
    let bar = session.screen.progress(events.saturating_sub(first).div_ceil(TICKET_EVENTS));
    let mut position = first;
    while position < events {
        let customer = prepare::customer(&channel).await?;
        let count = (events - position).div_ceil(TICKET_EVENTS).min(TOGETHER);
        let tickets = Arc::new(prepare::tickets(&channel, &customer, count, &bar).await?);
        prepare::entries(&channel, &tickets, ENTRIES).await?;
        position = bench.status().await?.position.unsigned_abs();
    }
    bench.views_caught_up().await?;
    bar.finish_and_clear();
    server.stop()?;
    Ok((position - first, began.elapsed()))
}

async fn serve(data: &Path, span: Duration) -> Result<Grown, Failure> {
    let server = ServerProcess::start(data)?;
    let channel = connect(&server.url).await?;
    let all = tickets(&channel).await?;
    let step = (all.len() / MEASURED).max(1);
    // Those that an earlier run has measured have many more entries than those of the small log.
    let first = usize::try_from(since_epoch().as_secs()).unwrap_or(0) % step;
    let bench = Bench::on(channel, all.into_iter().skip(first).step_by(step).take(MEASURED).collect(), span);
    let events = bench.status().await?.position;
    let resident_before = server.resident_kib();
    Ok(Grown { server, bench, events, resident_before, logged: Vec::new(), read: Vec::new() })
}

/// The ids of all tickets of the log, in the order they were opened.
async fn tickets(channel: &Channel) -> Result<Vec<String>, Failure> {
    let mut client = TicketServiceClient::new(channel.clone());
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let asked = pb::ListTicketsRequest { page_size: 1_000, page_token: token, ..Default::default() };
        let page = client.list_tickets(asked).await?.into_inner();
        found.extend(page.tickets.into_iter().map(|ticket| ticket.ticket_id));
        token = page.next_page_token;
        if token.is_empty() {
            return Ok(found);
        }
    }
}

impl Bench {
    /// A bench on tickets that have entries already.
    fn on(channel: Channel, tickets: Vec<String>, span: Duration) -> Self {
        let logged = ENTRIES * tickets.len() as u64;
        let run = since_epoch().as_millis();
        Self {
            channel,
            name: format!("growth-{run:x}").into(),
            tickets: Arc::new(tickets),
            appended: Arc::default(),
            logged: Arc::new(AtomicU64::new(logged)),
            read: Arc::default(),
            span,
        }
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Grown {
    fn as_json(&mut self) -> Value {
        let of = |rounds: &mut Vec<Measured>| median(std::mem::take(rounds)).map(|one| one.as_json());
        let resident = |kib: Option<(u64, u64)>| kib.map(|(now, most)| json!({ "kib": now, "peakKib": most }));
        json!({
            "events": self.events,
            "residentAtStart": resident(self.resident_before),
            "resident": resident(self.server.resident_kib()),
            "logWork": of(&mut self.logged),
            "getTicket": of(&mut self.read),
        })
    }
}

fn tell(session: &Session, told: &[Value], (made, took): (u64, Duration)) -> Result<(), Failure> {
    let screen = &session.screen;
    let percent = |path: &str| {
        let [small, large] = [0, 1].map(|log| told.get(log).and_then(|one| one.pointer(path)).and_then(Value::as_u64));
        Some(large? * 100 / small?.max(1))
    };
    let ratios = json!({
        "logWorkRatePercent": percent("/logWork/perSecond"),
        "getTicketP99Percent": percent("/getTicket/p99Us"),
        "residentPercent": percent("/resident/kib"),
    });
    let generated =
        json!({ "events": made, "ms": u64::try_from(took.as_millis()).ok(), "perSecond": per_second(made, took) });
    if screen.is_json() {
        return screen.json(&json!({ "generated": generated, "logs": told, "largeOfSmall": ratios }));
    }
    screen.line(format!("{made} events added in {} s, {} per second", took.as_secs(), per_second(made, took)))?;
    let mut table = screen.table([
        "events",
        "LogWork/s",
        "p50 µs",
        "p99 µs",
        "GetTicket/s",
        "p50 µs",
        "p99 µs",
        "resident KiB",
        "peak KiB",
    ]);
    for log in told {
        let places = [
            "/events",
            "/logWork/perSecond",
            "/logWork/p50Us",
            "/logWork/p99Us",
            "/getTicket/perSecond",
            "/getTicket/p50Us",
            "/getTicket/p99Us",
            "/resident/kib",
            "/resident/peakKib",
        ];
        table.add_row(places.map(|place| log.pointer(place).map_or_else(String::new, Value::to_string)));
    }
    screen.show(&table)?;
    for (name, key) in [
        ("LogWork's rate", "logWorkRatePercent"),
        ("GetTicket's p99", "getTicketP99Percent"),
        ("resident memory", "residentPercent"),
    ] {
        screen.line(format!("{name}, large of small: {} %", ratios[key]))?;
    }
    Ok(())
}

async fn connect(url: &str) -> Result<Channel, Failure> {
    let nothing = || Failure::NothingListens { url: url.to_owned() };
    Channel::from_shared(url.to_owned()).map_err(|_| nothing())?.connect().await.map_err(|_| nothing())
}

fn failed(error: impl Into<Cause>) -> Failure {
    Failure::PrivateServer(error.into())
}
