//! The two languages the command line speaks.

use clap::ValueEnum;
use std::ffi::OsString;

/// German or English.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// Deutsch.
    De,
    /// English.
    En,
}

impl Lang {
    /// What the environment asks for, by the precedence POSIX gives its
    /// variables; anything but German is answered in English.
    pub(crate) fn of_the_environment() -> Self {
        let asked = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty());
        Self::of_locale(asked.as_deref())
    }

    /// What arguments ask for, before they are understood: the last `--lang`, wherever it stands.
    pub(crate) fn asked_for(arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut asked = None;
        let mut value_follows = false;
        for argument in arguments.skip(1).take_while(|argument| argument != "--") {
            let argument = argument.to_string_lossy();
            let value = match argument.strip_prefix("--lang=") {
                Some(value) => Some(value),
                None if value_follows => Some(&*argument),
                None => None,
            };
            asked = value.and_then(|value| Self::from_str(value, false).ok()).or(asked);
            value_follows = argument == "--lang";
        }
        asked
    }

    fn of_locale(locale: Option<&str>) -> Self {
        match locale {
            Some(name) if name == "de" || name.starts_with("de_") || name.starts_with("de.") => Self::De,
            _ => Self::En,
        }
    }

    /// The one of two that is in this language.
    pub(crate) fn pick<T>(self, de: T, en: T) -> T {
        match self {
            Self::De => de,
            Self::En => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lang;

    #[test]
    fn the_language_is_known_before_the_rest_makes_sense() {
        let asked = |line: &str| Lang::asked_for(line.split(' ').map(Into::into));
        assert_eq!(asked("beleg --lang de tickt list"), Some(Lang::De));
        assert_eq!(asked("beleg ticket list --lang=en --nonsense"), Some(Lang::En));
        assert_eq!(asked("beleg --lang fr status"), None);
        assert_eq!(asked("beleg import -- --lang de"), None);
        assert_eq!(asked("beleg --lang"), None);
    }

    #[test]
    fn german_locales_are_german_and_all_others_english() {
        for name in ["de", "de_AT", "de_DE.UTF-8", "de.UTF-8"] {
            assert_eq!(Lang::of_locale(Some(name)), Lang::De);
        }
        for name in ["den_XX", "C.UTF-8", "en_GB", "fr_FR"] {
            assert_eq!(Lang::of_locale(Some(name)), Lang::En);
        }
        assert_eq!(Lang::of_locale(None), Lang::En);
    }
}
