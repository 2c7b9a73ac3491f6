//! Publishing policies.

use std::sync::Arc;

use beleg_domain::book::PolicyBook;
use beleg_domain::event::PolicyPublished;
use beleg_domain::ids::stream;
use beleg_domain::policy::Policy;
use beleg_domain::refusal::Refusal;
use beleg_domain::ticket::command::Draft;
use beleg_store::AppendError;

use super::{ATTEMPTS_MAX, Accepted, Asked, Commands, new_id, not_in_the_future, stream_version};
use crate::failure::Failure;
use crate::request::Request;
use crate::state::Seen;

impl Commands {
    /// Publishes a policy's next version.
    pub(crate) async fn publish(self: &Arc<Self>, request: Request, policy: Policy) -> Result<Accepted, Failure> {
        let digest = request.digest(None, &hex::encode(policy.hash()))?;
        let asked = Asked { digest, request, stream: stream::POLICIES.into() };
        self.carry_out(asked, async move |commands, asked| commands.decide_policy(asked, policy).await).await
    }

    async fn decide_policy(&self, asked: Arc<Asked>, policy: Policy) -> Result<Accepted, Failure> {
        let (request, name) = (&asked.request, Arc::clone(&asked.stream));
        let own = new_id();
        let mut attempts = 0;
        loop {
            let policies = self.states.policies().await;
            let seen = Seen { policies: Some(policies.version), ..Seen::default() };
            if let Some(expected) = request.expected_version.filter(|expected| *expected != policies.version) {
                if self.outdated(&seen, None, &mut attempts).await? {
                    continue;
                }
                return Err(Failure::WrongVersion { stream: name.to_string(), expected, actual: policies.version });
            }
            let call = self.call(request, own);
            let at = request.occurred_at.unwrap_or(call.now);
            let count = policies.book.count(policy.name());
            let checked = not_in_the_future(at, call.now).and_then(|()| check_policy(&policy, &policies.book, count));
            if let Err(refusal) = checked {
                if self.outdated(&seen, Some(call.now), &mut attempts).await? {
                    continue;
                }
                return Err(refusal.into());
            }
            let published = PolicyPublished {
                document: String::from_utf8(policy.canonical_json().to_vec()).map_err(Failure::broken)?,
                hash: hex::encode(policy.hash()),
                name: policy.name().to_owned(),
                version: count + 1,
            };
            let draft = Draft { id: own, at, event: published.into() };
            let events = vec![self.new_event(&name, &draft, None, &[])?];
            let appended = self.append(&asked, call.now, vec![(name.clone(), policies.version)], events).await;
            self.states.reload_policies(&*self.log).await?;
            match appended {
                Ok(receipt) => {
                    self.fresh.appended(&receipt, vec![draft], request.call.origin.as_ref());
                    let stream_version = stream_version(&receipt);
                    return Ok(Accepted { receipt, stream_version, ticket: None });
                }
                Err(AppendError::Conflict { expected, actual, .. }) if request.expected_version.is_some() => {
                    return Err(Failure::WrongVersion { stream: name.to_string(), expected, actual });
                }
                Err(AppendError::Conflict { .. }) if attempts + 1 < ATTEMPTS_MAX => attempts += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn check_policy(policy: &Policy, book: &PolicyBook, count: i64) -> Result<(), Refusal> {
    let refuse = |reason, message: String| Err(Refusal::precondition("document", reason, message));
    if book.latest(policy.name()).is_some_and(|latest| latest.policy.hash() == policy.hash()) {
        return refuse("POLICY_UNCHANGED", format!("version {count} of policy {} says the same", policy.name()));
    }
    if book.len() >= beleg_domain::book::VERSIONS_MAX {
        return refuse("TOO_MANY_POLICIES", "the log holds its fill of policies".into());
    }
    Ok(())
}
