//! Faults from without: a wire to PostgreSQL that is cut again and again, before the server hears a message or before
//! its answer arrives. So commits have unknown outcomes, transactions hang half-done, and reads stop midway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One message in so many is lost with its connection.
const CUT_ONE_IN: u64 = 24;

pub(crate) struct Wire {
    pub(crate) port: u16,
    whole: Arc<AtomicBool>,
    cuts: Arc<AtomicU64>,
}

impl Wire {
    /// A wire to a server on this machine, whole as yet.
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (whole, cuts) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let (whole_here, cuts_here) = (Arc::clone(&whole), Arc::clone(&cuts));
        tokio::spawn(async move {
            let mut dice: u64 = 0x9e37_79b9_7f4a_7c15;
            while let Ok((client, _)) = listener.accept().await {
                dice = dice.rotate_left(17).wrapping_mul(0x2545_f491_4f6c_dd1d);
                let (whole, cuts) = (Arc::clone(&whole_here), Arc::clone(&cuts_here));
                tokio::spawn(async move {
                    if carry(client, server, dice, &whole).await.is_none() {
                        cuts.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Self { port, whole, cuts }
    }

    /// From now on it is cut, or from now on it holds.
    pub(crate) fn cut(&self, cut: bool) {
        self.whole.store(!cut, Ordering::Relaxed);
    }

    /// How often it was.
    pub(crate) fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }
}

/// Carries both directions until an end hangs up; `None` if it was cut.
async fn carry(mut client: TcpStream, server: u16, mut dice: u64, whole: &AtomicBool) -> Option<()> {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return Some(()) };
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut deaf = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return Some(()) };
                if !whole.load(Ordering::Relaxed) {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    match (dice >> 33) % (2 * CUT_ONE_IN) {
                        0 => return None,
                        1 => deaf = true,
                        _ => {}
                    }
                }
                if server.write_all(&asked[..length]).await.is_err() { return Some(()) }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return Some(()) };
                if deaf { return None }
                if client.write_all(&answered[..length]).await.is_err() { return Some(()) }
            }
        }
    }
}
