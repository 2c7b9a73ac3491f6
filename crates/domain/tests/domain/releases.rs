//! Which releases paid for a segment, read from its vouchers alone.

use beleg_domain::event::{Cause, Role, Segment};
use beleg_domain::facts::Account;
use beleg_domain::ids::EventId;
use beleg_domain::money;

/// Whether a release was needed: money or prepaid time.
pub(crate) fn pays(segment: &Segment) -> bool {
    segment.worked_seconds > 0 && (segment.account == Account::Billable || segment.grant.is_some())
}

/// The release that paid for the work, then those that only its supplement drew on. The
/// first follows the classification and the information it answers; a standing approval
/// is named by its contract, as the rate is, but before it.
pub(crate) fn releases(segment: &Segment) -> Vec<Cause> {
    assert!(pays(segment), "{segment:?}");
    let roles: Vec<Role> = segment.causes.iter().take(3).map(|cause| cause.role).collect();
    assert_eq!(roles, [Role::Work, Role::Classification, Role::Information], "{segment:?}");
    let further = segment.causes[4..].iter().filter(|cause| cause.role == Role::Approval);
    segment.causes[3..4].iter().chain(further).cloned().collect()
}

/// Billed or prepaid seconds and minor units that a release must have paid of a segment:
/// all, the work, or perhaps nothing where others may have paid the supplement.
pub(crate) fn least_paid(segment: &Segment, release: EventId) -> (i64, i64) {
    let named = releases(segment);
    match named.iter().position(|cause| cause.event == release) {
        Some(0) if named.len() > 1 => {
            let rate = segment.hourly_rate_minor.unwrap();
            (segment.worked_seconds, money::amount_minor(segment.worked_seconds, rate))
        }
        Some(0) => (paid_seconds(segment), segment.amount_minor),
        _ => (0, 0),
    }
}

/// What a limit in time counts: billed and prepaid seconds.
pub(crate) fn paid_seconds(segment: &Segment) -> i64 {
    if segment.grant.is_some() { segment.worked_seconds } else { segment.billed_seconds }
}
