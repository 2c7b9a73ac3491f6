//! Something said to people in both languages, where it is not known yet which one they read.

use crate::lang::Lang;
use std::error::Error;
use std::fmt;

/// In German before what others said in their own words.
pub(crate) const QUOTED: &str = "im Wortlaut:";

/// The same in German and English. As an error among others it speaks English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    de: String,
    en: String,
}

impl Said {
    pub(crate) fn new(de: impl Into<String>, en: impl Into<String>) -> Self {
        Self { de: de.into(), en: en.into() }
    }

    /// A library's words, which are English: quoted where German is read.
    pub(crate) fn quoted(words: impl fmt::Display) -> Self {
        Self { de: format!("{QUOTED} {words}"), en: words.to_string() }
    }

    /// In one of them.
    pub(crate) fn in_(self, lang: Lang) -> String {
        lang.pick(self.de, self.en)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

impl Error for Said {}
