//! The domain as its specification tells it. Nothing here reads a clock: `world`
//! keeps one, hands out ids, and plays commands the way the server does.

#![allow(clippy::unwrap_used)]

/// Where commands are played.
mod world;

/// What is said in tests.
mod words;

/// Where ledgers are compared.
mod ledgers;

/// Rules by example.
mod rules;

/// What belongs to the free initial diagnosis, and what no longer does.
mod diagnosis;

/// Information and approval: from when a chargeable class may cost.
mod gates;

/// Approvals given before they are asked for.
mod standing;

/// How far an approval reaches.
mod limits;

/// A duration inside a longer window.
mod durations;

/// Fixed prices.
mod quotes;

/// Agreed billing increments.
mod increments;

/// Time paid in advance.
mod prepaid;

/// Findings that are corrected.
mod reclassification;

/// Terms, their dates, and who reads which version.
mod contracts;

/// What is believed about an instant.
mod about;

/// Where the next minute would go.
mod cost_status;

/// Facts that share one instant: the order of recording decides.
mod instants;

/// Rows of another system.
mod imports;

/// Commands to tickets that are not carried out.
mod refusals;

/// Contracts and openings that are refused, and that every refusal has its test.
mod refused_terms;

/// Everything has a bound.
mod bounds;

/// Which releases paid for what.
mod releases;

/// Histories as they come.
mod histories;

/// What holds for every history.
mod laws;

/// Histories with one fact more.
mod added_facts;

/// What one added fact may do to a history.
mod monotony;

/// Tickets read back from a log.
mod folding;

/// Events in their stored form.
mod golden;
