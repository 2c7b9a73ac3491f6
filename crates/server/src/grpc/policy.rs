//! Policies: checked, published, read.

use beleg_domain::policy::Policy;
use beleg_domain::refusal::Refusal;

use super::page::Page;
use super::parse::{self, Envelope};
use super::{Api, Asked, answer, render};
use crate::failure::Failure;
use crate::pb;
use crate::services;

#[tonic::async_trait]
impl services::policy_service_server::PolicyService for Api {
    async fn check_policy(
        &self,
        request: tonic::Request<pb::CheckPolicyRequest>,
    ) -> Result<tonic::Response<pb::CheckPolicyResponse>, tonic::Status> {
        answer(self.on_check_policy(request).await)
    }

    async fn publish_policy(
        &self,
        request: tonic::Request<pb::PublishPolicyRequest>,
    ) -> Result<tonic::Response<pb::PublishPolicyResponse>, tonic::Status> {
        answer(self.on_publish_policy(request).await)
    }

    async fn get_policy(
        &self,
        request: tonic::Request<pb::GetPolicyRequest>,
    ) -> Result<tonic::Response<pb::GetPolicyResponse>, tonic::Status> {
        answer(self.on_get_policy(request).await)
    }

    async fn list_policies(
        &self,
        request: tonic::Request<pb::ListPoliciesRequest>,
    ) -> Result<tonic::Response<pb::ListPoliciesResponse>, tonic::Status> {
        answer(self.on_list_policies(request).await)
    }
}

impl Api {
    async fn on_check_policy(&self, asked: Asked<pb::CheckPolicyRequest>) -> Result<pb::CheckPolicyResponse, Failure> {
        Ok(match Policy::from_toml(&asked.get_ref().document) {
            Ok(policy) => pb::CheckPolicyResponse { problems: Vec::new(), content_hash: hex::encode(policy.hash()) },
            Err(problems) => pb::CheckPolicyResponse {
                problems: problems.iter().map(ToString::to_string).collect(),
                content_hash: String::new(),
            },
        })
    }

    async fn on_publish_policy(
        &self,
        asked: Asked<pb::PublishPolicyRequest>,
    ) -> Result<pb::PublishPolicyResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let envelope = Envelope {
            rpc: "PublishPolicy",
            request_id: &m.request_id,
            expected_version: m.expected_version,
            occurred_at: m.occurred_at,
            chosen_id: None,
            personal: &[],
        };
        let request = parse::request(&metadata, envelope)?;
        let policy = Policy::from_toml(&m.document).map_err(|problems| {
            let listed: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Refusal::malformed("document", listed.join("; "))
        })?;
        let name = policy.name().to_owned();
        let accepted = self.commands.publish(request, policy).await?;
        let event = accepted.receipt.events.first().map(|event| event.event_id);
        let policies = self.commands.states.policies().await;
        let count = policies.book.count(&name);
        let mut published = (1..=count).rev().filter_map(|version| policies.book.version(&name, version));
        let published = published.find(|published| Some(published.event.0) == event);
        Ok(pb::PublishPolicyResponse {
            receipt: Some(render::receipt(&accepted)),
            policy: published.map(|published| render::policy_version(published)),
        })
    }

    async fn on_get_policy(&self, asked: Asked<pb::GetPolicyRequest>) -> Result<pb::GetPolicyResponse, Failure> {
        let m = asked.into_inner();
        let policies = self.policies_now().await?;
        let found = match m.version {
            Some(version) => policies.book.version(&m.name, version),
            None => policies.book.latest(&m.name),
        };
        let published = found.ok_or_else(|| {
            let version = m.version.map(|version| format!(" version {version}")).unwrap_or_default();
            Refusal::unknown("name", "POLICY_UNKNOWN", format!("no policy {:.80?}{version} is published", m.name))
        })?;
        let policy = &published.policy;
        let limits = policy.limits();
        Ok(pb::GetPolicyResponse {
            policy: Some(render::policy_version(published)),
            rules: policy.rules().iter().map(render::rule).collect(),
            clauses: policy.clauses().iter().map(render::clause).collect(),
            classifications: render::classification_rows(policy),
            initial_diagnosis_minutes: limits.initial_diagnosis_seconds / 60,
            late_entry_hours: limits.late_entry_us / 3_600_000_000,
            late_work_days: limits.late_work_us / 86_400_000_000,
            canonical_json: String::from_utf8_lossy(policy.canonical_json()).into_owned(),
        })
    }

    async fn on_list_policies(
        &self,
        asked: Asked<pb::ListPoliciesRequest>,
    ) -> Result<pb::ListPoliciesResponse, Failure> {
        let m = asked.into_inner();
        let page = Page::read("ListPolicies", m.page_size, &m.page_token, &[])?;
        let position = self.views_at(m.min_position.or(Some(self.log().head().position))).await?;
        let rows = self.views.policies(page.after_number()?, page.size).await?;
        let full = rows.len() == page.size;
        let next = rows.last().filter(|_| full).map(|row| page.token(row.position));
        let version = |row: beleg_store::views::PolicyRow| pb::PolicyVersion {
            name: row.name,
            version: row.version,
            content_hash: row.content_hash,
            published_at: Some(render::micros(row.published_at_us)),
            event_id: row.event_id.to_string(),
        };
        Ok(pb::ListPoliciesResponse {
            policies: rows.into_iter().map(version).collect(),
            next_page_token: next.unwrap_or_default(),
            position,
        })
    }
}
