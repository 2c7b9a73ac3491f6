//! What a second of work would be, judged before anything is used up.

use crate::assess::{NotWhole, Reading};
use crate::book::{PolicyBook, Published};
use crate::contract::{Contract, ContractAt};
use crate::event::{Basis, Limit, PolicyPin, Role};
use crate::facts::{Account, Activity};
use crate::ids::EventId;
use crate::ticket::{Approval, Classification, End, Information, Moment, Status, Ticket};
use crate::time::{Second, Timestamp};

/// What a second of work would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Initial diagnosis: free within the allowance.
    Diagnosis,
    /// Free by its class, or because the contract exempts the class.
    Free { class: usize, exemption: Option<EventId> },
    /// No classification, or an undetermined one.
    Unclassified { class: Option<usize> },
    /// Chargeable, and the customer does not know.
    BeforeInformation { class: usize },
    /// Chargeable, and nothing is released.
    NotReleased { class: usize, information: usize, why: NotReleased },
    /// Inside an accepted quote.
    Quote { class: usize, approval: usize },
    /// Both gates are open.
    Open { class: usize, releases: Vec<Release>, rate: Option<(i64, EventId)> },
}

/// Why nothing is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotReleased {
    Never,
    Declined(EventId),
    Ended(Role, EventId),
}

/// Something that releases hourly work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) key: ReleaseKey,
    pub(crate) limit: Limit,
    pub(crate) information: usize,
    pub(crate) role: Role,
    pub(crate) event: EventId,
}

/// What a limit belongs to: one per ticket for the standing approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ReleaseKey {
    Standing,
    Approval(usize),
}

/// How a class answers for an instant of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClassAnswer {
    None,
    Free(usize),
    Exempt(usize, EventId),
    Undetermined(usize),
    Chargeable(usize),
}

