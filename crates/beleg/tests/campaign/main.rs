//! Campaigns: callers work, something is killed or fails at a moment nobody chose, and callers repeat with the same
//! request id what was not answered. They keep what was acknowledged. After each round all of that is in the log
//! exactly once, at the positions and versions told; nothing is there twice or that nobody asked for; positions and
//! versions have no gap. After some rounds the whole log is read again, `verify` and `rebuild --check` find nothing.
//!
//! ```sh
//! cargo test -p beleg --test campaign                                   # a few rounds of each, as CI does
//! cargo test --release -p beleg --test campaign -- two-servers --rounds 100 --minutes 30 --seed 7
//! ```

#![allow(clippy::unwrap_used)]

mod arguments;
mod call;
mod caller;
mod dice;
mod full_disk;
mod journal;
mod one_server;
mod read_only_disk;
mod round;
mod scene;
#[path = "../server/mod.rs"]
mod server;
mod shift;
mod two_servers;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::Arguments;
use full_disk::FullDisk;
use one_server::OneServer;
use read_only_disk::ReadOnlyDisk;
use round::{Plan, campaign};
use two_servers::TwoServers;

/// The campaigns, and the rounds of each where none are asked for.
const CAMPAIGNS: [(&str, u32); 4] = [("two-servers", 4), ("one-server", 4), ("full-disk", 3), ("read-only-disk", 3)];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let asked = |name: &str| arguments.campaigns.is_empty() || arguments.campaigns.iter().any(|one| one == name);
    let seed = arguments.seed.unwrap_or_else(|| u64::from(getrandom::u32().unwrap()));
    let chosen: Vec<_> = CAMPAIGNS.into_iter().filter(|(name, _)| asked(name)).collect();
    if chosen.is_empty() {
        // `cargo test NAME` passes names of other tests to everyone.
        println!("no campaign is called {}; there are {CAMPAIGNS:?}", arguments.campaigns.join(" or "));
        let meant = arguments.rounds.is_some() || arguments.seed.is_some();
        return if meant { ExitCode::from(2) } else { ExitCode::SUCCESS };
    }
    let mut failed = false;
    for (name, few) in chosen {
        let plan = Plan::new(name, arguments.rounds.unwrap_or(few), seed, &arguments);
        let held = match name {
            "two-servers" => campaign::<TwoServers>(plan),
            "one-server" => campaign::<OneServer>(plan),
            "full-disk" => campaign::<FullDisk>(plan),
            _ => campaign::<ReadOnlyDisk>(plan),
        };
        failed |= !held;
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
