//! A duration laid onto its window. A shorter one counts in the customer's favour: what
//! may lie outside the billable part is not provable, the rest lies where it is cheapest.
//!
//! What is billable in principle is a matter of facts alone. Where it is cheapest is not:
//! prepaid time costs nothing as far as it lasts, and how far it lasts shows only once it
//! is used. So there may be several layouts, each laid cheapest first under another view of
//! the prepaid time; the one that costs least is taken.

use crate::assess::{Answer, Capacity, Facts, length};
use crate::ticket::Work;
use crate::time::Second;

/// A part of the window with one answer.
pub(crate) struct Piece {
    pub(crate) from: Second,
    pub(crate) to: Second,
    pub(crate) answer: Answer,
}

/// How much of the duration lies in each piece, from the piece's start.
#[derive(Clone)]
pub(crate) struct Layout {
    taken: Vec<i64>,
    /// Seconds that may lie outside the billable part.
    pub(crate) not_provable: i64,
    /// Seconds that lie where they do because prepaid time is to pay for them. Where a
    /// limit keeps it from paying, the layout is no cheaper for it: the next command
    /// would find less prepaid time at hand and lay the same work anew.
    pub(crate) prepaid: i64,
}

impl Layout {
    fn empty(pieces: &[Piece]) -> Self {
        Self { taken: vec![0; pieces.len()], not_provable: 0, prepaid: 0 }
    }

    /// The stretches of work, in time order.
    pub(crate) fn stretches<'a>(&self, pieces: &'a [Piece]) -> impl Iterator<Item = (&'a Answer, Second, Second)> {
        let taken = pieces.iter().zip(&self.taken).filter(|(_, seconds)| **seconds > 0);
        taken.map(|(piece, seconds)| (&piece.answer, piece.from, piece.from.plus(*seconds)))
    }

    /// Lays seconds on pieces in the given order; returns how many found no room.
    fn fill(&mut self, pieces: &[Piece], order: impl IntoIterator<Item = usize>, mut seconds: i64) -> i64 {
        for place in order {
            let room = length(pieces[place].from, pieces[place].to) - self.taken[place];
            let laid = seconds.min(room);
            self.taken[place] += laid;
            seconds -= laid;
        }
        seconds
    }
}

/// Lays the duration onto the window: wholly where it fills it, else in the customer's
/// favour. Returns the layout to take, and others to take instead where they cost less.
pub(crate) fn lay(facts: &Facts<'_>, capacity: &Capacity, entry: &Work, pieces: &[Piece]) -> (Layout, Vec<Layout>) {
    let mut layout = Layout::empty(pieces);
    if entry.duration_seconds >= length(entry.from, entry.to) || one_answer(facts, pieces) {
        layout.fill(pieces, 0..pieces.len(), entry.duration_seconds);
        return (layout, Vec::new());
    }
    let diagnosis = (0..pieces.len()).filter(|place| pieces[*place].answer == Answer::Diagnosis);
    let rest = layout.fill(pieces, diagnosis, entry.duration_seconds);

    let payable = Payable::of(capacity, entry, pieces);
    let inside: i64 = payable.places.iter().map(|place| length(pieces[*place].from, pieces[*place].to)).sum();
    let outside = length(entry.from, entry.to) - inside;
    let provable = (entry.duration_seconds - outside).clamp(0, rest);
    layout.not_provable = rest - provable;
    payable.layouts(&layout, provable)
}

/// Whether the whole window has one answer, judged before anything is used up.
fn one_answer(facts: &Facts<'_>, pieces: &[Piece]) -> bool {
    let classes = &facts.ticket.classifications;
    pieces.windows(2).all(|pair| pair[0].answer.same_rule(&pair[1].answer, classes))
}

/// The part of the window that class, information, approval and rate make billable, that
/// prepaid time may pay for, or that a quote covers.
struct Payable<'p> {
    capacity: &'p Capacity,
    entry: &'p Work,
    pieces: &'p [Piece],
    places: Vec<usize>,
}

impl<'p> Payable<'p> {
    fn of(capacity: &'p Capacity, entry: &'p Work, pieces: &'p [Piece]) -> Self {
        let window = Self { capacity, entry, pieces, places: Vec::new() };
        let is_payable = |place: &usize| match &pieces[*place].answer {
            Answer::Quote { .. } => true,
            Answer::Open { rate, .. } => rate.is_some() || window.is_prepaid_agreed(*place),
            _ => false,
        };
        let places = (0..pieces.len()).filter(is_payable).collect();
        Self { places, ..window }
    }

    /// As if prepaid time, where it is agreed, paid for everything; and as if it paid for
    /// nothing, and as far as it lasts.
    fn layouts(&self, begun: &Layout, provable: i64) -> (Layout, Vec<Layout>) {
        let by_rate = self.sorted(|place| self.rate(place));
        let prepaid_first = self.sorted(|place| {
            let costs = !self.is_free(place) && !self.is_prepaid_agreed(place);
            (if costs { self.rate(place) } else { 0 }, self.rate(place))
        });

        let mut everything = begun.clone();
        everything.fill(self.pieces, prepaid_first.iter().copied(), provable);
        let mut nothing = begun.clone();
        nothing.fill(self.pieces, by_rate.iter().copied(), provable);
        let mut as_far = begun.clone();
        let rest = self.fill_what_costs_nothing(&mut as_far, &prepaid_first, provable);
        as_far.fill(self.pieces, by_rate, rest);

        let mut others = vec![nothing, as_far];
        others.retain(|other| other.taken != everything.taken);
        (everything, others)
    }

    /// Lays what a quote covers and what prepaid time will still pay for; returns the rest.
    fn fill_what_costs_nothing(&self, layout: &mut Layout, order: &[usize], mut seconds: i64) -> i64 {
        let mut capacity = self.capacity.clone();
        for place in order.iter().copied() {
            let Piece { from, to, .. } = self.pieces[place];
            if self.is_free(place) {
                seconds = layout.fill(self.pieces, [place], seconds);
                continue;
            }
            let mut at = from;
            while let Some((grant, left)) = capacity.prepaid(self.entry, at) {
                let paid = left.min(length(at, to)).min(seconds);
                if paid == 0 {
                    break;
                }
                capacity.draw(self.entry, grant, paid);
                layout.prepaid += paid;
                layout.fill(self.pieces, [place], paid);
                (at, seconds) = (at.plus(paid), seconds - paid);
            }
        }
        seconds
    }

    /// The earliest first where the keys are equal.
    fn sorted<K: Ord>(&self, key: impl Fn(usize) -> K) -> Vec<usize> {
        let mut places = self.places.clone();
        places.sort_by_key(|place| key(*place));
        places
    }

    fn is_free(&self, place: usize) -> bool {
        matches!(self.pieces[place].answer, Answer::Quote { .. })
    }

    fn is_prepaid_agreed(&self, place: usize) -> bool {
        let piece = &self.pieces[place];
        matches!(piece.answer, Answer::Open { .. }) && self.capacity.is_prepaid_agreed(self.entry, piece.from)
    }

    /// The price of an hour in money; without an agreed rate there is none to pay.
    fn rate(&self, place: usize) -> i64 {
        match &self.pieces[place].answer {
            Answer::Open { rate, .. } => rate.map_or(0, |(rate, _)| rate),
            _ => 0,
        }
    }
}
