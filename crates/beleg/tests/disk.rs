//! A disk without space, and one that may not be written: no server starts on it, and it says why. What happens to a
//! server that is at work then is a campaign's.
//!
//! Needs the right to mount. Without it the tests say so and check nothing, unless
//! `BELEG_TEST_MOUNT=required`.

#![allow(clippy::unwrap_used)]

#[path = "server/mod.rs"]
mod server;

use std::path::Path;
use std::process::Command;

use server::mount::Mount;
use server::{BELEG, Server};

/// What a server says that cannot start. One that does start is stopped, and is a failure.
fn does_not_start(data: &Path, lang: &str) -> String {
    let ended = Command::new("timeout")
        .args(["10", BELEG, "--lang", lang, "serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .env("BELEG_LOG", "off")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    said
}

#[test]
fn a_server_that_finds_its_log_on_a_read_only_disk_says_so() {
    let Some(mount) = Mount::disk(24) else { return };
    let data = mount.path().join("log");
    Server::on(&data).kill();
    mount.forbid_writing();
    for (lang, words) in [("en", "log.sqlite may not be written"), ("de", "log.sqlite darf nicht geschrieben werden")] {
        let said = does_not_start(&data, lang);
        assert!(said.contains(words), "{said}");
    }
    mount.attach_again();
    Server::on(&data).kill();
}

#[test]
fn a_server_that_finds_no_space_for_its_log_says_so() {
    let Some(mount) = Mount::in_memory(512) else { return };
    mount.fill();
    for lang in ["en", "de"] {
        let said = does_not_start(&mount.path().join("log"), lang);
        assert!(said.contains("log.sqlite cannot be opened, no space is left"), "{said}");
    }
}
