//! What a user sees of a server that cannot start.

#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::process::Command;

const BELEG: &str = env!("CARGO_BIN_EXE_beleg");

#[test]
fn a_port_in_use_is_said_with_the_address_in_both_languages() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    for (lang, word) in [("en", "in use"), ("de", "lässt sich nicht hören")] {
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