/// The facts of a ticket, ready to be asked.
pub(crate) struct Facts<'a> {
    pub(crate) ticket: &'a Ticket,
    pub(crate) contract: &'a Contract,
    book: &'a PolicyBook,
    /// Where initial diagnosis ends.
    diagnosis_ends: Option<Second>,
    /// All seconds at which an answer may change, ascending.
    boundaries: Vec<Second>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(reading: &Reading<'a>) -> Self {
        let Reading { ticket, contract, book, prepaid, .. } = *reading;
        let determined = ticket.classifications.iter().find(|c| c.account != Account::Withheld);
        let diagnosis_ends = determined.map(|classification| classification.at.ends());
        let mut boundaries: Vec<Second> = Vec::with_capacity(16);
        let mut both = |at: Timestamp| boundaries.extend([at.ends(), at.opens()]);
        ticket.classifications.iter().for_each(|c| both(c.at));
        ticket.informations.iter().for_each(|i| both(i.at));
        ticket.declines.iter().for_each(|d| both(d.at));
        ticket.transitions.iter().for_each(|t| both(t.at));
        for approval in &ticket.approvals {
            both(approval.at);
            approval.valid_until.into_iter().for_each(&mut both);
            approval.revoked.iter().for_each(|(at, _)| both(*at));
        }
        boundaries.extend(contract.at(contract.version()).boundaries());
        boundaries.extend(prepaid.grants.iter().map(|grant| grant.opens));
        boundaries.sort_unstable();
        boundaries.dedup();
        Self { ticket, contract, book, diagnosis_ends, boundaries }
    }

    /// A window cut wherever an answer may change.
    pub(crate) fn cut(&self, from: Second, to: Second) -> Vec<(Second, Second)> {
        let first = self.boundaries.partition_point(|at| *at <= from);
        let inner = self.boundaries[first..].iter().copied().take_while(|at| *at < to);
        let mut start = from;
        let mut pieces = Vec::new();
        for end in inner.chain([to]) {
            pieces.push((start, end));
            start = end;
        }
        pieces
    }

    /// The policy version that judges a classification's work.
    pub(crate) fn policy_of(&self, class: usize) -> Result<&'a Published, NotWhole> {
        self.pinned(&self.ticket.classifications[class].policy)
    }

    /// The policy version pinned by the opening.
    pub(crate) fn opening_policy(&self) -> Result<&'a Published, NotWhole> {
        self.pinned(&self.ticket.policy)
    }

    fn pinned(&self, pin: &PolicyPin) -> Result<&'a Published, NotWhole> {
        self.book
            .pinned(pin)
            .map(|published| &**published)
            .ok_or_else(|| NotWhole(format!("policy {} version {} is missing", pin.name, pin.version)))
    }

    /// What a second of work would be.
    pub(crate) fn answer(&self, at: Second, activity: Activity, contract: &ContractAt<'_>) -> Answer {
        if activity == Activity::Diagnosis && self.diagnosis_ends.is_none_or(|ends| at < ends) {
            return Answer::Diagnosis;
        }
        match self.class_answer(When::Second(at), contract) {
            ClassAnswer::None => Answer::Unclassified { class: None },
            ClassAnswer::Undetermined(class) => Answer::Unclassified { class: Some(class) },
            ClassAnswer::Free(class) => Answer::Free { class, exemption: None },
            ClassAnswer::Exempt(class, event) => Answer::Free { class, exemption: Some(event) },
            ClassAnswer::Chargeable(class) => self.gates(class, at, contract),
        }
    }

    /// Classifications are read in recorded order. A free one answers for every
    /// instant, also before any classification; an undetermined one from its instant
    /// on and for all earlier chargeable instants; a chargeable one from its instant
    /// on, and, where the contract exempts it, freely within the exemption's dates. Where
    /// a chargeable class gives way to another, the second that it ends in is the other's,
    /// which nobody was told of yet.
    pub(crate) fn class_answer(&self, when: When, contract: &ContractAt<'_>) -> ClassAnswer {
        let mut answer = ClassAnswer::None;
        for (place, classification) in self.ticket.classifications.iter().enumerate() {
            match classification.account {
                Account::Free | Account::Covered => answer = ClassAnswer::Free(place),
                Account::Withheld => {
                    if when.is_ended_by(classification) || matches!(answer, ClassAnswer::Chargeable(_)) {
                        answer = ClassAnswer::Undetermined(place);
                    }
                }
                Account::Billable => {
                    if let Some(event) = contract.exemption(classification.class, when.second()) {
                        answer = ClassAnswer::Exempt(place, event);
                    } else if when.is_opened_by(classification)
                        || when.is_ended_by(classification) && self.ends_another_run(answer, classification)
                    {
                        answer = ClassAnswer::Chargeable(place);
                    }
                }
            }
        }
        answer
    }

    fn ends_another_run(&self, before: ClassAnswer, classification: &Classification) -> bool {
        let ClassAnswer::Chargeable(place) = before else { return false };
        self.ticket.classifications[place].run != classification.run
    }

    /// The gates of a chargeable class: the information is a floor, the approval
    /// opens, and both belong to an unbroken run of one class in one epoch.
    fn gates(&self, class: usize, at: Second, contract: &ContractAt<'_>) -> Answer {
        let classification = &self.ticket.classifications[class];
        let gate = Gate { run: classification.run, epoch: self.epoch(at) };
        let told = |information: &Information| self.belongs(information, gate) && information.at.opens() <= at;
        let informations = self.ticket.informations.iter().enumerate();
        let first = informations.filter(|(_, i)| told(i)).min_by_key(|(_, i)| i.at);
        let Some((information, _)) = first else {
            return Answer::BeforeInformation { class };
        };
        let given: Vec<usize> = (0..self.ticket.approvals.len())
            .filter(|place| {
                let approval = &self.ticket.approvals[*place];
                self.belongs(self.answered(approval), gate) && approval.at.opens() <= at
            })
            .collect();

        let is_live = |place: &usize| self.end_of(*place).is_none_or(|end| end.moment.0.ends() > at);
        let of_basis = |basis: Basis| {
            let live = given.iter().copied().filter(is_live);
            live.filter(move |place| self.ticket.approvals[*place].basis == basis)
        };
        // A later quote ends an earlier one, so at most one lives.
        if let Some(approval) = of_basis(Basis::Quote).next() {
            return Answer::Quote { class, approval };
        }

        let mut releases = Vec::new();
        let mut ended: Vec<(Moment, NotReleased)> = Vec::new();
        match contract.standing(classification.class, at) {
            Some(term) => match self.standing_closed(gate, at) {
                Some(closed) => ended.push(closed),
                None => releases.push(Release {
                    key: ReleaseKey::Standing,
                    limit: term.limit,
                    information,
                    role: Role::Contract,
                    event: term.event,
                }),
            },
            None => ended.extend(self.standing_ended(class, gate, at, contract)),
        }
        let mut hourly: Vec<usize> = of_basis(Basis::Hourly).collect();
        hourly.sort_by_key(|p| self.age(*p));
        releases.extend(hourly.into_iter().map(|place| {
            let approval = &self.ticket.approvals[place];
            Release {
                key: ReleaseKey::Approval(place),
                limit: approval.limit,
                information: approval.information,
                role: Role::Approval,
                event: approval.event,
            }
        }));
        if !releases.is_empty() {
            return Answer::Open { class, releases, rate: contract.hourly_rate(at) };
        }

        let ends = given.into_iter().filter_map(|place| self.end_of(place)).filter(|end| end.moment.0.ends() <= at);
        ended.extend(ends.map(|end| (end.moment, NotReleased::Ended(end.role, end.event))));
        for decline in &self.ticket.declines {
            let information = &self.ticket.informations[decline.information];
            if self.belongs(information, gate) && decline.at.ends() <= at {
                ended.push((decline.moment(), NotReleased::Declined(decline.event)));
            }
        }
        let latest = ended.into_iter().max_by_key(|(moment, _)| *moment);
        let why = latest.map_or(NotReleased::Never, |(_, why)| why);
        Answer::NotReleased { class, information, why }
    }

    /// How often the ticket had been reopened by a second.
    fn epoch(&self, at: Second) -> usize {
        let reopened = self.ticket.transitions.iter().filter(|t| t.to == Status::Open);
        reopened.filter(|t| t.at.ends() <= at).count()
    }

    fn belongs(&self, information: &Information, gate: Gate) -> bool {
        information.run == gate.run && information.epoch == gate.epoch
    }

    pub(crate) fn answered(&self, approval: &Approval) -> &'a Information {
        &self.ticket.informations[approval.information]
    }

    /// Orders approvals from oldest to latest.
    pub(crate) fn age(&self, place: usize) -> Moment {
        self.ticket.approvals[place].moment()
    }

    fn end_of(&self, place: usize) -> Option<End> {
        self.ticket.end_of(&self.ticket.approvals[place])
    }

    /// The amendment that left the class out, if the standing approval was open on this
    /// ticket until then.
    fn standing_ended(
        &self,
        class: usize,
        gate: Gate,
        at: Second,
        contract: &ContractAt<'_>,
    ) -> Option<(Moment, NotReleased)> {
        let class = self.ticket.classifications[class].class;
        let (ended_at, event) = contract.standing_ended(class, at)?;
        let last = ended_at.opens().plus(-1);
        let told = |i: &Information| self.belongs(i, gate) && i.at.opens() <= last;
        let was_open = contract.standing(class, last).is_some()
            && self.ticket.informations.iter().any(told)
            && self.standing_closed(gate, last).is_none();
        was_open.then_some(((ended_at, 0), NotReleased::Ended(Role::Contract, event)))
    }

    /// What closed the standing approval on this ticket: a decline, until something
    /// is approved again; an accepted quote, until hourly work is approved again; the
    /// ticket's closing.
    fn standing_closed(&self, gate: Gate, at: Second) -> Option<(Moment, NotReleased)> {
        let approved_after = |moment: Moment, hourly_only: bool| {
            self.ticket.approvals.iter().any(|approval| {
                approval.moment() > moment
                    && approval.at.opens() <= at
                    && (!hourly_only || approval.basis == Basis::Hourly)
            })
        };
        let declined = self
            .ticket
            .declines
            .iter()
            .filter(|d| d.at.ends() <= at && !approved_after(d.moment(), false))
            .map(|d| (d.moment(), NotReleased::Declined(d.event)));
        let quoted = self
            .ticket
            .accepted_quotes(gate.run, gate.epoch)
            .filter(|q| q.at.ends() <= at && !approved_after(q.moment(), true))
            .map(|q| (q.moment(), NotReleased::Ended(Role::Quote, q.event)));
        let closed = self
            .ticket
            .transitions
            .iter()
            .filter(|t| t.to == Status::Closed && t.at.ends() <= at)
            .filter(|t| self.ticket.epoch_before(t.moment()) == gate.epoch)
            .map(|t| (t.moment(), NotReleased::Ended(Role::Closing, t.event)));
        declined.chain(quoted).chain(closed).max_by_key(|(moment, _)| *moment)
    }
}

