//! What a user sees of a server that cannot start.

#![allow(clippy::unwrap_used)]

#[path = "server/mod.rs"]
mod server;

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use beleg_server::pb::GetLogStatusRequest;
use beleg_server::pb::log_service_client::LogServiceClient;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use server::{BELEG, Server};

#[test]
fn a_port_in_use_is_said_with_the_address_in_both_languages() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    for (lang, word) in [("en", "in use"), ("de", "lässt sich nicht als Adresse des Servers öffnen")] {
        let output = Command::new(BELEG)
            .args(["--lang", lang, "serve", "--listen", &address, "--data"])
            .arg(data.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&address) && said.contains(word), "{said}");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_said() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(BELEG)
        .args(["--lang", "en", "serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(file.path().join("log"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&file.path().display().to_string()), "{said}");
}

#[test]
fn a_server_that_is_ended_as_soon_as_it_says_where_it_listens_ends_well() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..10 {
        Server::on(data.path()).stop();
    }
}

#[test]
fn where_a_server_listens_is_one_line_of_json_where_that_is_asked_for() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Command::new(BELEG)
        .args(["--output", "json", "serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .env("BELEG_LOG", "OFF")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = said["address"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{said}");
    assert_eq!(said["url"], format!("http://{address}"), "{said}");
}

#[test]
fn a_level_of_telling_that_does_not_exist_is_refused_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("log");
    let output = Command::new(BELEG)
        .args(["--lang", "en", "serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .env("BELEG_LOG", "wran")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("beleg: BELEG_LOG is \"wran\": set it to off, error, warn, info or debug\n"), "{said}");
    assert!(!data.exists());
}

/// Says of a file that a newer program has migrated it.
async fn migrate_on(file: &std::path::Path) {
    let mut database = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'of a later program', 1, x'00', 0)";
    assert_eq!(sqlx::query(newer).execute(&mut database).await.unwrap().rows_affected(), 1);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_log_of_a_newer_program_is_refused_with_both_schemas_and_left_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::on(data.path());
    let mut log = LogServiceClient::new(server.channel());
    assert_eq!(log.get_log_status(GetLogStatusRequest {}).await.unwrap().into_inner().position, 1);
    server.kill();
    let file = data.path().join("log.sqlite");
    migrate_on(&file).await;
    let before = std::fs::read(&file).unwrap();
    for (lang, parts) in [
        ("en", ["the server cannot run", "log.sqlite has schema 9999, this program knows", "use the newer program"]),
        (
            "de",
            ["Der Server kann nicht laufen", "log.sqlite hat das Schema 9999, dieses", "das neuere Programm nehmen"],
        ),
    ] {
        let output = Command::new(BELEG)
            .args(["--lang", lang, "serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
    assert!(std::fs::read(&file).unwrap() == before, "the log was changed");
}
