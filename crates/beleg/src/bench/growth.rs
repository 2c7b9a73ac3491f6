//! `beleg bench --grow N`: does a log of N events serve as fast, and in as little memory, as one of 100,000?
//!
//! Both logs are written by the commands that any client sends, so every event in them is decided, hashed and
//! verifiable, and 21 of them make a ticket. A large one in a directory is kept where it was asked for and only what is
//! missing is added, so that the next run starts at once. Both are then served by a process each, freshly started, and
//! measured in turn on as many tickets: evenly spread over the whole log, and then those opened last, which is what a
//! house works on. For these the small log is made anew and the large one gets as many more, so that nothing was logged
//! on them before.

use super::measure::{Measured, closed_loop, median, per_second};
use super::server_process::ServerProcess;
use super::{Bench, Read, prepare};
use crate::args;
use crate::failure::{Failure, Outcome};
use crate::private_storage::PrivateStorage;
use crate::session::Session;
use beleg_server::pb;
use beleg_server::pb::ticket_service_client::TicketServiceClient;
use beleg_store::Storage;
use serde_json::{Value, json};
use std::path::PathBuf;
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

/// Which tickets are measured.
#[derive(Clone, Copy)]
enum Chosen {
    Spread,
    Newest,
}

/// Makes the logs, measures them in turn, tells.
pub(super) async fn run(session: &Session, args: &args::Bench, events: u64) -> Result<Outcome, Failure> {
    let large = match &args.data {
        None => Large::Private(PrivateStorage::make(&args.beside).await?),
        Some(data) => Large::Kept(data.clone()),
    };
    let told = grown(session, args, &large.storage(), events).await;
    large.discard().await?;
    told
}

async fn grown(session: &Session, args: &args::Bench, large: &Storage, events: u64) -> Result<Outcome, Failure> {
    let made = generate(session, large, |_| events).await?;
    let spread = beside_small(session, args, large, Chosen::Spread).await?;
    let newest = beside_small(session, args, large, Chosen::Newest).await?;
    tell(session, &[("evenly spread", spread), ("newest", newest)], made)?;
    Ok(Outcome::Good)
}

/// What a small log, made for this, and the large one do with such tickets.
async fn beside_small(
    session: &Session,
    args: &args::Bench,
    large: &Storage,
    chosen: Chosen,
) -> Result<[Value; 2], Failure> {
    let small = PrivateStorage::make(&args.beside).await?;
    let told = measured(session, args, [&small.storage(), large], chosen).await;
    small.discard().await?;
    told
}

async fn measured(
    session: &Session,
    args: &args::Bench,
    [small, large]: [&Storage; 2],
    chosen: Chosen,
) -> Result<[Value; 2], Failure> {
    generate(session, small, |_| SMALL_EVENTS).await?;
    if let Chosen::Newest = chosen {
        generate(session, large, |there| there + MEASURED as u64 * TICKET_EVENTS).await?;
    }
    let span = Duration::from_secs(args.seconds);
    let mut grown = [serve(small, span, chosen).await?, serve(large, span, chosen).await?];
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
    let told = [grown[0].as_json(), grown[1].as_json()];
    for log in grown {
        log.server.stop()?;
    }
    Ok(told)
}

/// Where the large log lies.
enum Large {
    Kept(PathBuf),
    Private(PrivateStorage),
}

impl Large {
    fn storage(&self) -> Storage {
        match self {
            Self::Kept(directory) => Storage::Directory(directory.clone()),
            Self::Private(private) => private.storage(),
        }
    }

    async fn discard(self) -> Result<(), Failure> {
        match self {
            Self::Kept(_) => Ok(()),
            Self::Private(private) => private.discard().await,
        }
    }
}

/// Adds tickets until a log has as many events as are wanted, given those that it has; says how many were added and
/// what it took.
async fn generate(
    session: &Session,
    storage: &Storage,
    wanted: impl FnOnce(u64) -> u64,
) -> Result<(u64, Duration), Failure> {
    let server = ServerProcess::start(storage)?;
    let channel = connect(&server.url).await?;
    let bench = Bench::on(channel.clone(), Vec::new(), Duration::ZERO);
    let began = Instant::now();
    let first = bench.status().await?.position.unsigned_abs();
    let events = wanted(first);
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

async fn serve(storage: &Storage, span: Duration, chosen: Chosen) -> Result<Grown, Failure> {
    let server = ServerProcess::start(storage)?;
    let channel = connect(&server.url).await?;
    let mut all = tickets(&channel).await?;
    let measured = match chosen {
        Chosen::Newest => all.split_off(all.len().saturating_sub(MEASURED)),
        Chosen::Spread => {
            let step = (all.len() / MEASURED).max(1);
            // Those that an earlier run has measured have many more entries than those of the small log.
            let first = usize::try_from(since_epoch().as_secs()).unwrap_or(0) % step;
            all.into_iter().skip(first).step_by(step).take(MEASURED).collect()
        }
    };
    let bench = Bench::on(channel, measured, span);
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

/// The shares that the large log has of what the small one has, with their names.
const SHARES: [(&str, &str, &str); 3] = [
    ("LogWork's rate", "logWorkRatePercent", "/logWork/perSecond"),
    ("GetTicket's p99", "getTicketP99Percent", "/getTicket/p99Us"),
    ("resident memory", "residentPercent", "/resident/kib"),
];

fn large_of_small([small, large]: &[Value; 2], path: &str) -> Option<u64> {
    let of = |log: &Value| log.pointer(path).and_then(Value::as_u64);
    Some(of(large)? * 100 / of(small)?.max(1))
}

fn tell(session: &Session, told: &[(&str, [Value; 2]); 2], (made, took): (u64, Duration)) -> Result<(), Failure> {
    let screen = &session.screen;
    if screen.is_json() {
        let [(_, spread), (_, newest)] = told;
        let of = |logs: &[Value; 2]| {
            let shares = SHARES.map(|(_, key, path)| (key.to_owned(), json!(large_of_small(logs, path))));
            json!({ "logs": logs, "largeOfSmall": Value::Object(shares.into_iter().collect()) })
        };
        let generated =
            json!({ "events": made, "ms": u64::try_from(took.as_millis()).ok(), "perSecond": per_second(made, took) });
        return screen.json(&json!({ "generated": generated, "spread": of(spread), "newest": of(newest) }));
    }
    screen.line(format!("{made} events added in {} s, {} per second", took.as_secs(), per_second(made, took)))?;
    let mut table = screen.table([
        "tickets",
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
    for (tickets, logs) in told {
        for log in logs {
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
            let shown = places.map(|place| log.pointer(place).map_or_else(String::new, Value::to_string));
            table.add_row(std::iter::once((*tickets).to_owned()).chain(shown));
        }
    }
    screen.show(&table)?;
    for (tickets, logs) in told {
        for (name, _, path) in SHARES {
            let share = large_of_small(logs, path).map_or_else(String::new, |share| share.to_string());
            screen.line(format!("{tickets}: {name}, large of small: {share} %"))?;
        }
    }
    Ok(())
}

async fn connect(url: &str) -> Result<Channel, Failure> {
    let nothing = || Failure::NothingListens { url: url.to_owned() };
    Channel::from_shared(url.to_owned()).map_err(|_| nothing())?.connect().await.map_err(|_| nothing())
}
