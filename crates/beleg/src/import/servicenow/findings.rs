//! Findings the log does not hold, drawn so that every rule comes up.

use super::dice::Dice;
use beleg_server::pb::{Behaviour, Class, FaultCause, Findings, Reproducible};

/// Findings with the class that follows from them by the default policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    behaviour: Behaviour,
    cause: FaultCause,
    reproducible: Reproducible,
    security_relevant: bool,
    pub(super) class: Class,
}

impl Finding {
    const fn new(behaviour: Behaviour, cause: FaultCause, reproducible: Reproducible, class: Class) -> Self {
        Self { behaviour, cause, reproducible, security_relevant: false, class }
    }

    /// Whether work of its class costs, exemptions apart.
    pub(super) fn is_chargeable(self) -> bool {
        matches!(self.class, Class::CustomizingBug | Class::ServiceRequest | Class::ChangeRequest)
    }

    /// The protocol's form.
    pub(super) fn message(self) -> Findings {
        Findings {
            behaviour: self.behaviour.into(),
            cause: self.cause.into(),
            reproducible_in_standard: self.reproducible.into(),
            security_relevant: self.security_relevant,
        }
    }
}

/// What diagnosis may come to, with its share in a hundred.
const DETERMINED: [(u32, Finding); 9] = {
    use Behaviour::{Conforms, Deviates};
    use FaultCause as Cause;
    use Reproducible::{No, NotTested, OnlyWithCustomizing, Yes};
    [
        (18, Finding::new(Deviates, Cause::BaseSoftware, Yes, Class::BaseSoftwareBug)),
        (
            3,
            Finding {
                security_relevant: true,
                ..Finding::new(Deviates, Cause::BaseSoftware, NotTested, Class::BaseSoftwareBug)
            },
        ),
        (7, Finding::new(Deviates, Cause::BaseSoftware, OnlyWithCustomizing, Class::CustomizingBug)),
        (20, Finding::new(Deviates, Cause::Customizing, No, Class::CustomizingBug)),
        (10, Finding::new(Deviates, Cause::Platform, NotTested, Class::PlatformFault)),
        (14, Finding::new(Deviates, Cause::CustomerSide, No, Class::ServiceRequest)),
        (6, Finding::new(Deviates, Cause::ThirdParty, No, Class::ServiceRequest)),
        (12, Finding::new(Conforms, Cause::NoneFound, NotTested, Class::ServiceRequest)),
        (10, Finding::new(Behaviour::ChangeWanted, Cause::NoneFound, NotTested, Class::ChangeRequest)),
    ]
};

/// Nothing was established.
const UNDETERMINED: Finding =
    Finding::new(Behaviour::Deviates, FaultCause::NoneFound, Reproducible::NotTested, Class::Undetermined);

/// The `nth` findings of a ticket; `determined` where a customer is to be told.
pub(super) fn draw(dice: &Dice<'_>, nth: u64, determined: bool) -> Finding {
    if !determined && dice.happens("undetermined", nth, 8) {
        return UNDETERMINED;
    }
    let mut left = dice.roll("findings", nth, 100);
    for (share, finding) in DETERMINED {
        if left < share {
            return finding;
        }
        left -= share;
    }
    UNDETERMINED
}

#[cfg(test)]
mod tests {
    use super::{DETERMINED, Dice, draw};
    use beleg_server::pb::Class;

    #[test]
    fn the_shares_are_a_hundred() {
        assert_eq!(DETERMINED.iter().map(|(share, _)| share).sum::<u32>(), 100);
    }

    #[test]
    fn who_is_told_is_told_a_class() {
        let dice = Dice("INC1");
        assert!((0..500).all(|nth| draw(&dice, nth, true).class != Class::Undetermined));
        assert!((0..500).any(|nth| draw(&dice, nth, false).class == Class::Undetermined));
    }
}
