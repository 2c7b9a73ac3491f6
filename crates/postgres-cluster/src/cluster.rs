//! Starting and stopping a server.
//!
//! A shell stands between this process and the server and reads commands from a pipe. When the pipe closes, because
//! this process ended in whatever way, it stops the server and removes the files: no destructor need run.

use std::io::{Error, ErrorKind, Result, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest wait for a server that starts; after a crash it first repeats its log.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Users that a server may run as, where the caller is root.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// Writes what it is told into a file that only its owner reads, as a server demands of its key.
const KEEP: &str = r#"umask 077 && cat >"$1""#;

/// Waits for commands until its input ends. `$1` is the program, `$2` the directory, what follows are options.
///
/// A server that has only just been started does not hear a signal yet, so it is told to stop until it has. A machine
/// that fails takes the server's children with it; those that outlived it would keep the next one from starting.
const SUPERVISOR: &str = r#"
trap '' INT HUP TERM
program=$1; directory=$2; shift 2
start() { (trap - INT HUP TERM; exec "$program" -D "$directory/data" "$@") >>"$directory/log" 2>&1 & pid=$!; }
start "$@"
stop() {
    (while kill -INT "$pid" 2>/dev/null; do sleep 0.2; done) &
    wait "$pid"
}
while read -r command; do
    case $command in
        start) start "$@" ;;
        stop) stop ;;
        kill) kill -KILL "$pid" $(cat "/proc/$pid/task/$pid/children" 2>/dev/null); wait "$pid" ;;
    esac
done
stop
rm -rf "$directory"
"#;

/// A server of one's own, with a superuser `postgres` who needs no password, on a loopback port and a Unix socket.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    directory: PathBuf,
    port: u16,
    supervisor: Mutex<Child>,
}

impl Cluster {
    /// Creates a cluster in the system's directory for temporary files and starts it. Fails with
    /// [`ErrorKind::NotFound`] where the server's programs are not installed.
    pub fn start() -> Result<Self> {
        Self::start_as(None)
    }

    /// The same with a server that offers TLS: its certificate, or the chain of them, and its private key, as PEM.
    /// Connections without TLS it takes as well.
    pub fn start_with_tls(certificate: &str, key: &str) -> Result<Self> {
        Self::start_as(Some((certificate, key)))
    }

