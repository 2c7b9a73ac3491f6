//! A file with every receipt, written as the answers arrive.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use beleg_server::pb;
use serde::{Deserialize, Serialize};

/// One event as a receipt names it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Noted {
    pub(crate) event_id: String,
    pub(crate) kind: String,
    pub(crate) stream: String,
    pub(crate) version: i64,
    pub(crate) position: i64,
}

pub(crate) struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

impl Journal {
    pub(crate) fn create(path: &Path) -> Self {
        Self { path: path.to_owned(), file: Mutex::new(File::create(path).unwrap()) }
    }

    /// Notes an answer; a line a receipt.
    pub(crate) fn note(&self, request_id: &str, receipt: &pb::Receipt) {
        let last = receipt.events.last().unwrap();
        assert_eq!(receipt.position, last.position, "{receipt:?}");
        let own = receipt.events.iter().filter(|event| event.stream == receipt.events[0].stream);
        assert_eq!(Some(receipt.stream_version), own.map(|event| event.version).max(), "{receipt:?}");
        let noted = |event: &pb::EventRef| Noted {
            event_id: event.event_id.clone(),
            kind: event.r#type.clone(),
            stream: event.stream.clone(),
            version: event.version,
            position: event.position,
        };
        let events: Vec<Noted> = receipt.events.iter().map(noted).collect();
        let line = serde_json::to_string(&(request_id, events)).unwrap();
        writeln!(self.file.lock().unwrap(), "{line}").unwrap();
    }

    /// All receipts by request. A request that was answered more than once has one receipt.
    pub(crate) fn read(&self) -> HashMap<String, Vec<Noted>> {
        let mut noted = HashMap::new();
        for line in std::fs::read_to_string(&self.path).unwrap().lines() {
            let (request, events): (String, Vec<Noted>) = serde_json::from_str(line).unwrap();
            if let Some(before) = noted.get(&request) {
                assert_eq!(before, &events, "request {request} has two receipts");
            }
            noted.insert(request, events);
        }
        noted
    }
}
