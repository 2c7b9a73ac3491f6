//! What is acknowledged is on disk: seen from outside, call by call. The server
//! reads the request, writes the log's WAL, flushes it, and only then sends the answer.
//! One that starts flushes what was left before it reads it.
//!
//! Needs strace. Where it is missing the test says so and checks nothing; with
//! `CI` set that is a failure.

#![allow(clippy::unwrap_used)]

#[path = "server/mod.rs"]
mod server;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use beleg_server::pb;
use beleg_server::pb::ticket_service_client::TicketServiceClient;
use tonic::Code;
use tonic::transport::Channel;
use uuid::Uuid;

use server::agreement::agree;
use server::{BELEG, Server, address};

const COMMANDS: usize = 25;

/// A server under strace.
struct Watched {
    strace: Child,
    trace: PathBuf,
    url: String,
}

/// One system call, from the trace's line at which it began to the one at which it was over.
struct SystemCall {
    began: usize,
    ended: usize,
    text: String,
}

impl SystemCall {
    fn is(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.text.starts_with(&format!("{name}(")))
    }

    /// Whether it is about the log's WAL.
    fn of_log(&self) -> bool {
        self.text.contains("log.sqlite-wal>")
    }

    fn says(&self, text: &str) -> bool {
        self.text.contains("<socket:") && self.text.contains(text)
    }

    fn flushes_log(&self) -> bool {
        self.is(&["fdatasync", "fsync"]) && self.of_log() && self.text.ends_with("= 0")
    }

    fn writes_log(&self) -> bool {
        self.is(&["pwrite64", "write"]) && self.of_log()
    }
}

