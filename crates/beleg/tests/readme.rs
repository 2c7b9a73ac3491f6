//! What the README shows is done as it stands there, by a user with nothing else at hand.

#![allow(clippy::unwrap_used)]

mod server;

use std::process::Command;
use std::time::Duration;

use server::{BELEG, Server};

const README: &str = include_str!("../../../README.md");

/// The fenced blocks in a language.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let begin = format!("```{language}\n");
    README.split("```").zip(README.match_indices("```")).filter_map(move |(_, (at, _))| {
        let block = README[at..].strip_prefix(&begin)?;
        block.split_once("```").map(|(block, _)| block)
    })
}

/// The bodies of the calls with grpcurl, as lines of an import.
fn calls() -> Vec<String> {
    let mut lines = Vec::new();
    for call in blocks("sh").flat_map(|block| block.split("grpcurl ").skip(1)) {
        let (body, after) = call.split_once("-d '").unwrap().1.split_once("'").unwrap();
        let method = after.lines().next().unwrap().rsplit('/').next().unwrap();
        let name = method[..1].to_lowercase() + &method[1..];
        lines.push(format!("{{\"{name}\": {}}}", body.replace('\n', " ")));
    }
    assert_eq!(lines.len(), 2, "{lines:?}");
    lines
}

#[test]
fn its_calls_are_accepted_and_what_it_looks_at_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on(folder.path());
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let run = |args: &[&str]| {
        let calls = !["rehearse", "rebuild", "verify"].contains(&args[0]);
        let to: &[&str] = if calls { &["--server", &server.url] } else { &[] };
        let done = Command::new(BELEG).args(["--lang", "en"]).args(to).args(args).current_dir(root).output().unwrap();
        assert!(done.status.success(), "beleg {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let import = |lines: &str| {
        let file = folder.path().join("lines.jsonl");
        std::fs::write(&file, lines).unwrap();
        run(&["import", file.to_str().unwrap()])
    };
    run(&["policy", "publish"]);
    assert!(import(&calls().join("\n")).starts_with("2 commands accepted"));
    let lines: Vec<&str> = blocks("json").collect();
    assert!(import(&lines.concat()).starts_with("3 commands accepted"));
    assert!(run(&["ticket", "list", "--customer", "birkholz"]).contains("import:jsonl"));

    // Work lies between the opening and now, and begins at a whole second.
    std::thread::sleep(Duration::from_millis(2_200));
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let times = [now - chrono::TimeDelta::seconds(1), now].map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    // Every command that looks at something, as it is written.
    let looking = README.split_once("## Looking at it").unwrap().1.split_once("```sh\n").unwrap().1;
    let looking = looking.split_once("```").unwrap().0;
    let mut looked = 0;
    for line in looking.lines() {
        let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        assert_eq!(words[0], "beleg", "{line}");
        // Where the server runs, and when the work was, the README cannot know.
        let mut times = times.iter();
        let meant = words[1..].iter().map(|word| match *word {
            "./data" => folder.path().to_str().unwrap(),
            "TIME" => times.next().unwrap(),
            word => word,
        });
        let words: Vec<&str> = meant.collect();
        run(&words);
        looked += 1;
    }
    assert!(looked >= 8, "{looked}");
}
