//! The words a rehearsal may use where the protocol has an enumeration, one to one.

use beleg_server::pb;
use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Class {
    BaseSoftwareBug,
    CustomizingBug,
    PlatformFault,
    ServiceRequest,
    ChangeRequest,
    Undetermined,
}

impl From<Class> for pb::Class {
    fn from(word: Class) -> Self {
        match word {
            Class::BaseSoftwareBug => Self::BaseSoftwareBug,
            Class::CustomizingBug => Self::CustomizingBug,
            Class::PlatformFault => Self::PlatformFault,
            Class::ServiceRequest => Self::ServiceRequest,
            Class::ChangeRequest => Self::ChangeRequest,
            Class::Undetermined => Self::Undetermined,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Account {
    Free,
    Billable,
    Covered,
    Withheld,
}

impl From<Account> for pb::Account {
    fn from(word: Account) -> Self {
        match word {
            Account::Free => Self::Free,
            Account::Billable => Self::Billable,
            Account::Covered => Self::Covered,
            Account::Withheld => Self::Withheld,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Activity {
    Diagnosis,
    Execution,
}

impl From<Activity> for pb::Activity {
    fn from(word: Activity) -> Self {
        match word {
            Activity::Diagnosis => Self::Diagnosis,
            Activity::Execution => Self::Execution,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Impact {
    Incident,
    Request,
}

impl From<Impact> for pb::Impact {
    fn from(word: Impact) -> Self {
        match word {
            Impact::Incident => Self::Incident,
            Impact::Request => Self::Request,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Behaviour {
    Deviates,
    Conforms,
    ChangeWanted,
}

impl From<Behaviour> for pb::Behaviour {
    fn from(word: Behaviour) -> Self {
        match word {
            Behaviour::Deviates => Self::Deviates,
            Behaviour::Conforms => Self::Conforms,
            Behaviour::ChangeWanted => Self::ChangeWanted,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FaultCause {
    BaseSoftware,
    Customizing,
    Platform,
    CustomerSide,
    ThirdParty,
    NoneFound,
}

impl From<FaultCause> for pb::FaultCause {
    fn from(word: FaultCause) -> Self {
        match word {
            FaultCause::BaseSoftware => Self::BaseSoftware,
            FaultCause::Customizing => Self::Customizing,
            FaultCause::Platform => Self::Platform,
            FaultCause::CustomerSide => Self::CustomerSide,
            FaultCause::ThirdParty => Self::ThirdParty,
            FaultCause::NoneFound => Self::NoneFound,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reproducible {
    Yes,
    OnlyWithCustomizing,
    No,
    NotTested,
}

impl From<Reproducible> for pb::Reproducible {
    fn from(word: Reproducible) -> Self {
        match word {
            Reproducible::Yes => Self::Yes,
            Reproducible::OnlyWithCustomizing => Self::OnlyWithCustomizing,
            Reproducible::No => Self::No,
            Reproducible::NotTested => Self::NotTested,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Basis {
    Hourly,
    Quote,
}

impl From<Basis> for pb::Basis {
    fn from(word: Basis) -> Self {
        match word {
            Basis::Hourly => Self::Hourly,
            Basis::Quote => Self::Quote,
        }
    }
}
