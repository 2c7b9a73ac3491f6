//! One work entry: its stretches written as segments, paid from what is left, rounded.

use crate::assess::answers::{NotReleased, Release};
use crate::assess::lay::{Layout, Piece, lay};
use crate::assess::{Answer, Capacity, Facts, NotWhole, cause, length};
use crate::book::Published;
use crate::contract::ContractAt;
use crate::event::{Cause, Role, Segment};
use crate::facts::Account;
use crate::ids::EventId;
use crate::money;
use crate::policy::Required;
use crate::ticket::Work;
use crate::time::Second;

/// Assesses one entry and uses what it takes.
pub(crate) fn assess(facts: &Facts<'_>, capacity: &mut Capacity, entry: &Work) -> Result<Vec<Segment>, NotWhole> {
    let contract = facts.contract.at(entry.contract_version);
    let pieces: Vec<Piece> = facts
        .cut(entry.from, entry.to)
        .into_iter()
        .map(|(from, to)| Piece { from, to, answer: facts.answer(from, entry.activity, &contract) })
        .collect();
    let segments = write_cheapest(facts, capacity, entry, &contract, &pieces)?;
    capacity.pass_on(entry);
    Ok(segments)
}

/// Of several layouts the one that costs the customer least.
fn write_cheapest(
    facts: &Facts<'_>,
    capacity: &mut Capacity,
    entry: &Work,
    contract: &ContractAt<'_>,
    pieces: &[Piece],
) -> Result<Vec<Segment>, NotWhole> {
    let (first, others) = lay(facts, capacity, entry, pieces);
    if others.is_empty() {
        return write(facts, capacity, entry, contract, pieces, &first);
    }
    let before = capacity.clone();
    let mut segments = write(facts, capacity, entry, contract, pieces, &first)?;
    for other in &others {
        let mut used = before.clone();
        let instead = write(facts, &mut used, entry, contract, pieces, other)?;
        let drawn: i64 = instead.iter().filter(|s| s.grant.is_some()).map(|s| s.worked_seconds).sum();
        if drawn >= other.prepaid && amount(&instead) < amount(&segments) {
            (*capacity, segments) = (used, instead);
        }
    }
    Ok(segments)
}

fn amount(segments: &[Segment]) -> i64 {
    segments.iter().map(|segment| segment.amount_minor).sum()
}

fn write(
    facts: &Facts<'_>,
    capacity: &mut Capacity,
    entry: &Work,
    contract: &ContractAt<'_>,
    pieces: &[Piece],
    layout: &Layout,
) -> Result<Vec<Segment>, NotWhole> {
    let mut writer = Writer { facts, capacity, entry, segments: Vec::new(), paid: Vec::new() };
    for (answer, from, to) in layout.stretches(pieces) {
        writer.write(answer, from, to)?;
    }
    writer.round_up(contract);
    if layout.not_provable > 0 {
        writer.write_not_provable(pieces, layout.not_provable)?;
    }
    Ok(writer.segments)
}

/// Writes an entry's segments.
struct Writer<'w, 'f, 'a> {
    facts: &'f Facts<'a>,
    capacity: &'w mut Capacity,
    entry: &'w Work,
    segments: Vec<Segment>,
    /// For each segment what paid for it, if it used a release.
    paid: Vec<Option<Paid>>,
}

/// The release that a segment used, and all that were open to its last second.
#[derive(Clone)]
struct Paid {
    by: Release,
    open: Vec<Release>,
}

