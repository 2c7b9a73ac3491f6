//! Two servers on one PostgreSQL: either of them, both, or the database is killed, alone or together.

use std::process::Command;
use std::sync::Arc;

use beleg_postgres_cluster::Cluster;
use tokio::net::TcpStream;

use crate::dice::Dice;
use crate::scene::{Scene, Stage};
use crate::server::Server;

const DATABASE: &str = "postgres";

pub(crate) struct TwoServers {
    cluster: Arc<Cluster>,
    servers: [Option<Server>; 2],
}

impl TwoServers {
    fn as_role(&self, role: &str) -> Vec<String> {
        let url = self.cluster.url(DATABASE).replace("//postgres@", &format!("//{role}@"));
        vec!["--database".into(), url]
    }

    fn start(&mut self, stage: &Stage) {
        let kept = self.as_role("beleg");
        for (number, server) in self.servers.iter_mut().enumerate() {
            server.get_or_insert_with(|| stage.start(number, &kept));
        }
    }

    /// Kills the database with all its processes, and returns once nothing answers any more.
    async fn kill_database(&self) {
        self.cluster.kill().unwrap();
        while TcpStream::connect(("127.0.0.1", self.cluster.port())).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
}

impl Scene for TwoServers {
    async fn set_up(stage: &Stage) -> Option<Self> {
        let required = std::env::var("BELEG_TEST_POSTGRES").is_ok_and(|wanted| wanted == "required");
        let cluster = match tokio::task::spawn_blocking(Cluster::start).await.unwrap() {
            Ok(cluster) => Arc::new(cluster),
            Err(error) if required => panic!("{error}"),
            Err(error) => {
                eprintln!("\n*** NOT TESTED ON POSTGRESQL: {error} ***\n");
                return None;
            }
        };
        // As an administrator does it: the service's role may only append.
        let prepared = Command::new(&stage.program)
            .args(["database", "init", "--admin", &cluster.url(DATABASE)])
            .output()
            .unwrap();
        assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
        let mut scene = Self { cluster, servers: [None, None] };
        scene.start(stage);
        Some(scene)
    }

    fn kept(&self) -> Vec<String> {
        self.as_role("beleg_owner")
    }

    async fn strike(&mut self, stage: &Stage, dice: &mut Dice) -> Vec<&'static str> {
        let (first, second, database) = match dice.below(8) {
            0 | 1 => (true, false, false),
            2 | 3 => (false, true, false),
            4 | 5 => (false, false, true),
            6 => (true, true, false),
            _ => (dice.one_in(2), dice.one_in(2), true),
        };
        let mut struck = Vec::new();
        // Which of them goes first is as it happens; there may be a moment between.
        let database_first = dice.one_in(2);
        if database && database_first {
            self.kill_database().await;
            dice.pause(0, 20).await;
        }
        for (number, (chosen, name)) in [(first, "server A"), (second, "server B")].into_iter().enumerate() {
            if chosen {
                stage.kill(number, self.servers[number].take().unwrap());
                struck.push(name);
                dice.pause(0, 20).await;
            }
        }
        if database && !database_first {
            self.kill_database().await;
        }
        // Mostly for less than servers ride out without a word, now and then for more.
        let away = match stage.outage {
            Some(seconds) if database => 1_000..1_000 * seconds,
            _ if database && dice.one_in(8) => 2_000..4_500,
            _ => 0..400,
        };
        dice.pause(away.start, away.end).await;
        if database {
            struck.push("PostgreSQL");
            let cluster = Arc::clone(&self.cluster);
            tokio::task::spawn_blocking(move || cluster.restart()).await.unwrap().unwrap();
        }
        self.start(stage);
        struck
    }
}