    fn start_as(tls: Option<(&str, &str)>) -> Result<Self> {
        let programs = programs()
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "no PostgreSQL on PATH or in /usr/lib/postgresql/*/bin"))?;
        let user = if is_root()? { Some(unprivileged_user()?) } else { None };
        let directory = own_directory(user.as_deref())?;
        let initdb = as_user(user.as_deref(), &programs.join("initdb"))
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(directory.join("data"))
            .current_dir(&directory)
            .output()?;
        if !initdb.status.success() {
            return Err(Error::other(String::from_utf8_lossy(&initdb.stderr).into_owned()));
        }
        let mut options = Vec::new();
        if let Some((certificate, key)) = tls {
            keep(user.as_deref(), &directory.join("data/server.crt"), certificate)?;
            keep(user.as_deref(), &directory.join("data/server.key"), key)?;
            options.extend(["-c", "ssl=on"]);
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let supervisor = as_user(user.as_deref(), Path::new("/bin/sh"))
            .args(["-c", SUPERVISOR, "supervisor"])
            .arg(programs.join("postgres"))
            .arg(&directory)
            .args(["-c", "listen_addresses=127.0.0.1", "-p", &port.to_string(), "-c", "max_connections=300", "-k"])
            .arg(&directory)
            .args(options)
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let cluster = Self { programs, directory, port, supervisor: Mutex::new(supervisor) };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    /// The URL of one of its databases, over the loopback port.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// The URL of one of its databases, over the Unix socket.
    pub fn socket_url(&self, database: &str) -> String {
        let directory = self.directory.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{directory}:{}/{database}", self.port)
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server as an administrator would; open transactions are undone.
    pub fn stop(&self) -> Result<()> {
        self.command("stop")
    }

    /// Kills the server as a failing machine would, without a word.
    pub fn kill(&self) -> Result<()> {
        self.command("kill")
    }

    /// Starts it again after [`Cluster::stop`] or [`Cluster::kill`], and returns once it answers.
    pub fn restart(&self) -> Result<()> {
        let give_up = Instant::now() + START_TIMEOUT;
        loop {
            self.command("start")?;
            match self.wait_for(Duration::from_secs(10)) {
                Err(error) if Instant::now() >= give_up => return Err(error),
                Err(_) => {}
                Ok(()) => return Ok(()),
            }
        }
    }

    fn command(&self, command: &str) -> Result<()> {
        let mut supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner);
        let input = supervisor.stdin.as_mut().ok_or(ErrorKind::BrokenPipe)?;
        writeln!(input, "{command}")?;
        input.flush()
    }

    fn wait_until_ready(&self) -> Result<()> {
        self.wait_for(START_TIMEOUT)
    }

    fn wait_for(&self, longest: Duration) -> Result<()> {
        let give_up = Instant::now() + longest;
        while Instant::now() < give_up {
            let ready = Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()?;
            if ready.success() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        Err(Error::new(ErrorKind::TimedOut, format!("PostgreSQL does not start: {log}")))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let supervisor = self.supervisor.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(supervisor.stdin.take());
        let _ = supervisor.wait();
    }
}

/// The folder of the newest server on this machine.
fn programs() -> Option<PathBuf> {
    let needed = ["initdb", "pg_isready", "postgres"];
    let has_server = |folder: &PathBuf| needed.iter().all(|program| folder.join(program).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(has_server);
    on_path.or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let number = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().parse::<u32>().ok();
        let mut versions: Vec<_> =
            versions.flatten().filter_map(|entry| Some((number(&entry)?, entry.path().join("bin")))).collect();
        versions.sort();
        versions.into_iter().rev().map(|(_, folder)| folder).find(has_server)
    })
}

fn is_root() -> Result<bool> {
    Ok(Command::new("id").arg("-u").output()?.stdout.trim_ascii() == b"0")
}

fn unprivileged_user() -> Result<String> {
    let known = |user: &&str| Command::new("id").args(["-u", user]).output().is_ok_and(|id| id.status.success());
    let user = USERS.into_iter().find(known);
    user.map(str::to_owned).ok_or_else(|| Error::new(ErrorKind::NotFound, "no user that PostgreSQL could run as"))
}

/// A command as another user; only root needs one, and root needs no password.
fn as_user(user: Option<&str>, program: &Path) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    let mut command = if has("runuser") {
        let mut command = Command::new("runuser");
        command.args(["-u", user, "--"]);
        command
    } else {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]);
        command
    };
    command.arg(program);
    command
}

/// Writes a file of the server's user.
fn keep(user: Option<&str>, path: &Path, text: &str) -> Result<()> {
    let mut writing =
        as_user(user, Path::new("/bin/sh")).args(["-c", KEEP, "keep"]).arg(path).stdin(Stdio::piped()).spawn()?;
    writing.stdin.take().ok_or(ErrorKind::BrokenPipe)?.write_all(text.as_bytes())?;
    let kept = writing.wait()?;
    if kept.success() { Ok(()) } else { Err(Error::other(format!("{} could not be written", path.display()))) }
}

/// A new directory that only the server's user enters. Its path is short: a socket's may not be long.
fn own_directory(user: Option<&str>) -> Result<PathBuf> {
    let name = uuid::Uuid::new_v4().simple().to_string();
    let directory = std::env::temp_dir().join(format!("beleg-pg-{}", &name[..12]));
    let made = as_user(user, Path::new("mkdir")).arg("-m").arg("700").arg(&directory).status()?;
    if made.success() { Ok(directory) } else { Err(Error::other("no directory for the cluster")) }
}
