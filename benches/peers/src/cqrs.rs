//! cqrs-es with postgres-es: `execute` loads an aggregate's events, decides and commits one more.

use crate::measure::closed_loop;
use crate::{Outcome, Run, body, fresh_name};
use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The table that postgres-es's documentation has.
const EVENTS: &str = "CREATE TABLE IF NOT EXISTS events (
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    sequence bigint CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload json NOT NULL,
    metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
)";

/// Knows how much was logged on it.
#[derive(Default, Serialize, Deserialize)]
struct Ticket {
    logged: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WorkLogged {
    text: String,
}

impl DomainEvent for WorkLogged {
    fn event_type(&self) -> String {
        "WorkLogged".into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

impl Aggregate for Ticket {
    const TYPE: &'static str = "ticket";
    type Command = WorkLogged;
    type Event = WorkLogged;
    type Error = Infallible;
    type Services = ();

    async fn handle(&mut self, work: WorkLogged, (): &(), sink: &EventSink<Self>) -> Result<(), Infallible> {
        sink.write(work, self).await;
        Ok(())
    }

    fn apply(&mut self, _: WorkLogged) {
        self.logged += 1;
    }
}

pub(crate) async fn measure(database: &str, connections: u32, run: &Run) -> Outcome<Value> {
    let pool = PgPoolOptions::new().max_connections(connections).connect(database).await?;
    sqlx::query(EVENTS).execute(&pool).await?;
    let cqrs = Arc::new(postgres_es::postgres_cqrs::<Ticket>(pool, vec![], ()));
    let name = fresh_name();
    let tickets: Arc<Vec<String>> = Arc::new((0..run.streams).map(|ticket| format!("{name}-{ticket}")).collect());
    let text: WorkLogged = serde_json::from_str(&body())?;
    let next = Arc::new(AtomicUsize::new(0));
    closed_loop(run.clients, run.span(), move |_| {
        let (cqrs, tickets, next, work) = (cqrs.clone(), tickets.clone(), next.clone(), text.clone());
        async move {
            let place = next.fetch_add(1, Ordering::Relaxed) % tickets.len();
            cqrs.execute(&tickets[place], work).await.map_err(|error| error.to_string().into())
        }
    })
    .await
}
