//! A duration laid onto its window. A shorter one counts in the customer's favour: what
//! may lie outside the billable part is not provable, the rest lies where it is cheapest.

use crate::assess::{Answer, Capacity, Facts, length};
use crate::ticket::Work;
use crate::time::Second;

/// A part of the window with one answer.
pub(crate) struct Piece {
    pub(crate) from: Second,
    pub(crate) to: Second,
    pub(crate) answer: Answer,
}

/// A stretch of worked time within a piece.
#[derive(Clone, Copy)]
pub(crate) struct Laid {
    pub(crate) piece: usize,
    pub(crate) from: Second,
    pub(crate) to: Second,
}

/// Lays the duration onto the window: wholly where it fills it, else in the
/// customer's favour. Returns the stretches in time order and what is not provable.
pub(crate) fn lay(facts: &Facts<'_>, capacity: &Capacity, entry: &Work, pieces: &[Piece]) -> (Vec<Laid>, i64) {
    let in_order = 0..pieces.len();
    if entry.duration_seconds >= length(entry.from, entry.to) || one_answer(facts, pieces) {
        return (fill(pieces, in_order, entry.duration_seconds), 0);
    }
    let is_diagnosis = |place: &usize| pieces[*place].answer == Answer::Diagnosis;
    let price = |place: usize| {
        let piece = &pieces[place];
        piece.answer.price(capacity.is_prepaid_agreed(entry, piece.from))
    };
    let size = |place: usize| length(pieces[place].from, pieces[place].to);

    let mut laid = fill(pieces, in_order.clone().filter(is_diagnosis), entry.duration_seconds);
    let in_diagnosis: i64 = laid.iter().map(|stretch| length(stretch.from, stretch.to)).sum();
    let rest = entry.duration_seconds - in_diagnosis;

    let mut payable: Vec<((i64, i64), usize)> =
        in_order.clone().filter_map(|place| price(place).map(|price| (price, place))).collect();
    payable.sort_unstable();
    let inside: i64 = payable.iter().map(|(_, place)| size(*place)).sum();
    let outside = length(entry.from, entry.to) - inside;
    let provable = (entry.duration_seconds - outside).clamp(0, rest);
    laid.extend(fill(pieces, payable.into_iter().map(|(_, place)| place), provable));
    laid.sort_unstable_by_key(|stretch| stretch.from);
    (laid, rest - provable)
}

/// Whether the whole window has one answer, judged before anything is used up.
fn one_answer(facts: &Facts<'_>, pieces: &[Piece]) -> bool {
    let classes = &facts.ticket.classifications;
    pieces.windows(2).all(|pair| pair[0].answer.same_rule(&pair[1].answer, classes))
}

/// Fills pieces in the given order, each from its start.
fn fill(pieces: &[Piece], order: impl Iterator<Item = usize>, mut seconds: i64) -> Vec<Laid> {
    let mut laid = Vec::new();
    for place in order {
        let Piece { from, to, .. } = pieces[place];
        let taken = seconds.min(length(from, to));
        if taken > 0 {
            laid.push(Laid { piece: place, from, to: from.plus(taken) });
            seconds -= taken;
        }
    }
    laid
}
