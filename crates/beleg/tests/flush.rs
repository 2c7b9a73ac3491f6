//! What is acknowledged is on disk: the flush is seen, from outside, before the
//! client has its answer.
//!
//! Needs strace. Where it is missing the test says so and checks nothing; with
//! `CI` set that is a failure.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

const BELEG: &str = env!("CARGO_BIN_EXE_beleg");

#[test]
fn a_command_is_flushed_before_it_is_answered() {
    if Command::new("strace").arg("--version").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("CI").is_none(), "strace is missing: install it");
        eprintln!("SKIPPED: strace is not installed, so no flush can be seen");
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let trace = data.path().join("trace");
    let mut server = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fdatasync,fsync", "-o"])
        .arg(&trace)
        .args([BELEG, "--lang", "en", "serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path().join("log"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let url =
        said.split_whitespace().find(|word| word.starts_with("http://")).unwrap().trim_end_matches(';').to_owned();
    let flushes = || {
        let trace = std::fs::read_to_string(&trace).unwrap_or_default();
        trace.lines().filter(|line| line.contains("sync(") && line.contains("log.sqlite-wal")).count()
    };
    let beleg = |args: &[&str]| {
        let done = Command::new(BELEG).args(["--server", &url]).args(args).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    // A first question, so that the server is surely open.
    beleg(&["status"]);
    let before = flushes();
    beleg(&["status"]);
    assert_eq!(flushes(), before, "a question was flushed: the test would see anything");
    beleg(&["policy", "publish"]);
    assert!(flushes() > before, "the answer came before the flush");

    // The trace ends with its program: ask the server itself to stop.
    let traced = Command::new("pkill").args(["-TERM", "-P", &server.id().to_string()]).status();
    if traced.is_err() {
        server.kill().unwrap();
    }
    server.wait().unwrap();
}
