//! One server on a directory: killed while it works, and while it starts.

use std::path::PathBuf;

use crate::dice::Dice;
use crate::scene::{Scene, Stage, in_directory};
use crate::server::Server;

pub(crate) struct OneServer {
    data: PathBuf,
    server: Option<Server>,
}

impl Scene for OneServer {
    async fn set_up(stage: &Stage) -> Option<Self> {
        let data = stage.place.join("data");
        let server = Some(stage.start(0, &in_directory(&data)));
        Some(Self { data, server })
    }

    fn kept(&self) -> Vec<String> {
        in_directory(&self.data)
    }

    async fn strike(&mut self, stage: &Stage, dice: &mut Dice) -> Vec<&'static str> {
        let mut struck = vec!["server"];
        stage.kill(0, self.server.take().unwrap());
        // Also while it opens the log, or has only just opened it.
        while dice.one_in(3) {
            let starting = stage.launch(0, &self.kept());
            dice.pause(1, 150).await;
            drop(starting);
            struck.push("server at its start");
        }
        self.server = Some(stage.start(0, &self.kept()));
        struck
    }
}