impl<'a> Writer<'_, '_, 'a> {
    fn write(&mut self, answer: &Answer, from: Second, to: Second) -> Result<(), NotWhole> {
        let facts = self.facts;
        match answer {
            Answer::Diagnosis => self.write_diagnosis(from, to),
            Answer::Free { class, exemption } => {
                let policy = facts.policy_of(*class)?;
                let classification = &facts.ticket.classifications[*class];
                let mut causes = vec![cause(Role::Classification, classification.event)];
                let rule = match exemption {
                    Some(contract) => {
                        causes.push(cause(Role::Contract, *contract));
                        Required::FreeAgreedOtherwise.as_str()
                    }
                    None => classification.charge.as_str(),
                };
                self.post(policy, rule, causes, from, to)
            }
            Answer::Unclassified { class } => {
                let (policy, causes) = match class {
                    Some(class) => (facts.policy_of(*class)?, self.class_causes(*class)),
                    None => (facts.opening_policy()?, vec![cause(Role::Opening, facts.ticket.id)]),
                };
                self.post(policy, Required::WithheldUnclassified.as_str(), causes, from, to)
            }
            Answer::BeforeInformation { class } => {
                let rule = Required::WithheldBeforeInformation;
                self.post(facts.policy_of(*class)?, rule.as_str(), self.class_causes(*class), from, to)
            }
            Answer::NotReleased { class, information, why } => {
                let mut causes = self.class_causes(*class);
                let told = &facts.ticket.informations[*information];
                causes.push(cause(Role::Information, told.event));
                let rule = match why {
                    NotReleased::Never => Required::WithheldBeforeApproval,
                    NotReleased::Declined(event) => {
                        causes.push(cause(Role::Decline, *event));
                        Required::WithheldDeclined
                    }
                    NotReleased::Ended(role, event) => {
                        causes.push(cause(*role, *event));
                        Required::WithheldApprovalEnded
                    }
                };
                self.post(facts.policy_of(*class)?, rule.as_str(), causes, from, to)
            }
            Answer::Quote { class, approval } => {
                let mut causes = self.class_causes(*class);
                let accepted = &facts.ticket.approvals[*approval];
                causes.push(cause(Role::Information, facts.answered(accepted).event));
                causes.push(cause(Role::Quote, accepted.event));
                self.post(facts.policy_of(*class)?, Required::CoveredQuote.as_str(), causes, from, to)
            }
            Answer::Open { class, releases, rate } => self.write_open(*class, releases, *rate, from, to),
        }
    }

    /// Within the allowance free, beyond it withheld.
    fn write_diagnosis(&mut self, from: Second, to: Second) -> Result<(), NotWhole> {
        let policy = self.facts.opening_policy()?;
        let allowance = policy.policy.limits().initial_diagnosis_seconds;
        let left = (allowance - self.capacity.allowance_used).max(0);
        let free_to = from.plus(left.min(length(from, to)));
        self.capacity.allowance_used += length(from, free_to);
        let causes = vec![cause(Role::Opening, self.facts.ticket.id)];
        for (rule, from, to) in
            [(Required::FreeInitialDiagnosis, from, free_to), (Required::WithheldDiagnosisOverrun, free_to, to)]
        {
            if length(from, to) > 0 {
                self.post(policy, rule.as_str(), causes.clone(), from, to)?;
            }
        }
        Ok(())
    }

    /// Both gates are open: prepaid time first, then money, each as far as a release
    /// reaches, the oldest first.
    fn write_open(
        &mut self,
        class: usize,
        releases: &[Release],
        rate: Option<(i64, EventId)>,
        mut from: Second,
        to: Second,
    ) -> Result<(), NotWhole> {
        let policy = self.facts.policy_of(class)?;
        while length(from, to) > 0 {
            let wanted = length(from, to);
            if let Some((grant, granted)) = self.capacity.prepaid(self.entry, from) {
                let left = |release: &Release| self.capacity.seconds_left(release);
                let paying = releases.iter().find(|release| left(release) != Some(0));
                let Some(release) = paying else {
                    return self.write_exhausted(class, releases, from, to);
                };
                let taken = wanted.min(granted).min(left(release).unwrap_or(i64::MAX));
                let paid = Paid { by: *release, open: releases.to_vec() };
                self.write_prepaid(policy, class, paid, grant, from, from.plus(taken))?;
                from = from.plus(taken);
                continue;
            }
            let Some((rate, rate_event)) = rate else {
                if !releases.iter().any(|release| self.capacity.has_some_left(release)) {
                    return self.write_exhausted(class, releases, from, to);
                }
                let causes = self.class_causes(class);
                return self.post(policy, Required::WithheldNoAgreedRate.as_str(), causes, from, to);
            };
            let mut billed = 0;
            for release in releases {
                let paid = Paid { by: *release, open: releases.to_vec() };
                billed = self.write_billed(policy, class, paid, rate, rate_event, from, to)?;
                if billed > 0 {
                    break;
                }
            }
            if billed == 0 {
                return self.write_exhausted(class, releases, from, to);
            }
            from = from.plus(billed);
        }
        Ok(())
    }

