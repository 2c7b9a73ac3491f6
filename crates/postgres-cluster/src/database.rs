//! A database for one test.

use std::sync::OnceLock;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::runtime::Builder;
use uuid::Uuid;

use crate::Cluster;

/// An existing server: the URL of a database on it, whose role may create others.
const URL: &str = "BELEG_TEST_POSTGRES_URL";

/// `required` makes it a failure that no PostgreSQL can be had.
const REQUIRED: &str = "BELEG_TEST_POSTGRES";

/// Where the databases of this process are.
#[derive(Debug)]
enum Server {
    Existing(String),
    Own(Cluster),
    Missing(String),
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var(URL) {
        Ok(url) if !url.is_empty() => Server::Existing(url),
        _ => Cluster::start().map_or_else(|error| Server::Missing(error.to_string()), Server::Own),
    })
}

/// An empty database, dropped with this value.
#[derive(Debug)]
pub struct Database {
    maintenance: String,
    name: String,
    url: String,
}

impl Database {
    /// A new one; `None`, said loudly, where no server can be had. One cluster serves all databases of a process.
    ///
    /// # Panics
    ///
    /// If no server can be had and `BELEG_TEST_POSTGRES=required`, or if the server refuses.
    pub async fn new() -> Option<Self> {
        let found = tokio::task::spawn_blocking(server).await;
        let name = format!("beleg_test_{}", Uuid::new_v4().simple());
        let (maintenance, url) = match found {
            Ok(Server::Existing(url)) => (url.clone(), renamed(url, &name)),
            Ok(Server::Own(cluster)) => (cluster.url("postgres"), cluster.url(&name)),
            Ok(Server::Missing(reason)) => {
                let required = std::env::var(REQUIRED).is_ok_and(|wanted| wanted == "required");
                assert!(!required, "{REQUIRED}=required, but {reason}");
                eprintln!("\n*** NOT TESTED ON POSTGRESQL: {reason}. Install it, or set {URL}. ***\n");
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let created = execute(&maintenance, format!("CREATE DATABASE {name}")).await;
        if let Err(error) = created {
            panic!("{error}");
        }
        Some(Self { maintenance, name, url })
    }

    /// Its URL, for the superuser or the role of the existing server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Database {
    /// On a thread of its own, for the runtime of the test may be ending.
    fn drop(&mut self) {
        let (maintenance, name) = (self.maintenance.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(execute(&maintenance, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))).ok()
        });
        let _ = dropped.join();
    }
}

async fn execute(url: &str, statement: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await
}

/// The URL with another database in its path.
fn renamed(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, String::new()), |(url, query)| (url, format!("?{query}")));
    let after_scheme = address.find("://").map_or(0, |at| at + 3);
    let end = address[after_scheme..].find('/').map_or(address.len(), |at| after_scheme + at);
    format!("{}/{name}{query}", &address[..end])
}

#[cfg(test)]
mod tests {
    use super::renamed;

    #[test]
    fn another_database_keeps_the_rest_of_the_url() {
        assert_eq!(renamed("postgres://a:b@host:1/x?sslmode=disable", "y"), "postgres://a:b@host:1/y?sslmode=disable");
        assert_eq!(renamed("postgres://host", "y"), "postgres://host/y");
    }
}
