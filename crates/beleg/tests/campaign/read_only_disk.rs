//! One server on a disk that turns read-only, as disks with a fault do, and is mended: nothing that was acknowledged
//! was only on its way there.

use std::path::PathBuf;

use crate::dice::Dice;
use crate::scene::{Scene, Stage, in_directory};
use crate::server::Server;
use crate::server::mount::Mount;

const DISK_MIB: u64 = 512;

pub(crate) struct ReadOnlyDisk {
    mount: Mount,
    data: PathBuf,
    server: Option<Server>,
}

impl Scene for ReadOnlyDisk {
    async fn set_up(stage: &Stage) -> Option<Self> {
        let mount = Mount::disk(DISK_MIB)?;
        let data = mount.path().join("data");
        let server = Some(stage.start(0, &in_directory(&data)));
        Some(Self { mount, data, server })
    }

    fn kept(&self) -> Vec<String> {
        in_directory(&self.data)
    }

    async fn strike(&mut self, stage: &Stage, dice: &mut Dice) -> Vec<&'static str> {
        let before = stage.tally.counts().sent_away;
        // The fault comes between two calls. Under calls ext4 may confirm the last flush and lose what it flushed:
        // tests/disk.rs shows that without a server. Then the batch that was acknowledged on it is gone.
        if !stage.under_calls {
            stage.doors.close(0);
            dice.pause(300, 400).await;
        }
        self.mount.break_down();
        if !stage.under_calls {
            stage.doors.open(0, self.server.as_ref().unwrap().channel());
        }
        stage.calls_are_sent_away(before).await;
        dice.pause(1, 300).await;
        let mut struck = vec!["read-only disk"];
        // Nothing but the last file closed lets the disk go, so the server ends in any case.
        stage.kill(0, self.server.take().unwrap());
        struck.push("server on a read-only disk");
        if dice.one_in(3) {
            let Err(_) = stage.launch(0, &self.kept()).wait() else { panic!("a server started on a read-only disk") };
            let said = stage.last_words(0);
            assert!(said.contains("log.sqlite may not be written"), "{said}");
        }
        self.mount.attach_again();
        self.server = Some(stage.start(0, &self.kept()));
        struck
    }
}

impl Drop for ReadOnlyDisk {
    fn drop(&mut self) {
        self.mount.keep_after_failure(&self.data);
    }
}
