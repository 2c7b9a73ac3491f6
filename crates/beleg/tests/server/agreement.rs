use beleg_server::pb;
use beleg_server::pb::contract_service_client::ContractServiceClient;
use beleg_server::pb::policy_service_client::PolicyServiceClient;
use tonic::transport::Channel;
use uuid::Uuid;

/// The built-in policy.
pub(crate) const POLICY: &str = include_str!("../../../../policies/support.toml");

/// A policy and acme's contract; gives back both requests' ids with their receipts.
pub(crate) async fn agree(channel: &Channel) -> [(String, pb::Receipt); 2] {
    let published = pb::PublishPolicyRequest {
        request_id: Uuid::now_v7().to_string(),
        document: POLICY.to_owned(),
        ..Default::default()
    };
    let agreed = pb::AgreeContractRequest {
        request_id: Uuid::now_v7().to_string(),
        customer_id: "acme".into(),
        currency_code: "EUR".into(),
        time_zone: "UTC".into(),
        effective_date: "2026-01-01".into(),
        terms: Some(pb::Terms { policy: Some("support".into()), ..Default::default() }),
        ..Default::default()
    };
    let ids = [published.request_id.clone(), agreed.request_id.clone()];
    let publishing = PolicyServiceClient::new(channel.clone()).publish_policy(published).await.unwrap();
    let agreeing = ContractServiceClient::new(channel.clone()).agree_contract(agreed).await.unwrap();
    let receipts = [publishing.into_inner().receipt.unwrap(), agreeing.into_inner().receipt.unwrap()];
    let [policy, contract] = ids;
    let [published, agreed] = receipts;
    [(policy, published), (contract, agreed)]
}
