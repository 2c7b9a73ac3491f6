//! One server on a small file system that fills up, and is given room again: the server goes on, or it is killed
//! while there is none.

use std::path::PathBuf;

use crate::dice::Dice;
use crate::scene::{Scene, Stage, in_directory};
use crate::server::Server;
use crate::server::mount::Mount;

/// KiB left when the disk begins to be small, and those that it is given then: a write-ahead log of up to 64 MiB must
/// find room to be moved into the log's file, or the disk stays full.
const LEFT_KIB: usize = 768;
const ROOM_KIB: u32 = 128 << 10;

/// Beside the serving views, an audit builds others.
const ROOM_FOR_AUDIT_KIB: u32 = 1 << 20;

pub(crate) struct FullDisk {
    mount: Mount,
    data: PathBuf,
    server: Option<Server>,
}

impl Scene for FullDisk {
    const BULKY: bool = true;

    async fn set_up(stage: &Stage) -> Option<Self> {
        let mount = Mount::in_memory(ROOM_KIB)?;
        let data = mount.path().join("data");
        let server = Some(stage.start(0, &in_directory(&data)));
        Some(Self { mount, data, server })
    }

    fn kept(&self) -> Vec<String> {
        in_directory(&self.data)
    }

    fn before_audit(&self) {
        self.mount.leave(ROOM_FOR_AUDIT_KIB);
    }

    async fn strike(&mut self, stage: &Stage, dice: &mut Dice) -> Vec<&'static str> {
        let before = stage.tally.counts().sent_away;
        let left = u32::try_from(128 + dice.below(LEFT_KIB)).unwrap();
        self.mount.leave(left);
        stage.calls_are_sent_away(before).await;
        dice.pause(1, 400).await;
        let mut struck = vec!["full disk"];
        if dice.one_in(2) {
            stage.kill(0, self.server.take().unwrap());
            struck.push("server on a full disk");
            if dice.one_in(2) {
                // It starts if what is left suffices for that, and says so if not.
                match stage.launch(0, &self.kept()).wait() {
                    Ok(server) => server.kill(),
                    Err(_) => {
                        let said = stage.last_words(0);
                        assert!(said.contains("no space is left"), "{said}");
                    }
                }
                struck.push("server at its start on a full disk");
            }
        }
        self.mount.leave(ROOM_KIB);
        if self.server.is_none() {
            self.server = Some(stage.start(0, &self.kept()));
        }
        struck
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        self.mount.keep_after_failure(&self.data);
    }
}