    fn write_prepaid(
        &mut self,
        policy: &'a Published,
        class: usize,
        paid: Paid,
        grant: EventId,
        from: Second,
        to: Second,
    ) -> Result<(), NotWhole> {
        let seconds = length(from, to);
        self.capacity.draw(self.entry, grant, seconds);
        self.capacity.take(paid.by.key, seconds, 0);
        let mut causes = self.release_causes(class, &paid.by);
        causes.push(cause(Role::Grant, grant));
        let mut segment = self.segment(policy, Required::CoveredPrepaid.as_str(), causes, from, to)?;
        segment.grant = Some(grant);
        self.push(segment, Some(paid));
        Ok(())
    }

    /// Bills as many seconds as one release lets through; returns how many.
    #[expect(clippy::too_many_arguments, reason = "one stretch of work with all it is billed by")]
    fn write_billed(
        &mut self,
        policy: &'a Published,
        class: usize,
        paid: Paid,
        rate: i64,
        rate_event: EventId,
        from: Second,
        to: Second,
    ) -> Result<i64, NotWhole> {
        let charge = self.facts.ticket.classifications[class].charge.as_str();
        let release = &paid.by;
        let mut causes = self.release_causes(class, release);
        let agreed = cause(Role::Contract, rate_event);
        if !causes.contains(&agreed) {
            causes.push(agreed);
        }
        let mut segment = self.segment(policy, charge, causes, from, to)?;
        segment.hourly_rate_minor = Some(rate);

        let before = self.extends(&segment, Some(release)).map_or(0, |last| last.billed_seconds);
        let wanted = length(from, to);
        let taken = wanted.min(self.capacity.billable_seconds(release, rate, before));
        if taken < wanted {
            self.capacity.cut(release, rate);
        }
        if taken == 0 {
            return Ok(0);
        }
        let added = money::amount_minor(before + taken, rate) - money::amount_minor(before, rate);
        self.capacity.take(release.key, taken, added);
        segment.to = from.plus(taken);
        segment.worked_seconds = taken;
        segment.billed_seconds = taken;
        segment.amount_minor = added;
        self.push(segment, Some(paid));
        Ok(taken)
    }

    fn write_exhausted(
        &mut self,
        class: usize,
        releases: &[Release],
        from: Second,
        to: Second,
    ) -> Result<(), NotWhole> {
        let mut causes = self.class_causes(class);
        causes.extend(releases.iter().map(|release| cause(release.role, release.event)));
        let policy = self.facts.policy_of(class)?;
        self.post(policy, Required::WithheldApprovalExhausted.as_str(), causes, from, to)
    }

    /// What may lie outside the billable part. The segment names the whole window:
    /// where in it the time lies is just what is not known.
    fn write_not_provable(&mut self, pieces: &[Piece], seconds: i64) -> Result<(), NotWhole> {
        let judged = pieces.iter().rev().find_map(|piece| piece.answer.class());
        let (policy, causes) = match judged {
            Some(class) => (self.facts.policy_of(class)?, self.class_causes(class)),
            None => {
                let opening = cause(Role::Opening, self.facts.ticket.id);
                (self.facts.opening_policy()?, vec![opening])
            }
        };
        let (from, to) = (self.entry.from, self.entry.to);
        let rule = Required::WithheldNotProvable.as_str();
        let mut segment = self.segment(policy, rule, causes, from, to)?;
        segment.worked_seconds = seconds;
        self.segments.push(segment);
        self.paid.push(None);
        Ok(())
    }

    /// An agreed increment: the entry's billed seconds are rounded up together. The
    /// supplement goes to its last billable segment and is priced with it, as far as
    /// the releases open there reach, the oldest first.
    fn round_up(&mut self, contract: &ContractAt<'_>) {
        let billable = |segment: &Segment| segment.account == Account::Billable;
        let Some(last) = self.segments.iter().rposition(billable) else { return };
        // The term in force at the last billed second: a segment may go on over a term's date.
        let at = self.segments[last].to.plus(-1);
        let Some(increment) = contract.increment_seconds(at) else { return };
        let billed: i64 = self.segments.iter().map(|segment| segment.billed_seconds).sum();
        let mut supplement = (increment - billed % increment) % increment;
        let (Some(paid), Some(rate)) = (self.paid[last].clone(), self.segments[last].hourly_rate_minor) else {
            return;
        };
        for release in &paid.open {
            let segment = &self.segments[last];
            // What the segment holds already was priced for the release that paid for it.
            let held = if release.key == paid.by.key { segment.billed_seconds } else { 0 };
            let added = supplement.min(self.capacity.billable_seconds(release, rate, held));
            if added < supplement {
                self.capacity.cut(release, rate);
            }
            if added == 0 {
                continue;
            }
            let billed_seconds = segment.billed_seconds + added;
            let amount = money::amount_minor(billed_seconds, rate);
            self.capacity.take(release.key, added, amount - segment.amount_minor);
            if release.key != paid.by.key {
                self.name_release(last, release);
            }
            let segment = &mut self.segments[last];
            (segment.billed_seconds, segment.amount_minor) = (billed_seconds, amount);
            supplement -= added;
            if supplement == 0 {
                return;
            }
        }
    }