impl Watched {
    fn on(place: &Path) -> Self {
        let trace = place.join("trace");
        let mut strace = Command::new("strace")
            .args(["-f", "-y", "-s", "4096", "-o"])
            .arg(&trace)
            .args(["-e", "trace=network,read,readv,pread64,write,writev,pwrite64,fdatasync,fsync"])
            .args([BELEG, "--lang", "en", "serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(place.join("log"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = address(strace.stdout.take().unwrap()).unwrap();
        Self { strace, trace, url }
    }

    /// Asks the server to stop: strace ends with it, and only then is the trace whole.
    fn stop(mut self) -> Vec<SystemCall> {
        let children = format!("/proc/{0}/task/{0}/children", self.strace.id());
        let server = std::fs::read_to_string(children).unwrap();
        assert!(Command::new("kill").args(["-TERM", server.trim()]).status().unwrap().success());
        self.strace.wait().unwrap();
        calls(&String::from_utf8_lossy(&std::fs::read(&self.trace).unwrap()))
    }
}

/// The calls of a trace, with both halves of those that another thread's interrupted.
fn calls(trace: &str) -> Vec<SystemCall> {
    let mut begun: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut calls = Vec::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((thread, text)) = line.split_once(' ') else { continue };
        let text = text.trim();
        if let Some(half) = text.strip_suffix("<unfinished ...>") {
            begun.insert(thread, (number, half));
        } else if let Some(rest) = text.strip_prefix("<... ").and_then(|rest| rest.split_once("resumed>")) {
            let Some((began, half)) = begun.remove(thread) else { continue };
            calls.push(SystemCall { began, ended: number, text: format!("{}{}", half.trim_end(), rest.1) });
        } else {
            calls.push(SystemCall { began: number, ended: number, text: text.to_owned() });
        }
    }
    calls
}

/// Where the server had read a text.
fn read(calls: &[SystemCall], text: &str) -> usize {
    let read = calls.iter().find(|call| call.is(&["recvfrom", "recvmsg", "read", "readv"]) && call.says(text));
    read.unwrap_or_else(|| panic!("the server never read {text}")).ended
}

/// Where the server began to send a text.
fn sent(calls: &[SystemCall], text: &str) -> usize {
    let sent = calls.iter().find(|call| call.is(&["sendto", "sendmsg", "write", "writev"]) && call.says(text));
    sent.unwrap_or_else(|| panic!("the server never sent {text}")).began
}

/// Said loudly where it is not.
fn strace_is_there() -> bool {
    let there = Command::new("strace").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !there {
        assert!(std::env::var_os("CI").is_none(), "strace is missing: install it");
        eprintln!("SKIPPED: strace is not installed, so no flush can be seen");
    }
    there
}

#[tokio::test]
async fn every_command_is_flushed_between_its_request_and_its_answer() {
    if !strace_is_there() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let server = Watched::on(place.path());
    let channel = Channel::from_shared(server.url.clone()).unwrap().connect().await.unwrap();
    agree(&channel).await;
    let mut tickets = TicketServiceClient::new(channel);
    let mut told = Vec::new();
    for number in 0..COMMANDS {
        // A question before each command: nothing is written for it.
        let question = format!("asked-{number:04}");
        let reference = pb::Reference { system: "desk".into(), number: question.clone() };
        let key = pb::TicketKey { key: Some(pb::ticket_key::Key::Reference(reference)) };
        let unknown = tickets.get_ticket(pb::GetTicketRequest { ticket: Some(key), ..Default::default() }).await;
        assert_eq!(unknown.unwrap_err().code(), Code::NotFound);

        let request_id = Uuid::now_v7().to_string();
        let opened = pb::OpenTicketRequest {
            request_id: request_id.clone(),
            customer_id: "acme".into(),
            impact: pb::Impact::Incident.into(),
            ..Default::default()
        };
        let ticket = tickets.open_ticket(opened).await.unwrap().into_inner().ticket_id;
        told.push((question, request_id, ticket));
    }
    drop(tickets);

    let calls = server.stop();
    for (question, request, ticket) in &told {
        let (asked, received, answered) = (read(&calls, question), read(&calls, request), sent(&calls, ticket));
        assert!(asked < received && received < answered, "{question}, {request} and {ticket} came in another order");
        let for_nothing = calls.iter().find(|call| call.began > asked && call.ended < received && call.writes_log());
        assert!(for_nothing.is_none(), "{question} was written: any question would seem flushed");

        let between = || calls.iter().filter(|call| call.began > received && call.began < answered);
        let written = between().filter(|call| call.writes_log()).map(|call| call.ended).max();
        let written = written.unwrap_or_else(|| panic!("{request} was answered and not written"));
        let flushed = between().any(|call| call.flushes_log() && call.began > written && call.ended < answered);
        assert!(flushed, "{request} was answered before the log was flushed");
    }
}

#[tokio::test]
async fn what_a_killed_server_wrote_is_flushed_before_it_is_answered_from() {
    if !strace_is_there() {
        return;
    }
    // Given a server that was killed, and its WAL: whether all of it had been flushed, nobody knows.
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("log");
    let killed = Server::on(&data);
    let channel = killed.channel();
    agree(&channel).await;
    let request_id = Uuid::now_v7().to_string();
    let open = pb::OpenTicketRequest {
        request_id,
        customer_id: "acme".into(),
        impact: pb::Impact::Incident.into(),
        ..Default::default()
    };
    let ticket = TicketServiceClient::new(channel).open_ticket(open.clone()).await.unwrap().into_inner().ticket_id;
    killed.kill();
    assert!(data.join("log.sqlite-wal").metadata().unwrap().len() > 0);

    // When the next one is asked the same again
    let server = Watched::on(place.path());
    let channel = Channel::from_shared(server.url.clone()).unwrap().connect().await.unwrap();
    let again = TicketServiceClient::new(channel).open_ticket(open).await.unwrap().into_inner().ticket_id;

    // Then it has flushed the WAL before it reads from it, let alone answers.
    assert_eq!(again, ticket);
    let calls = server.stop();
    let reads = |call: &&SystemCall| call.is(&["pread64", "read"]) && call.of_log();
    let first_read = calls.iter().find(reads).expect("the WAL was never read").began;
    assert!(first_read < sent(&calls, &ticket));
    assert!(calls.iter().any(|call| call.flushes_log() && call.ended < first_read), "the WAL was read and not flushed");
}
