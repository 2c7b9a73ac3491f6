//! `beleg serve` as a process of its own, as a user runs it, and what tests with such a server share.

// Every test uses its own part of it.
#![allow(dead_code)]

/// What a server needs before the first ticket.
pub(crate) mod agreement;
/// The whole log, and what must hold of it.
pub(crate) mod log;
/// File systems that can be filled and broken.
pub(crate) mod mount;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tonic::transport::Channel;

pub(crate) const BELEG: &str = env!("CARGO_BIN_EXE_beleg");

/// Longest wait for a server that starts.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A server that listens on a port of its own; killed where it is forgotten.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

/// A server that has not said yet where it listens; killed where it is forgotten.
pub(crate) struct Starting(Option<Child>);

impl Server {
    /// Starts a server on a directory and waits until it says where it listens.
    pub(crate) fn on(data: &Path) -> Self {
        let mut command = Command::new(BELEG);
        command.args(["--lang", "en", "serve", "--data"]).arg(data).env("BELEG_LOG", "off");
        Self::start(command)
    }

    /// Starts `beleg serve` as the command has it, and waits until it says where it listens.
    pub(crate) fn start(command: Command) -> Self {
        Self::launch(command).wait().unwrap_or_else(|said| panic!("the server did not start: {said}"))
    }

    /// The same without waiting.
    pub(crate) fn launch(mut command: Command) -> Starting {
        command.args(["--listen", "127.0.0.1:0", "--allow-import"]).stdout(Stdio::piped());
        Starting(Some(command.spawn().unwrap()))
    }

    /// SIGKILL: no chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// SIGTERM: it ends by itself.
    pub(crate) fn stop(mut self) {
        assert!(Command::new("kill").arg(self.process.id().to_string()).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }

    /// Connects with the first call.
    pub(crate) fn channel(&self) -> Channel {
        Channel::from_shared(self.url.clone()).unwrap().connect_lazy()
    }
}

impl Starting {
    /// The server once it listens, or what it said on its errors' side where that was piped.
    pub(crate) fn wait(mut self) -> Result<Server, String> {
        let mut process = self.0.take().unwrap();
        let out = process.stdout.take().unwrap();
        let (heard, listening) = mpsc::channel();
        // On a thread of its own, for reading has no bound.
        std::thread::spawn(move || heard.send(address(out)));
        if let Ok(Some(url)) = listening.recv_timeout(START_TIMEOUT) {
            return Ok(Server { process, url });
        }
        // It may hang; then it has said nothing.
        let _ = process.kill();
        process.wait().unwrap();
        let mut said = String::new();
        if let Some(mut errors) = process.stderr.take() {
            errors.read_to_string(&mut said).unwrap();
        }
        Err(said)
    }
}

/// Where a server says that it listens; nothing where it ended before.
pub(crate) fn address(out: ChildStdout) -> Option<String> {
    let mut said = String::new();
    BufReader::new(out).read_line(&mut said).ok()?;
    let url = said.split_whitespace().find(|word| word.starts_with("http://"))?;
    Some(url.trim_end_matches(';').to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a kill there is nothing left to do, and nobody to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(process) = &mut self.0 {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
