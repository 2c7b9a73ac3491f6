//! File systems of the tests' own: one that fills up, one that turns read-only.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A mounted file system; unmounted where it is forgotten.
pub(crate) struct Mount {
    /// Holds the mount point, and the image of a disk.
    place: TempDir,
}

impl Mount {
    /// A file system in memory with so many KiB.
    pub(crate) fn in_memory(kib: u32) -> Option<Self> {
        let mount = Self::nowhere();
        let size = format!("size={kib}k");
        let mounted = run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs"], &mount.path());
        mount.able(mounted)
    }

    /// A disk of so many MiB that turns read-only after a fault, as most of them are mounted.
    pub(crate) fn disk(mib: u64) -> Option<Self> {
        let mount = Self::nowhere();
        File::create(mount.image()).unwrap().set_len(mib << 20).unwrap();
        let formatted = run("mkfs.ext4", &["-q", "-F"], &mount.image());
        if !formatted.as_ref().is_ok_and(|done| done.status.success()) {
            return mount.able(formatted);
        }
        let mounted = mount.attach();
        mount.able(mounted)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.place.path().join("mount")
    }

    /// Gives a file system in memory a size of which so many KiB are free.
    pub(crate) fn leave(&self, kib: u32) {
        // What is used may grow in between, and no size is less than that.
        for _ in 0..100 {
            let used = done(run("df", &["-k", "--output=used"], &self.path()));
            let used = String::from_utf8(used.stdout).unwrap();
            let used: u32 = used.lines().nth(1).unwrap().trim().parse().unwrap();
            let size = format!("remount,size={}k", used + kib);
            if run("mount", &["-o", &size], &self.path()).unwrap().status.success() {
                return;
            }
        }
        panic!("the file system cannot be given another size");
    }

    /// Copies what is on it to a disk that stays, where a test has failed.
    pub(crate) fn keep_after_failure(&self, files: &Path) {
        if std::thread::panicking() {
            let kept = tempfile::Builder::new().prefix("campaign-").tempdir().unwrap().keep();
            done(run("cp", &["-r", files.to_str().unwrap()], &kept));
            println!("what was on the file system is kept in {}", kept.display());
        }
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.path().join("filler")).unwrap();
        while file.write(&[0; 4096]).is_ok() {}
    }

    /// Lets the kernel find a fault on the disk: it turns read-only under whoever has files open.
    pub(crate) fn break_down(&self) {
        let found = done(run("findmnt", &["-n", "-o", "SOURCE"], &self.path()));
        let device = String::from_utf8(found.stdout).unwrap();
        let name = device.trim().trim_start_matches("/dev/");
        std::fs::write(format!("/sys/fs/ext4/{name}/trigger_fs_error"), "1").unwrap();
        assert!(File::create(self.path().join("probe")).is_err(), "the disk can still be written");
    }

    /// Takes the disk away and attaches it again, which mends it.
    pub(crate) fn attach_again(&self) {
        done(run("umount", &[], &self.path()));
        done(self.attach());
    }

    /// Makes it read-only; nobody may have files open.
    pub(crate) fn forbid_writing(&self) {
        done(run("mount", &["-o", "remount,ro"], &self.path()));
    }

    fn nowhere() -> Self {
        let mount = Self { place: tempfile::tempdir().unwrap() };
        std::fs::create_dir(mount.path()).unwrap();
        mount
    }

    fn image(&self) -> PathBuf {
        self.place.path().join("image")
    }

    fn attach(&self) -> std::io::Result<Output> {
        let image = self.image();
        run("mount", &["-t", "ext4", "-o", "loop,errors=remount-ro", image.to_str().unwrap()], &self.path())
    }

    /// Whether this machine let us, said loudly where it did not.
    fn able(self, mounted: std::io::Result<Output>) -> Option<Self> {
        let why = match mounted {
            Ok(done) if done.status.success() => return Some(self),
            Ok(done) => String::from_utf8_lossy(&done.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        let required = std::env::var_os("BELEG_TEST_MOUNT").is_some_and(|value| value == "required");
        assert!(!required, "no file system could be mounted: {why}");
        eprintln!("SKIPPED: no file system could be mounted, so no disk can fail: {why}");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Also where it was never mounted. Lazily: a failed test may leave files open.
        let _ = run("umount", &["-l"], &self.path());
    }
}

fn run(program: &str, args: &[&str], last: &Path) -> std::io::Result<Output> {
    Command::new(program).args(args).arg(last).output()
}

fn done(ran: std::io::Result<Output>) -> Output {
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    ran
}
