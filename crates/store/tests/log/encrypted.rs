use std::path::PathBuf;

use beleg_postgres_cluster::Cluster;
use beleg_store::{ClockKind, Database, LogOptions, OpenError, Storage};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::desk::{all, command};

/// An authority of this test's own, whose certificate nobody trusts but who is told to.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(parameters, key), certificate }
    }

    /// A server's certificate and key.
    fn issue(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new([host.to_owned()]).unwrap();
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// A server that is called `localhost`, and the certificates of an authority that it has its own from, and of another.
struct Scene {
    cluster: Cluster,
    trusted: PathBuf,
    foreign: PathBuf,
    _files: TempDir,
}

impl Scene {
    /// `None`, said loudly, where no server can be had.
    async fn set_up() -> Option<Self> {
        let files = tempfile::tempdir().unwrap();
        let (authority, other) = (Authority::new("ours"), Authority::new("theirs"));
        let (trusted, foreign) = (files.path().join("trusted.pem"), files.path().join("foreign.pem"));
        std::fs::write(&trusted, &authority.certificate).unwrap();
        std::fs::write(&foreign, &other.certificate).unwrap();
        let (certificate, key) = authority.issue("localhost");
        let cluster = started(move || Cluster::start_with_tls(&certificate, &key)).await?;
        Some(Self { cluster, trusted, foreign, _files: files })
    }

    fn at(&self, host: &str, query: &str) -> Storage {
        at(&self.cluster, host, query)
    }
}

async fn started(start: impl FnOnce() -> std::io::Result<Cluster> + Send + 'static) -> Option<Cluster> {
    let required = std::env::var("BELEG_TEST_POSTGRES").is_ok_and(|wanted| wanted == "required");
    match tokio::task::spawn_blocking(start).await.unwrap() {
        Ok(cluster) => Some(cluster),
        Err(error) if required => panic!("{error}"),
        Err(error) => {
            eprintln!("\n*** NOT TESTED ON POSTGRESQL: {error} ***\n");
            None
        }
    }
}

fn at(cluster: &Cluster, host: &str, query: &str) -> Storage {
    Storage::Database(Database::at(format!("postgres://postgres@{host}:{}/postgres?{query}", cluster.port())))
}

/// Why the log is not opened. A database that was waited for is told as one that is away.
async fn refused(storage: &Storage) -> String {
    let Err(error) = storage.await_log(LogOptions::new(ClockKind::System)).await else {
        panic!("the log was opened");
    };
    assert!(matches!(error, OpenError::Tls { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_right_certificate_all_that_is_written_and_read_is_encrypted() {
    let Some(scene) = Scene::set_up().await else { return };
    let storage = scene.at("localhost", &format!("sslmode=verify-full&sslrootcert={}", scene.trusted.display()));

    let log = storage.await_log(LogOptions::new(ClockKind::System)).await.unwrap();
    let views = storage.open_views(&*log).await.unwrap();
    let receipt = log.append(command("s", 0, 2)).await.unwrap();
    let events = all(&*log).await;

    assert_eq!(events.len(), 3);
    assert_eq!(events[1].event_id, receipt.events[0].event_id);
    let mut observer = PgConnection::connect(&scene.cluster.url("postgres")).await.unwrap();
    let sessions: Vec<(String, bool, Option<String>)> = sqlx::query_as(
        "SELECT application_name, ssl, version FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) \
         WHERE client_addr IS NOT NULL AND pid <> pg_backend_pid()",
    )
    .fetch_all(&mut observer)
    .await
    .unwrap();
    for purpose in ["beleg reader", "beleg writer", "beleg projector"] {
        assert!(sessions.iter().any(|(name, ..)| name == purpose), "{purpose}: {sessions:?}");
    }
    for (name, encrypted, version) in &sessions {
        assert!(*encrypted && version.as_deref() == Some("TLSv1.3"), "{name}: {sessions:?}");
    }
    // The same question about a session without TLS has the other answer.
    let own = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert!(!sqlx::query_scalar::<_, bool>(own).fetch_one(&mut observer).await.unwrap());
    drop(views);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_does_not_hold_is_refused_at_once() {
    let Some(scene) = Scene::set_up().await else { return };
    let (trusted, foreign) = (scene.trusted.display().to_string(), scene.foreign.display().to_string());
    for (host, query, words) in [
        ("localhost", format!("sslmode=verify-full&sslrootcert={foreign}"), "UnknownIssuer"),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={foreign}"), "UnknownIssuer"),
        // What the system trusts does not know the authority either.
        ("localhost", "sslmode=verify-full".into(), "UnknownIssuer"),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={trusted}"), "not valid for name"),
        ("localhost", format!("sslmode=verify-full&sslrootcert={trusted}.none"), "is not there"),
    ] {
        let said = refused(&scene.at(host, &query)).await;
        assert!(said.contains(words), "{host}, {query}: {said}");
        assert!(said.contains("correct the host's name, sslmode or sslrootcert"), "{said}");
    }

    // That authority's certificate serves under another name where only the authority is asked for.
    let named = scene.at("127.0.0.1", &format!("sslmode=verify-ca&sslrootcert={trusted}"));
    named.await_log(LogOptions::new(ClockKind::System)).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_refused_at_once_where_tls_is_asked_for() {
    let Some(cluster) = started(Cluster::start).await else { return };
    for mode in ["require", "verify-ca", "verify-full"] {
        let said = refused(&at(&cluster, "localhost", &format!("sslmode={mode}"))).await;
        assert!(said.contains("server does not support TLS"), "{mode}: {said}");
    }
    // And is taken where it is only preferred.
    at(&cluster, "localhost", "sslmode=prefer")
        .await_log(LogOptions::new(ClockKind::System))
        .await
        .unwrap()
        .close()
        .await;
}