/// Which gates a second looks at.
#[derive(Clone, Copy)]
struct Gate {
    run: u32,
    epoch: usize,
}

/// A point in time that a classification is asked about.
#[derive(Clone, Copy)]
pub(crate) enum When {
    /// A whole second of work: rounded for the customer.
    Second(Second),
    /// The very moment of a resolution.
    Moment(Moment),
}

impl When {
    fn second(self) -> Second {
        match self {
            Self::Second(second) => second,
            Self::Moment((at, _)) => at.ends(),
        }
    }

    fn is_opened_by(self, class: &Classification) -> bool {
        match self {
            Self::Second(second) => class.at.opens() <= second,
            Self::Moment(moment) => class.moment() <= moment,
        }
    }

    fn is_ended_by(self, class: &Classification) -> bool {
        match self {
            Self::Second(second) => class.at.ends() <= second,
            Self::Moment(moment) => class.moment() <= moment,
        }
    }
}

impl Answer {
    /// Whether two pieces have one answer: the same rule would name both.
    pub(crate) fn same_rule(&self, other: &Self, classes: &[Classification]) -> bool {
        match (self, other) {
            (Self::Diagnosis, Self::Diagnosis)
            | (Self::Unclassified { .. }, Self::Unclassified { .. })
            | (Self::BeforeInformation { .. }, Self::BeforeInformation { .. }) => true,
            (Self::Free { class: a, exemption: x }, Self::Free { class: b, exemption: y }) => {
                x.is_some() == y.is_some() && (x.is_some() || classes[*a].charge == classes[*b].charge)
            }
            (Self::NotReleased { why: a, .. }, Self::NotReleased { why: b, .. }) => {
                std::mem::discriminant(a) == std::mem::discriminant(b)
            }
            // Without a rate both are withheld for want of one.
            (Self::Open { rate: None, .. }, Self::Open { rate: None, .. }) => true,
            _ => false,
        }
    }
}
