//! Closed loops and what they measure.

use crate::failure::{Cause, Failure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tonic::Status;

/// What a workload did.
pub(crate) struct Measured {
    workload: &'static str,
    clients: u64,
    calls: u64,
    pub(crate) took: Duration,
    /// Transactions; 0 where nothing was written.
    pub(crate) batches: u64,
    /// Processor time of client, server and projector together, where the system tells.
    pub(crate) cpu: Option<Duration>,
    latency_us: Histogram<u64>,
}

/// Processor time that this process has used so far. Clients and server are one
/// process here, so this is what a call costs in all, whoever else uses the machine.
pub(crate) fn cpu_used() -> Option<Duration> {
    /// Clock ticks a second in /proc, on every Linux.
    const TICKS: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name may hold anything; the numbers follow its closing parenthesis.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS))
}

impl Measured {
    pub(crate) fn per_second(&self) -> u64 {
        per_second(self.calls, self.took)
    }

    fn quantile_us(&self, quantile: f64) -> u64 {
        self.latency_us.value_at_quantile(quantile)
    }

    fn per_batch(&self) -> Option<u64> {
        self.calls.checked_div(self.batches)
    }

    fn cpu_us(&self) -> Option<u64> {
        let us = self.cpu?.as_micros().checked_div(u128::from(self.calls))?;
        u64::try_from(us).ok()
    }

    pub(crate) fn as_json(&self) -> Value {
        json!({
            "workload": self.workload,
            "clients": self.clients,
            "calls": self.calls,
            "perSecond": self.per_second(),
            "p50Us": self.quantile_us(0.5),
            "p99Us": self.quantile_us(0.99),
            "p999Us": self.quantile_us(0.999),
            "perBatch": self.per_batch(),
            "cpuUsPerCall": self.cpu_us(),
        })
    }

    pub(crate) fn as_row(&self) -> [String; 8] {
        let ms = |quantile| {
            let us = self.quantile_us(quantile);
            format!("{}.{:03}", us / 1_000, us % 1_000)
        };
        [
            self.workload.to_owned(),
            self.clients.to_string(),
            self.per_second().to_string(),
            ms(0.5),
            ms(0.99),
            ms(0.999),
            self.per_batch().map_or_else(String::new, |size| size.to_string()),
            self.cpu_us().map_or_else(String::new, |us| us.to_string()),
        ]
    }
}

pub(crate) fn per_second(count: u64, took: Duration) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000 / took.as_micros().max(1)).unwrap_or(u64::MAX)
}

/// The round in the middle, by its rate; none of none.
pub(crate) fn median(mut rounds: Vec<Measured>) -> Option<Measured> {
    rounds.sort_by_key(Measured::per_second);
    let middle = rounds.len() / 2;
    rounds.into_iter().nth(middle)
}

/// Repeats a call from so many clients for a span.
pub(crate) async fn closed_loop<F, Fut>(
    workload: &'static str,
    clients: u64,
    span: Duration,
    call: F,
) -> Result<Measured, Failure>
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<(), Status>> + Send + 'static,
{
    let (began, cpu) = (Instant::now(), cpu_used());
    let running: Vec<_> = (0..clients)
        .map(|_| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut latency_us = histogram()?;
                while began.elapsed() < span {
                    let asked = Instant::now();
                    call().await?;
                    let took_us = u64::try_from(asked.elapsed().as_micros()).map_err(broken)?;
                    latency_us.record(took_us).map_err(broken)?;
                }
                Ok::<_, Failure>(latency_us)
            })
        })
        .collect();
    let mut latency_us = histogram()?;
    for client in running {
        let own = client.await.map_err(broken)??;
        latency_us.add(own).map_err(broken)?;
    }
    Ok(Measured {
        workload,
        clients,
        calls: latency_us.len(),
        took: began.elapsed(),
        batches: 0,
        cpu: since(cpu),
        latency_us,
    })
}

pub(crate) fn since(cpu: Option<Duration>) -> Option<Duration> {
    cpu_used()?.checked_sub(cpu?)
}

fn histogram() -> Result<Histogram<u64>, Failure> {
    // Grows with the longest answer: room for any, once per client, would take more memory than the server does.
    Histogram::new(3).map_err(broken)
}

fn broken(error: impl Into<Cause>) -> Failure {
    Failure::PrivateServer(error.into())
}
