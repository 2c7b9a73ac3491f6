use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;

use beleg_server::pb;
use beleg_server::pb::log_service_client::LogServiceClient;
use serde::{Deserialize, Serialize};
use tonic::transport::Channel;

/// One event as a receipt names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Noted {
    pub(crate) event_id: String,
    pub(crate) kind: String,
    pub(crate) stream: String,
    pub(crate) version: i64,
    pub(crate) position: i64,
}

/// What the log said as far as it was read: positions and versions without a gap, no event twice.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) position: i64,
    versions: HashMap<String, i64>,
    events: HashSet<String>,
    /// The events of each request.
    pub(crate) requests: HashMap<String, Vec<Noted>>,
}

impl Record {
    /// Reads what came behind the last reading.
    pub(crate) async fn read_on(&mut self, channel: &Channel) {
        let from_position = self.position + 1;
        let mut log = LogServiceClient::new(channel.clone());
        let asked = pb::ReadLogRequest { from_position, to_position: None };
        let mut stream = log.read_log(asked).await.unwrap().into_inner();
        while let Some(part) = stream.message().await.unwrap() {
            for event in part.events {
                self.take(event);
            }
        }
    }

    fn take(&mut self, event: pb::Event) {
        let version = self.versions.entry(event.stream.clone()).or_insert(0);
        *version += 1;
        self.position += 1;
        let place = (event.position, event.version);
        assert_eq!(place, (self.position, *version), "a gap in the log or in {}", event.stream);
        assert!(self.events.insert(event.event_id.clone()), "event {} is in the log twice", event.event_id);
        let noted = Noted {
            event_id: event.event_id,
            kind: event.r#type,
            stream: event.stream,
            version: event.version,
            position: event.position,
        };
        self.requests.entry(event.request_id).or_default().push(noted);
    }

    /// Every acknowledged request is in the log, exactly as it was acknowledged.
    pub(crate) fn holds(&self, acknowledged: &HashMap<String, Vec<Noted>>) {
        for (request, receipt) in acknowledged {
            let logged = self.requests.get(request);
            assert_eq!(logged, Some(receipt), "request {request} is not in the log as it was acknowledged");
        }
    }
}

/// Audits of a log and its views that find nothing; `kept` says where they are, as arguments.
pub(crate) fn audits_find_nothing(program: &Path, kept: &[&str]) {
    for command in [["verify"].as_slice(), &["rebuild", "--check"]] {
        let audit = Command::new(program).args(["--lang", "en"]).args(command).args(kept).output().unwrap();
        let said = String::from_utf8_lossy(&audit.stdout).into_owned();
        assert!(audit.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&audit.stderr));
    }
}
