//! `beleg serve` as a process of its own, as a user runs it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tonic::transport::Channel;

pub(crate) const BELEG: &str = env!("CARGO_BIN_EXE_beleg");

/// A server that listens on a port of its own; killed where it is forgotten.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts a server on a directory and waits until it says where it listens.
    pub(crate) fn on(data: &Path) -> Self {
        let mut process = Command::new(BELEG)
            .args(["--lang", "en", "serve", "--listen", "127.0.0.1:0", "--allow-import", "--data"])
            .arg(data)
            .env("BELEG_LOG", "off")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let url = said.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("the server did not start: {said}"));
        Self { process, url: url.trim_end_matches(';').to_owned() }
    }

    /// SIGKILL: no chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Connects with the first call.
    pub(crate) fn channel(&self) -> Channel {
        Channel::from_shared(self.url.clone()).unwrap().connect_lazy()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a kill there is nothing left to do, and nobody to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
