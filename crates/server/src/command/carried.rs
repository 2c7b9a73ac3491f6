//! A command goes on although its caller has left.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use crate::failure::Failure;

/// Polled by whoever waits for it; what is left of it when nobody does any more becomes a task of its own. A task
/// from the start would do the same, at the price of two more hops between threads for every command.
pub(super) struct Carried<T, F>(Option<Pin<Box<F>>>)
where
    F: Future<Output = Result<T, Failure>> + Send + 'static,
    T: Send + 'static;

impl<T, F> Carried<T, F>
where
    F: Future<Output = Result<T, Failure>> + Send + 'static,
    T: Send + 'static,
{
    pub(super) fn new(command: F) -> Self {
        Self(Some(Box::pin(command)))
    }
}

impl<T, F> Future for Carried<T, F>
where
    F: Future<Output = Result<T, Failure>> + Send + 'static,
    T: Send + 'static,
{
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(mut command) = self.0.take() else {
            return Poll::Ready(Err(Failure::broken("a command was awaited after its end")));
        };
        match catch_unwind(AssertUnwindSafe(|| command.as_mut().poll(context))) {
            Ok(Poll::Pending) => {
                self.0 = Some(command);
                Poll::Pending
            }
            Ok(ready) => ready,
            Err(_) => Poll::Ready(Err(Failure::broken("a command died"))),
        }
    }
}

impl<T, F> Drop for Carried<T, F>
where
    F: Future<Output = Result<T, Failure>> + Send + 'static,
    T: Send + 'static,
{
    fn drop(&mut self) {
        // Without a runtime the process is ending, and the log with it: what was not answered may or may not be there.
        if let (Some(command), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(command);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn it_answers_whoever_waits() {
        assert_eq!(Carried::new(async { Ok(7) }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn it_goes_on_when_its_caller_leaves() {
        let (go, gone) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let mut carried = Box::pin(Carried::new(async move {
            let _ = gone.await;
            let _ = done.send(7);
            Ok(())
        }));
        let begun = std::future::poll_fn(|context| Poll::Ready(carried.as_mut().poll(context).is_pending()));
        assert!(begun.await, "it waits for the word to go on");
        drop(carried);
        go.send(()).unwrap();
        assert_eq!(ended.await, Ok(7));
    }

    #[tokio::test]
    async fn one_that_dies_is_a_failure_of_its_own() {
        let dying = Carried::new(async {
            tokio::task::yield_now().await;
            if std::hint::black_box(true) {
                std::panic::panic_any("for the test");
            }
            Ok(())
        });
        assert!(dying.await.is_err());
    }
}
