//! A server that is killed while callers and an import are under way, again and
//! again: whatever was acknowledged is in the log once, as it was acknowledged.

#![allow(clippy::unwrap_used)]

/// Callers that repeat what was not answered.
mod caller;
/// A file for `beleg import`, and how far it came.
mod import;
/// What was acknowledged, kept by the callers.
mod journal;
#[path = "../server/mod.rs"]
mod server;

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use beleg_server::pb;
use beleg_server::pb::log_service_client::LogServiceClient;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use caller::Caller;
use import::Import;
use journal::{Journal, Noted};
use server::{BELEG, Server};

const ROUNDS: u64 = 6;
const CALLERS: u32 = 16;

/// The whole log, in order.
async fn read_log(channel: Channel) -> Vec<pb::Event> {
    let mut log = LogServiceClient::new(channel);
    let mut stream = log.read_log(pb::ReadLogRequest::default()).await.unwrap().into_inner();
    let mut events = Vec::new();
    while let Some(part) = stream.message().await.unwrap() {
        events.extend(part.events);
    }
    events
}

/// Lets all callers work until the server is gone, or only finish what they have open; gives them back.
async fn work(callers: Vec<Caller>, channel: &Channel, journal: &Arc<Journal>, only_finish: bool) -> Vec<Caller> {
    let mut working = JoinSet::new();
    for caller in callers {
        working.spawn(caller.work(channel.clone(), Arc::clone(journal), only_finish));
    }
    working.join_all().await
}

/// A moment between two bounds that nobody chose.
fn moment(from_millis: u64, to_millis: u64) -> Duration {
    Duration::from_millis(from_millis + u64::from(getrandom::u32().unwrap()) % (to_millis - from_millis))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_kill_is_there_once() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("log");
    let journal = Arc::new(Journal::create(&place.path().join("journal")));
    let import = Import::write(place.path());
    import.agree(&data);

    let mut callers: Vec<Caller> = (0..CALLERS).map(Caller::new).collect();
    let (mut unanswered, mut recorded, mut lost) = (0, 0, 0);
    for round in 1..=ROUNDS {
        let server = Server::on(&data);
        let working = tokio::spawn({
            let (channel, journal) = (server.channel(), Arc::clone(&journal));
            async move { work(callers, &channel, &journal, false).await }
        });
        let importing = import.start(&server.url);
        tokio::time::sleep(moment(250, 700)).await;
        if round % 2 == 0 {
            importing.kill();
            tokio::time::sleep(moment(1, 60)).await;
            server.kill();
        } else {
            server.kill();
            // Once is enough: it tries again for seconds before it gives up.
            if round == 1 { importing.ends_by_itself_and_says_what_to_do() } else { importing.kill() }
        }
        callers = working.await.unwrap();
        let open: Vec<String> = callers.iter().filter_map(Caller::unanswered).collect();
        assert!(!open.is_empty(), "round {round}: no call was under way when the server was killed");

        // What stayed unanswered is in the log, or it is not; nobody could know.
        let server = Server::on(&data);
        let log = by_request(read_log(server.channel()).await);
        let there = open.iter().filter(|id| log.contains_key(*id)).count();
        recorded += there;
        lost += open.len() - there;
        unanswered += open.len();
        server.kill();
    }
    println!("{ROUNDS} kills, {unanswered} calls unanswered: {recorded} were recorded, {lost} were not");

    let server = Server::on(&data);
    let callers = work(callers, &server.channel(), &journal, true).await;
    assert_eq!(callers.iter().filter_map(Caller::unanswered).count(), 0);
    let missing = import.finish(&server.url);
    assert!(missing.accepted > 0 && missing.already_there > 0, "no import was killed in its middle: {missing:?}");
    let again = import.finish(&server.url);
    assert_eq!((again.accepted, again.already_there), (0, missing.accepted + missing.already_there));

    let events = read_log(server.channel()).await;
    server.kill();
    gapless(&events);
    assert_eq!(import.tickets_and_work(&events), import::EXPECTED);
    let log = by_request(events);
    let noted = journal.read();
    assert!(noted.len() > 100, "{} receipts show little", noted.len());
    for (request, receipt) in &noted {
        assert_eq!(log.get(request), Some(receipt), "request {request} is not in the log as it was acknowledged");
    }
    for args in [["verify", "--data"].as_slice(), &["rebuild", "--check", "--data"]] {
        finds_nothing(args, &data);
    }
}

/// Positions without a gap, and each stream's versions too.
fn gapless(events: &[pb::Event]) {
    let mut versions: HashMap<&str, i64> = HashMap::new();
    for (event, position) in events.iter().zip(1..) {
        let version = versions.entry(&event.stream).or_insert(0);
        *version += 1;
        assert_eq!((event.position, event.version), (position, *version), "{}", event.stream);
    }
}

/// The log's events as a receipt names them, by the request that brought them.
fn by_request(events: Vec<pb::Event>) -> HashMap<String, Vec<Noted>> {
    let mut requests: HashMap<String, Vec<Noted>> = HashMap::new();
    for event in events {
        let noted = Noted {
            event_id: event.event_id,
            kind: event.r#type,
            stream: event.stream,
            version: event.version,
            position: event.position,
        };
        requests.entry(event.request_id).or_default().push(noted);
    }
    requests
}

fn finds_nothing(args: &[&str], data: &Path) {
    let looked = Command::new(BELEG).args(args).arg(data).output().unwrap();
    let said = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert!(looked.status.success(), "{args:?}: {said}{}", String::from_utf8_lossy(&looked.stderr));
}
