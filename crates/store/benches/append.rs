//! How fast the log takes appends, in process: one decision of one event of about 375 bytes with an expected version,
//! to one of 10,000 streams, durable; closed loop of so many tasks. SQLite and PostgreSQL in turn.
//!
//! `cargo bench -p beleg-store --bench append`, with `-- SECONDS` per figure.

#![allow(clippy::unwrap_used, clippy::float_arithmetic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use beleg_postgres_cluster::Cluster;
use beleg_proof::commitment::sha256;
use beleg_store::{
    Append, ClockKind, EventLog, LogOptions, NewEvent, PAGE_EVENTS_MAX, PostgresLog, PostgresOptions, SqliteLog,
};
use uuid::Uuid;

const STREAMS: usize = 10_000;

fn append(stream: &Arc<str>, version: i64, event_type: &Arc<str>, actor: &Arc<str>) -> Append {
    let request_id = Uuid::now_v7();
    let payload = format!("{{\"note\":\"{}\",\"version\":{version}}}", "x".repeat(340)).into_bytes();
    Append {
        request_id,
        request_digest: sha256(request_id.as_bytes()),
        correlation_id: None,
        actor: Arc::clone(actor),
        origin: None,
        now_us: 0,
        expectations: vec![(Arc::clone(stream), version)],
        events: vec![NewEvent {
            stream: Arc::clone(stream),
            event_id: Uuid::now_v7(),
            event_type: Arc::clone(event_type),
            schema_version: 1,
            occurred_at_us: 0,
            causation_id: None,
            payload_sha256: sha256(&payload),
            payload,
            personal: Vec::new(),
        }],
    }
}

/// Appends a second, and the latency of the median and of one in a hundred.
async fn measure(logs: &[Arc<dyn EventLog>], tasks: usize, seconds: u64, run: usize) -> (f64, Duration, Duration) {
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let working: Vec<_> = (0..tasks)
        .map(|task| {
            let (log, stop) = (Arc::clone(&logs[task % logs.len()]), Arc::clone(&stop));
            tokio::spawn(async move {
                let (event_type, actor) = ("noted".into(), "bench".into());
                let own = STREAMS / tasks;
                let names: Vec<Arc<str>> = (0..own).map(|stream| format!("s-{run}-{task}-{stream}").into()).collect();
                let mut versions = vec![0; own];
                let mut latencies = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let at = latencies.len() % own;
                    let append = append(&names[at], versions[at], &event_type, &actor);
                    let since = Instant::now();
                    log.append(append).await.unwrap();
                    latencies.push(since.elapsed());
                    versions[at] += 1;
                }
                latencies
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for task in working {
        latencies.extend(task.await.unwrap());
    }
    let rate = latencies.len() as f64 / begun.elapsed().as_secs_f64();
    latencies.sort_unstable();
    (rate, latencies[latencies.len() / 2], latencies[latencies.len() * 99 / 100])
}

async fn read_whole(log: &dyn EventLog) -> (usize, f64) {
    let (begun, mut read) = (Instant::now(), 0);
    loop {
        let page = log.read_all(i64::try_from(read).unwrap(), PAGE_EVENTS_MAX).await.unwrap();
        if page.is_empty() {
            return (read, read as f64 / begun.elapsed().as_secs_f64());
        }
        read += page.len();
    }
}

async fn postgres(cluster: &Cluster) -> Arc<dyn EventLog> {
    let options = LogOptions::new(ClockKind::System);
    Arc::new(PostgresLog::open(&cluster.socket_url("postgres"), options, PostgresOptions::default()).await.unwrap())
}

#[tokio::main]
async fn main() {
    let seconds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(3);
    let directory = tempfile::tempdir().unwrap();
    let sqlite = SqliteLog::open(directory.path(), LogOptions::new(ClockKind::System)).await.unwrap();
    let sqlite: [Arc<dyn EventLog>; 1] = [Arc::new(sqlite)];
    let cluster = Cluster::start().unwrap();
    let one: [Arc<dyn EventLog>; 1] = [postgres(&cluster).await];
    let two: [Arc<dyn EventLog>; 2] = [Arc::clone(&one[0]), postgres(&cluster).await];
    let named: [(&str, &[Arc<dyn EventLog>]); 3] =
        [("SQLite", &sqlite), ("PostgreSQL", &one), ("PostgreSQL, two servers", &two)];
    let mut run = 0;
    for tasks in [1, 16, 64, 256] {
        for (name, logs) in named {
            run += 1;
            let (rate, median, late) = measure(logs, tasks, seconds, run).await;
            println!("{tasks:>4} tasks  {name:<24} {rate:>8.0}/s  p50 {median:>9.1?}  p99 {late:>9.1?}");
        }
    }
    for (name, log) in [("SQLite", &sqlite[0]), ("PostgreSQL", &one[0])] {
        let (events, rate) = read_whole(&**log).await;
        println!("read {events} events  {name:<12} {rate:>8.0}/s");
    }
    for log in sqlite.iter().chain(&two) {
        log.close().await;
    }
}
