//! Contracts: agreed, amended, read.

use beleg_domain::contract::{Agree, Amend};
use beleg_domain::ids::{CustomerId, OpaqueId};
use beleg_domain::money::Currency;
use beleg_domain::refusal::Refusal;
use beleg_domain::time::Date;

use super::page::Page;
use super::parse::{self, Envelope};
use super::{Api, Asked, answer, render};
use crate::command::unknown_contract;
use crate::failure::Failure;
use crate::pb;
use crate::services;
use crate::state::Seen;

#[tonic::async_trait]
impl services::contract_service_server::ContractService for Api {
    async fn agree_contract(
        &self,
        request: tonic::Request<pb::AgreeContractRequest>,
    ) -> Result<tonic::Response<pb::AgreeContractResponse>, tonic::Status> {
        answer(self.on_agree_contract(request).await)
    }

    async fn amend_contract(
        &self,
        request: tonic::Request<pb::AmendContractRequest>,
    ) -> Result<tonic::Response<pb::AmendContractResponse>, tonic::Status> {
        answer(self.on_amend_contract(request).await)
    }

    async fn get_contract(
        &self,
        request: tonic::Request<pb::GetContractRequest>,
    ) -> Result<tonic::Response<pb::GetContractResponse>, tonic::Status> {
        answer(self.on_get_contract(request).await)
    }

    async fn list_contracts(
        &self,
        request: tonic::Request<pb::ListContractsRequest>,
    ) -> Result<tonic::Response<pb::ListContractsResponse>, tonic::Status> {
        answer(self.on_list_contracts(request).await)
    }
}

impl Api {
    async fn on_agree_contract(
        &self,
        asked: Asked<pb::AgreeContractRequest>,
    ) -> Result<pb::AgreeContractResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let envelope = Envelope {
            rpc: "AgreeContract",
            request_id: &m.request_id,
            expected_version: m.expected_version,
            occurred_at: m.occurred_at,
            chosen_id: None,
            personal: &[],
        };
        let request = parse::request(&metadata, envelope)?;
        let currency = Currency::parse("currency_code", &m.currency_code)?;
        let time_zone = m.time_zone.parse().map_err(|_| {
            let zone = &m.time_zone;
            Refusal::malformed("time_zone", format!("{zone:.60?} is no IANA time zone such as Europe/Berlin"))
        })?;
        let command = Agree {
            customer: OpaqueId::parse("customer_id", &m.customer_id)?,
            currency,
            time_zone,
            effective_date: date(&m.effective_date)?,
            terms: parse::terms(m.terms.clone(), Some(currency))?,
        };
        let accepted = self.commands.agree(request, command).await?;
        Ok(pb::AgreeContractResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_amend_contract(
        &self,
        asked: Asked<pb::AmendContractRequest>,
    ) -> Result<pb::AmendContractResponse, Failure> {
        let (metadata, _, m) = asked.into_parts();
        let envelope = Envelope {
            rpc: "AmendContract",
            request_id: &m.request_id,
            expected_version: m.expected_version,
            occurred_at: m.occurred_at,
            chosen_id: None,
            personal: &[],
        };
        let request = parse::request(&metadata, envelope)?;
        let customer: CustomerId = OpaqueId::parse("customer_id", &m.customer_id)?;
        let contract = self.commands.states.contract(self.log(), &customer).await?;
        let currency = contract.map(|contract| contract.currency);
        let command = Amend {
            customer,
            effective_date: date(&m.effective_date)?,
            terms: parse::terms(m.terms.clone(), currency)?,
        };
        let accepted = self.commands.amend(request, command).await?;
        Ok(pb::AmendContractResponse { receipt: Some(render::receipt(&accepted)) })
    }

    async fn on_get_contract(&self, asked: Asked<pb::GetContractRequest>) -> Result<pb::GetContractResponse, Failure> {
        let now = self.now(asked.metadata())?;
        let customer = OpaqueId::parse("customer_id", &asked.get_ref().customer_id)?;
        let seen = Seen { customer: Some(&customer), ..Seen::default() };
        self.commands.states.freshen(self.log(), &seen).await?;
        let contract = self.commands.states.contract(self.log(), &customer).await?;
        let contract = contract.ok_or_else(|| unknown_contract(&customer))?;
        let prepaid = self.commands.states.prepaid(self.log(), &contract).await?;
        let left = prepaid.left_seconds(now.opens());
        Ok(pb::GetContractResponse { contract: Some(render::contract(&contract, left)) })
    }

    async fn on_list_contracts(
        &self,
        asked: Asked<pb::ListContractsRequest>,
    ) -> Result<pb::ListContractsResponse, Failure> {
        let m = asked.into_inner();
        let page = Page::read("ListContracts", m.page_size, &m.page_token, &[])?;
        let position = self.views_at(m.min_position).await?;
        let rows = self.views.contracts(page.after.as_deref().unwrap_or(""), page.size).await?;
        let full = rows.len() == page.size;
        let next = rows.last().filter(|_| full).map(|row| page.token(&row.customer_id));
        let summary = |row: beleg_store::views::ContractRow| pb::ContractSummary {
            customer_id: row.customer_id,
            currency_code: row.currency,
            time_zone: row.time_zone,
            version: row.version,
        };
        Ok(pb::ListContractsResponse {
            contracts: rows.into_iter().map(summary).collect(),
            next_page_token: next.unwrap_or_default(),
            position,
        })
    }
}

fn date(text: &str) -> Result<Date, Refusal> {
    Date::parse(text)
        .ok_or_else(|| Refusal::malformed("effective_date", format!("{text:.40?} is no date such as 2026-01-31")))
}
