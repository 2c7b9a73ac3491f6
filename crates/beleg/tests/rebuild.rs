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
    assert!(rebuilt.status.success() && said.contains("1 events, views rebuilt"), "{said}");
    assert!(said.contains("1 rows of the replaced views compared, 0 differences"), "{said}");
}
