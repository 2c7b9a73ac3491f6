//! The closed loop and what it measures.

use crate::Outcome;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Repeats a call from so many clients for a span. A call is told its client's number.
pub(crate) async fn closed_loop<F, Fut>(clients: usize, span: Duration, call: F) -> Outcome<Value>
where
    F: Fn(usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Outcome<()>> + Send + 'static,
{
    let (began, cpu) = (Instant::now(), cpu_used());
    let running: Vec<_> = (0..clients)
        .map(|client| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut latency_us = histogram()?;
                while began.elapsed() < span {
                    let asked = Instant::now();
                    call(client).await?;
                    latency_us.saturating_record(asked.elapsed().as_micros() as u64);
                }
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(latency_us)
            })
        })
        .collect();
    let mut latency_us = histogram()?;
    for client in running {
        latency_us.add(client.await??)?;
    }
    let calls = latency_us.len();
    let cpu = cpu.zip(cpu_used()).map(|(before, after)| (after - before) / calls.max(1));
    Ok(json!({
        "clients": clients,
        "calls": calls,
        "perSecond": per_second(calls, began.elapsed()),
        "p50Us": latency_us.value_at_quantile(0.5),
        "p99Us": latency_us.value_at_quantile(0.99),
        "cpuUsPerCall": cpu,
    }))
}

/// Up to an hour: one that grows by itself would not, where it saturates.
fn histogram() -> Outcome<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 3_600_000_000, 3)?)
}

pub(crate) fn per_second(count: u64, took: Duration) -> u64 {
    (u128::from(count) * 1_000_000 / took.as_micros().max(1)) as u64
}

/// Processor time of this process so far, in microseconds, where /proc tells it in its hundredths.
fn cpu_used() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name may hold anything; the numbers follow its closing parenthesis.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks * 10_000)
}
