//! A server in a process of its own, so that its memory is its own as well.

use crate::failure::{Cause, Failure};
use crate::storage::DATABASE;
use beleg_store::Storage;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A running `beleg serve`; killed when dropped.
pub(crate) struct ServerProcess {
    child: Child,
    /// Where it listens.
    pub(crate) url: String,
}

impl ServerProcess {
    /// Starts this program as a server, as a bench needs it, and waits until it answers.
    pub(crate) fn start(storage: &Storage) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(failed)?;
        let mut serve = Command::new(program);
        serve.args(["--lang", "en", "serve", "--bench", "--allow-import", "--listen", "127.0.0.1:0"]);
        match storage {
            Storage::Directory(data) => serve.arg("--data").arg(data),
            // Not as an argument, which everybody on the machine sees.
            Storage::Database(database) => serve.env(DATABASE, database.url()),
        };
        serve.env("BELEG_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = serve.spawn().map_err(failed)?;
        let mut said = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut said).map_err(failed)?;
        }
        let url = said.split([' ', ';', '\n']).find(|word| word.starts_with("http://")).map(str::to_owned);
        // What kept it from starting it has said itself, on standard error.
        let url = url.ok_or_else(|| failed(format!("no server on {}; it says why above", storage.place().display())));
        match url {
            Ok(url) => Ok(Self { child, url }),
            Err(failure) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(failure)
            }
        }
    }

    /// Resident memory in KiB now, and the most there was; where the system tells.
    pub(crate) fn resident_kib(&self) -> Option<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let kib = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some((kib("VmRSS:")?, kib("VmHWM:")?))
    }

    /// Ends it as an administrator would, and waits for that.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        let told = Command::new("kill").arg(self.child.id().to_string()).status();
        if !told.is_ok_and(|status| status.success()) {
            self.child.kill().map_err(failed)?;
        }
        self.child.wait().map(drop).map_err(failed)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failed(error: impl Into<Cause>) -> Failure {
    Failure::PrivateServer(error.into())
}
