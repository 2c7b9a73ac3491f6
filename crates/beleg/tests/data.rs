//! What a user hears of a `--data` that holds no log that can be used.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output};

const BELEG: &str = env!("CARGO_BIN_EXE_beleg");

/// Somebody whom permissions bind.
const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

const COMMANDS: [&[&str]; 4] =
    [&["serve", "--listen", "127.0.0.1:0"], &["verify"], &["rebuild"], &["rebuild", "--check"]];

fn refused(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// The program; where root runs the tests, as somebody else. `None` where that is not possible, said loudly.
fn bound_by_permissions(owned: &Path) -> Option<Command> {
    if owned.metadata().unwrap().uid() != 0 {
        return Some(Command::new(BELEG));
    }
    let mut command = Command::new("setpriv");
    command.args(NOBODY).arg(BELEG);
    let able = Command::new("setpriv").args(NOBODY).args([BELEG, "--version"]).output();
    if able.is_ok_and(|output| output.status.success()) {
        return Some(command);
    }
    eprintln!("SKIPPED: root may read everything, and the program cannot be run as somebody else");
    None
}

#[test]
fn a_file_in_place_of_a_directory_is_told_as_that() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (lang, words) in [("en", "is no directory, and --data must be one"), ("de", "ist kein Verzeichnis")] {
        for command in COMMANDS {
            let asked =
                Command::new(BELEG).args(["--lang", lang]).args(command).arg("--data").arg(file.path()).output();
            let said = refused(&asked.unwrap());
            assert!(said.contains(&format!("{} {words}", file.path().display())), "{command:?}: {said}");
        }
    }
}

#[test]
fn a_directory_that_may_not_be_read_is_told_as_that() {
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = place.path().join("log");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o000)).unwrap();
    for (lang, words) in [("en", "may not be read"), ("de", "darf nicht gelesen werden")] {
        for command in &COMMANDS[1..] {
            let Some(mut beleg) = bound_by_permissions(&data) else { return };
            let asked = beleg.args(["--lang", lang]).args(*command).arg("--data").arg(&data).output();
            let said = refused(&asked.unwrap());
            assert!(said.contains(&format!("{} {words}", data.display())), "{command:?}: {said}");
        }
    }
    // Whoever made it can remove it again.
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
}
