//! The words of the policy as types: what is found, what it is called, and who pays.
//!
//! Every enum here is a closed list with one spelling, the same in TOML, JSON, events and on the wire. The
//! policy's headings these words come from are "Zentrale Begriffe einfach erklärt" (impact, classes) and
//! "Unser Abgrenzungsgrundsatz" (behaviour and cause decide).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A word that is not in the closed list it was read for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{word}\" is no {list}; expected one of: {expected}")]
pub struct UnknownWord {
    /// The list that was expected, for example `class`.
    pub list: &'static str,
    /// What was found instead, cut to 40 characters.
    pub word: String,
    /// The words allowed, separated by commas.
    pub expected: String,
}

/// Longest part of a foreign word that an error repeats.
const SHOWN_CHARS_MAX: usize = 40;

/// Eight closed lists need the same five things; the spelling stands once, beside its variant.
macro_rules! words {
    (
        $(#[$about:meta])*
        $name:ident[$count:literal], $list:literal {
            $( $(#[$doc:meta])* $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $( $(#[$doc])* #[serde(rename = $word)] $variant, )+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: [Self; $count] = [$( Self::$variant, )+];

            /// The one spelling, in `snake_case`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                }
            }

            /// The value with exactly this spelling.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $( $word => Some(Self::$variant), )+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::parse(word).ok_or_else(|| UnknownWord {
                    list: $list,
                    word: word.chars().take(SHOWN_CHARS_MAX).collect(),
                    expected: Self::ALL.map(Self::as_str).join(", "),
                })
            }
        }
    };
}

words! {
    /// What the software does, against the documented or contractually agreed target ("Unser
    /// Abgrenzungsgrundsatz").
    Behaviour[3], "behaviour" {
        /// It differs from the target: there is a fault.
        Deviates = "deviates",
        /// It does what was agreed.
        Conforms = "conforms",
        /// It does what was agreed, and something else is wanted.
        ChangeWanted = "change_wanted",
    }
}

words! {
    /// The technical cause that diagnosis found ("Unser Abgrenzungsgrundsatz").
    FaultCause[6], "cause" {
        /// The standard software itself.
        BaseSoftware = "base_software",
        /// An adaptation or extension made for this customer.
        Customizing = "customizing",
        /// Availability, hosting or infrastructure the provider answers for.
        Platform = "platform",
        /// Configuration, data or infrastructure on the customer's side.
        CustomerSide = "customer_side",
        /// A supplier of the customer or an external interface.
        ThirdParty = "third_party",
        /// Diagnosis found no cause.
        NoneFound = "none_found",
    }
}

words! {
    /// Whether the fault shows in a standard environment ("Was umfasst die Erstdiagnose?").
    Reproducible[4], "reproducible_in_standard" {
        /// It shows without anything specific to the customer.
        Yes = "yes",
        /// It shows only with the customer's adaptations in place.
        OnlyWithCustomizing = "only_with_customizing",
        /// It could not be made to show.
        No = "no",
        /// Nobody tried yet.
        NotTested = "not_tested",
    }
}

words! {
    /// What the customer reports. It never decides the price: an incident describes the effect in operation,
    /// not its cause ("Incident (Störung)").
    Impact[2], "impact" {
        /// The service is unusable or restricted.
        Incident = "incident",
        /// Something is asked for; nothing is broken.
        Request = "request",
    }
}

words! {
    /// What a concern is, as it follows from the findings by the policy's table; never typed in freely
    /// ("Was passiert danach?").
    Class[6], "class" {
        /// A fault of the standard software.
        BaseSoftwareBug = "base_software_bug",
        /// A fault of something made for this customer.
        CustomizingBug = "customizing_bug",
        /// A fault of the platform the provider answers for.
        PlatformFault = "platform_fault",
        /// Help that is no fault of the provider's.
        ServiceRequest = "service_request",
        /// A change of what was agreed.
        ChangeRequest = "change_request",
        /// The findings do not decide yet; nothing may be charged.
        Undetermined = "undetermined",
    }
}

words! {
    /// What a work entry was spent on.
    Activity[2], "activity" {
        /// Finding out what the concern is ("Die kostenfreie Erstdiagnose – fair und transparent").
        Diagnosis = "diagnosis",
        /// Anything else: fixing, changing, helping.
        Execution = "execution",
    }
}

words! {
    /// Where a second of work ends up in the ledger.
    Account[4], "account" {
        /// The policy gives it away.
        Free = "free",
        /// The customer pays.
        Billable = "billable",
        /// Already paid for, by an accepted quote or prepaid time; the amount is zero.
        Covered = "covered",
        /// It would cost, but something that must come first is missing; the provider bears it.
        Withheld = "withheld",
    }
}

/// What diagnosis establishes; the policy's table turns it into a [`Class`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Findings {
    /// The behaviour against the agreed target.
    pub behaviour: Behaviour,
    /// The technical cause.
    pub cause: FaultCause,
    /// Whether it shows in a standard environment.
    pub reproducible_in_standard: Reproducible,
    /// Whether security is concerned.
    pub security_relevant: bool,
}

impl Findings {
    /// How many different findings there are.
    pub const COUNT: usize = Behaviour::ALL.len() * FaultCause::ALL.len() * Reproducible::ALL.len() * 2;

    /// Every combination of facts, once, in the order of [`Findings::index`].
    pub fn all() -> impl Iterator<Item = Self> {
        Behaviour::ALL.into_iter().flat_map(|behaviour| {
            FaultCause::ALL.into_iter().flat_map(move |cause| {
                Reproducible::ALL.into_iter().flat_map(move |reproducible_in_standard| {
                    [false, true].map(|security_relevant| Self {
                        behaviour,
                        cause,
                        reproducible_in_standard,
                        security_relevant,
                    })
                })
            })
        })
    }

    /// The place of this combination in [`Findings::all`], below [`Findings::COUNT`].
    #[must_use]
    pub const fn index(self) -> usize {
        let causes = self.behaviour as usize * FaultCause::ALL.len() + self.cause as usize;
        let tests = causes * Reproducible::ALL.len() + self.reproducible_in_standard as usize;
        tests * 2 + self.security_relevant as usize
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "behaviour {}, cause {}, reproducible {}, {}",
            self.behaviour,
            self.cause,
            self.reproducible_in_standard,
            if self.security_relevant { "security-relevant" } else { "not security-relevant" },
        )
    }
}