    /// Names one more release among a segment's causes, the policy staying the last.
    fn name_release(&mut self, place: usize, release: &Release) {
        let told = &self.facts.ticket.informations[release.information];
        let causes = &mut self.segments[place].causes;
        for named in [cause(Role::Information, told.event), cause(release.role, release.event)] {
            if !causes.contains(&named) {
                causes.insert(causes.len().saturating_sub(1), named);
            }
        }
    }

    fn class_causes(&self, class: usize) -> Vec<Cause> {
        vec![cause(Role::Classification, self.facts.ticket.classifications[class].event)]
    }

    fn release_causes(&self, class: usize, release: &Release) -> Vec<Cause> {
        let mut causes = self.class_causes(class);
        let told = &self.facts.ticket.informations[release.information];
        causes.push(cause(Role::Information, told.event));
        causes.push(cause(release.role, release.event));
        causes
    }

    fn post(
        &mut self,
        policy: &'a Published,
        rule: &str,
        causes: Vec<Cause>,
        from: Second,
        to: Second,
    ) -> Result<(), NotWhole> {
        let segment = self.segment(policy, rule, causes, from, to)?;
        self.push(segment, None);
        Ok(())
    }

    /// A segment without a price; the work comes first among its causes, the policy
    /// last.
    fn segment(
        &self,
        policy: &'a Published,
        rule: &str,
        causes: Vec<Cause>,
        from: Second,
        to: Second,
    ) -> Result<Segment, NotWhole> {
        let cited =
            policy.cite(rule).ok_or_else(|| NotWhole(format!("rule {rule} is missing in {}", policy.pin.name)))?;
        let mut all = Vec::with_capacity(causes.len() + 2);
        all.push(cause(Role::Work, self.entry.event));
        all.extend(causes);
        all.push(cause(Role::Policy, policy.event));
        Ok(Segment {
            account: cited.account,
            amount_minor: 0,
            billed_seconds: 0,
            causes: all,
            clause: cited.clause,
            from,
            grant: None,
            hourly_rate_minor: None,
            policy: policy.reference.clone(),
            rule: cited.rule,
            to,
            worked_seconds: length(from, to),
        })
    }

    /// The last segment, if the next one only continues it: then the answer did not
    /// change, so there is no cut and both are rounded together.
    fn extends(&self, next: &Segment, release: Option<&Release>) -> Option<&Segment> {
        let last = self.segments.last()?;
        let same = last.to == next.from
            && last.rule == next.rule
            && last.policy == next.policy
            && last.hourly_rate_minor == next.hourly_rate_minor
            && last.grant == next.grant
            && last.causes == next.causes
            && self.paid.last()?.as_ref().map(|paid| paid.by.key) == release.map(|release| release.key);
        same.then_some(last)
    }

    fn push(&mut self, segment: Segment, paid: Option<Paid>) {
        if self.extends(&segment, paid.as_ref().map(|paid| &paid.by)).is_some()
            && let (Some(last), Some(last_paid)) = (self.segments.last_mut(), self.paid.last_mut())
        {
            last.to = segment.to;
            last.worked_seconds += segment.worked_seconds;
            last.billed_seconds += segment.billed_seconds;
            last.amount_minor += segment.amount_minor;
            *last_paid = paid;
            return;
        }
        self.segments.push(segment);
        self.paid.push(paid);
    }
}

impl Answer {
    fn class(&self) -> Option<usize> {
        match self {
            Self::Diagnosis => None,
            Self::Unclassified { class } => *class,
            Self::Free { class, .. }
            | Self::BeforeInformation { class }
            | Self::NotReleased { class, .. }
            | Self::Quote { class, .. }
            | Self::Open { class, .. } => Some(*class),
        }
    }
}
