//! What one campaign has of its own: servers, what they stand on, and what happens to them.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::dice::Dice;
use crate::server::{Server, Starting};
use crate::shift::{Doors, Tally};

/// How many calls are sent away before a broken disk counts as noticed, and the longest wait for them.
const SENT_AWAY_MIN: u64 = 8;
const NOTICED_WITHIN: Duration = Duration::from_secs(60);

pub(crate) trait Scene: Sized {
    /// Whether calls carry long texts.
    const BULKY: bool = false;

    /// Everything before the first call; `None`, said loudly, where this machine lacks what it takes.
    async fn set_up(stage: &Stage) -> Option<Self>;

    /// Where log and views are, as arguments of an audit.
    fn kept(&self) -> Vec<String>;

    /// Sees to it that an audit is about log and views, not about what happened to them.
    fn before_audit(&self) {}

    /// Lets something happen while callers work, mends it, and says what it was.
    async fn strike(&mut self, stage: &Stage, dice: &mut Dice) -> Vec<&'static str>;
}

/// What every campaign has.
pub(crate) struct Stage {
    /// The program under test.
    pub(crate) program: PathBuf,
    /// A directory on a disk that holds.
    pub(crate) place: PathBuf,
    pub(crate) doors: Arc<Doors>,
    pub(crate) tally: Arc<Tally>,
    /// Longest time that a killed PostgreSQL stays away, in seconds, where that was asked for.
    pub(crate) outage: Option<u64>,
    /// Whether a disk fails under calls.
    pub(crate) under_calls: bool,
}

impl Stage {
    /// Starts a server on what the arguments name, and opens its door.
    pub(crate) fn start(&self, number: usize, kept: &[String]) -> Server {
        let server = self.launch(number, kept).wait().unwrap_or_else(|_| {
            panic!("a server does not start: {}", self.last_words(number));
        });
        self.doors.open(number, server.channel());
        server
    }

    /// Starts one without waiting for it; its door stays closed.
    pub(crate) fn launch(&self, number: usize, kept: &[String]) -> Starting {
        let mut errors = File::options().create(true).append(true).open(self.log(number)).unwrap();
        writeln!(errors, "-- started").unwrap();
        let mut command = Command::new(&self.program);
        command.args(["--lang", "en", "serve"]).args(kept).env("BELEG_LOG", "warn").stderr(errors);
        Server::launch(command)
    }

    /// kill -9, and its door is closed.
    pub(crate) fn kill(&self, number: usize, server: Server) {
        server.kill();
        self.doors.close(number);
    }

    /// What a server said of its troubles, ever.
    pub(crate) fn words(&self, number: usize) -> String {
        std::fs::read(self.log(number)).map(|said| String::from_utf8_lossy(&said).into_owned()).unwrap_or_default()
    }

    /// What it said since it was last started.
    pub(crate) fn last_words(&self, number: usize) -> String {
        let words = self.words(number);
        words.rsplit("-- started").next().unwrap_or_default().to_owned()
    }

    /// Returns once callers notice that the log cannot be written; `before` is what they counted until then.
    pub(crate) async fn calls_are_sent_away(&self, before: u64) {
        let begun = Instant::now();
        while self.tally.counts().sent_away < before + SENT_AWAY_MIN {
            assert!(begun.elapsed() < NOTICED_WITHIN, "nobody notices that the log cannot be written");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn log(&self, number: usize) -> PathBuf {
        self.place.join(format!("server-{number}.log"))
    }
}

/// A directory as an audit's and a server's arguments.
pub(crate) fn in_directory(data: &Path) -> Vec<String> {
    vec!["--data".into(), data.to_str().unwrap().into()]
}
