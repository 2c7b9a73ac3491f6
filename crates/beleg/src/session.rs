//! What holds for a whole call of `beleg`: language, form of output, server, actor.

use crate::args::{Args, Command, Output};
use crate::client::Client;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::screen::{Screen, complain};
use crate::{fault_json, help_german, parser_german};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

/// Where a server listens unless it was told otherwise.
const SERVER: &str = "http://127.0.0.1:7311";

/// The checked global arguments.
pub(crate) struct Session {
    /// Language of everything said to people.
    pub(crate) lang: Lang,
    /// Where output goes and in which form.
    pub(crate) screen: Screen,
    /// The server's address.
    pub(crate) server: String,
    /// Who acts, if the caller said so.
    pub(crate) actor: Option<String>,
}

impl Session {
    /// A connection to the server that was named, in the name of the caller.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let actor = self.actor.clone().unwrap_or_else(|| {
            let user = std::env::var("USER").unwrap_or_default();
            let plain = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_graphic());
            format!("cli:{}", if plain { user.as_str() } else { "unknown" })
        });
        let client = Client::connect(&self.server, &actor).await?;
        client.meet(&self.server).await?;
        Ok(client)
    }
}

/// An end before any work was begun.
pub(crate) struct Early {
    error: clap::Error,
    lang: Lang,
}

impl Early {
    /// Prints help, version or what was wrong with the arguments.
    pub(crate) fn leave(self) -> ExitCode {
        let Self { error, lang } = self;
        if error.use_stderr() && fault_json::asked_for(std::env::args_os()) {
            complain(fault_json::of_usage(&error, lang));
        } else if let Some(said) = parser_german::of(&error).filter(|_| lang == Lang::De) {
            complain(said);
        } else {
            // Nothing is left to do when even this cannot be printed.
            let _ = error.print();
        }
        if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
    }
}

/// Parses the arguments.
pub(crate) fn begin() -> Result<(Session, Command), Early> {
    // Known before the rest is understood: what is wrong with it is said in that language.
    let lang = Lang::asked_for(std::env::args_os()).unwrap_or_else(Lang::of_the_environment);
    let early = |error| Early { error, lang };
    let command = match lang {
        Lang::De => help_german::put_into(Args::command()),
        Lang::En => Args::command(),
    };
    let matches = command.clone().try_get_matches().map_err(early)?;
    let args = Args::from_arg_matches(&matches).map_err(early)?;
    for (given, name) in [(args.server.is_some(), "--server"), (args.actor.is_some(), "--actor")] {
        if given && !args.command.calls_a_server() {
            let said = lang.pick(
                format!("{name} bedeutet hier nichts: dieser Befehl ruft keinen Server, der schon läuft"),
                format!("{name} means nothing here: this command calls no server that is running already"),
            );
            return Err(early(command.clone().error(ErrorKind::ArgumentConflict, said)));
        }
    }
    let server = args.server.unwrap_or_else(|| SERVER.to_owned());
    let screen = Screen::new(args.output == Output::Json, lang);
    let session = Session { lang, screen, server, actor: args.actor };
    Ok((session, args.command))
}
