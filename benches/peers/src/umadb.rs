//! UmaDB through its own client. A stream is a tag; its version is the position of its last event.

use crate::measure::{closed_loop, per_second};
use crate::{Outcome, Run, Workload, body, fresh_name};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;
use umadb_client::{AsyncUmaDbClient, UmaDbClient};
use umadb_dcb::{DcbAppendCondition, DcbEvent, DcbEventStoreAsync, DcbQuery, DcbQueryItem};

const TYPE: &str = "WorkLogged";
/// Events of a stream that is read.
const HISTORY: usize = 20;
/// Events to an append while histories are prepared.
const PREPARED_AT_ONCE: usize = 1_000;

pub(crate) async fn measure(url: String, workload: Workload, connections: usize, run: &Run) -> Outcome<Value> {
    let mut clients = Vec::new();
    for _ in 0..connections.max(1) {
        clients.push(UmaDbClient::new(url.clone()).connect_async().await?);
    }
    let clients = Arc::new(clients);
    match workload {
        Workload::Append => append(clients, run).await,
        Workload::History => history(clients, run).await,
        Workload::Log => whole_log(&clients[0]).await,
    }
}

/// One event a call, refused if its stream has one that the client does not know.
async fn append(connections: Arc<Vec<AsyncUmaDbClient>>, run: &Run) -> Outcome<Value> {
    let streams: Arc<Vec<String>> = Arc::new(names(run.streams));
    let known: Arc<Vec<AtomicU64>> = Arc::new((0..run.streams).map(|_| AtomicU64::new(0)).collect());
    let (next, body) = (Arc::new(AtomicUsize::new(0)), Arc::<str>::from(body()));
    closed_loop(run.clients, run.span(), move |client| {
        let (connections, streams, known) = (connections.clone(), streams.clone(), known.clone());
        let (next, body) = (next.clone(), body.clone());
        async move {
            let place = next.fetch_add(1, Ordering::Relaxed) % streams.len();
            let last = known[place].load(Ordering::Acquire);
            let condition = DcbAppendCondition::new(of(&streams[place])).after((last > 0).then_some(last));
            let event = event(&streams[place], &body);
            let connection = &connections[client % connections.len()];
            let position = connection.append(vec![event], Some(condition), None).await?;
            known[place].store(position, Ordering::Release);
            Ok(())
        }
    })
    .await
}

/// Reads one stream of 20 events a call. They lie apart in the log, as those of a ticket do: each pass over the
/// streams adds one event to each.
async fn history(connections: Arc<Vec<AsyncUmaDbClient>>, run: &Run) -> Outcome<Value> {
    let streams: Arc<Vec<String>> = Arc::new(names(run.streams));
    let body = body();
    for _ in 0..HISTORY {
        for some in streams.chunks(PREPARED_AT_ONCE) {
            let events = some.iter().map(|stream| event(stream, &body)).collect();
            connections[0].append(events, None, None).await?;
        }
    }
    let next = Arc::new(AtomicUsize::new(0));
    closed_loop(run.clients, run.span(), move |client| {
        let (connections, streams, next) = (connections.clone(), streams.clone(), next.clone());
        async move {
            let place = next.fetch_add(1, Ordering::Relaxed) % streams.len();
            let connection = &connections[client % connections.len()];
            let (events, _) = connection.read_with_head(Some(of(&streams[place])), None, false, None).await?;
            if events.len() == HISTORY { Ok(()) } else { Err(format!("{} events", events.len()).into()) }
        }
    })
    .await
}

async fn whole_log(client: &AsyncUmaDbClient) -> Outcome<Value> {
    let began = Instant::now();
    let mut answer = client.read(None, None, false, None).await?;
    let mut events = 0;
    loop {
        match answer.next_batch().await?.len() as u64 {
            0 => break,
            batch => events += batch,
        }
    }
    Ok(json!({ "events": events, "perSecond": per_second(events, began.elapsed()) }))
}

fn names(streams: usize) -> Vec<String> {
    let run = fresh_name();
    (0..streams).map(|stream| format!("{run}-{stream}")).collect()
}

fn of(stream: &str) -> DcbQuery {
    DcbQuery::new().item(DcbQueryItem::new().tags([stream]))
}

fn event(stream: &str, body: &str) -> DcbEvent {
    DcbEvent::new().event_type(TYPE).tags([stream]).data(body.as_bytes())
}
