//! What was acknowledged, kept on the callers' side.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use beleg_server::pb;

use crate::server::log::Noted;

/// A file with every receipt, written as the answers arrive.
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

    /// All receipts by request, from the file.
    pub(crate) fn read(&self) -> HashMap<String, Vec<Noted>> {
        self.file.lock().unwrap().sync_data().unwrap();
        let mut noted = HashMap::new();
        for line in std::fs::read_to_string(&self.path).unwrap().lines() {
            let (request, events): (String, Vec<Noted>) = serde_json::from_str(line).unwrap();
            assert!(noted.insert(request.clone(), events).is_none(), "request {request} was noted twice");
        }
        noted
    }
}
