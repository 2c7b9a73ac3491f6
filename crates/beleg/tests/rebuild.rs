//! `beleg rebuild` beside a server, and after one that was killed.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const BELEG: &str = env!("CARGO_BIN_EXE_beleg");

fn rebuild(data: &Path, lang: &str, options: &[&str]) -> Output {
    Command::new(BELEG).args(["--lang", lang, "rebuild", "--data"]).arg(data).args(options).output().unwrap()
}

#[test]
fn a_running_server_is_left_alone_and_the_caller_told_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Command::new(BELEG)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    for (lang, word) in [("en", "stop it, rebuild, start it again"), ("de", "Anhalten, neu aufbauen")] {
        let refused = rebuild(data.path(), lang, &[]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(word) && said.contains("beleg rebuild --check"), "{said}");
    }
    let checked = rebuild(data.path(), "en", &["--check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    server.kill().unwrap();
    server.wait().unwrap();

    let rebuilt = rebuild(data.path(), "en", &[]);
    let said = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
    assert!(rebuilt.status.success() && said.contains("1 event, views rebuilt"), "{said}");
    assert!(said.contains("1 row of the replaced views compared, 0 differences"), "{said}");
}

/// Starts a server and gives its first line, or what it said instead.
fn start(data: &Path, lang: &str) -> Result<String, String> {
    let mut server = Command::new(BELEG)
        .args(["--lang", lang, "serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env("BELEG_LOG", "off")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut said).unwrap();
    if said.is_empty() {
        let ended = server.wait_with_output().unwrap();
        return Err(String::from_utf8_lossy(&ended.stderr).into_owned());
    }
    server.kill().unwrap();
    server.wait().unwrap();
    Ok(said)
}

/// The schema of views may change between two builds of one version: what was made by the other is not served.
#[test]
fn views_of_another_build_are_refused_and_built_anew_as_the_caller_is_told() {
    let data = tempfile::tempdir().unwrap();
    start(data.path(), "en").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("sqlite://{}", data.path().join("views.sqlite").display());
    runtime.block_on(async {
        use sqlx::Connection as _;
        let mut views = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let another = "UPDATE _sqlx_migrations SET checksum = zeroblob(48)";
        assert_eq!(sqlx::query(another).execute(&mut views).await.unwrap().rows_affected(), 1);
        sqlx::query("ALTER TABLE tickets DROP COLUMN origin").execute(&mut views).await.unwrap();
        views.close().await.unwrap();
    });
    for (lang, words) in [("en", "views are made anew from the log"), ("de", "Die Sichten entstehen neu")] {
        let said = start(data.path(), lang).unwrap_err();
        assert!(said.contains(words) && said.contains("beleg rebuild") && said.contains("views.sqlite"), "{said}");
    }
    // A comparison is no use, and says what is.
    for (lang, words) in [("en", "are of another build of beleg"), ("de", "stammen von einem anders gebauten beleg")] {
        let checked = rebuild(data.path(), lang, &["--check"]);
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.code(), Some(1), "{said}");
        assert!(said.contains(words) && said.contains("beleg rebuild ("), "{said}");
    }
    // Then replacing them is a success, and says what it replaced.
    let rebuilt = rebuild(data.path(), "en", &[]);
    let said = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
    assert_eq!(rebuilt.status.code(), Some(0), "{said}");
    assert!(said.contains("1 event, views rebuilt") && said.contains("of another build of beleg"), "{said}");
    start(data.path(), "en").unwrap();
    let checked = rebuild(data.path(), "en", &["--check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
