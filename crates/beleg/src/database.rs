//! `beleg database`: what an administrator does to a PostgreSQL before the first server, and after a new version.

use crate::args;
use crate::failure::{Failure, Outcome};
use crate::said::Said;
use crate::screen::complain;
use crate::session::Session;
use crate::storage::from_environment;
use beleg_store::{PostgresOptions, Roles};
use serde_json::json;

/// The administrator's URL, and the passwords of both roles, where they are not to be seen as arguments.
const ADMIN: &str = "BELEG_DATABASE_ADMIN";
const OWNER_PASSWORD: &str = "BELEG_OWNER_PASSWORD";
const SERVICE_PASSWORD: &str = "BELEG_SERVICE_PASSWORD";

/// Bytes of a password made here.
const PASSWORD_BYTES: usize = 24;

/// Creates roles and schemas, or brings them up to date.
pub(crate) async fn run(session: &Session, args: args::Database) -> Result<Outcome, Failure> {
    let args::Database::Init(args) = args;
    let lang = session.lang;
    let admin = args.admin.or_else(|| from_environment(ADMIN)).ok_or_else(|| {
        Failure::Usage(Said::new(
            format!("Als wer? Angeben: --admin URL (oder {ADMIN} setzen)"),
            format!("as whom? give --admin URL (or set {ADMIN})"),
        ))
    })?;
    if args.owner == args.service {
        let role = &args.owner;
        return Err(Failure::Usage(Said::new(
            format!("--owner und --service sind beide {role}: wer dient, darf die Tabellen nicht besitzen"),
            format!("--owner and --service are both {role}: who serves must not own the tables"),
        )));
    }
    let options = PostgresOptions::default();
    let place = lang.pick("Datenbank", "database");
    let failed = |error: beleg_store::OpenError| Failure::Store { place: place.to_owned(), error: error.into() };
    let mut roles = Roles { owner: args.owner, owner_password: None, service: args.service, service_password: None };
    let missing = roles.missing(&admin, options).await.map_err(failed)?;
    let mut made = Vec::new();
    for (role, variable, password) in [
        (roles.owner.clone(), OWNER_PASSWORD, &mut roles.owner_password),
        (roles.service.clone(), SERVICE_PASSWORD, &mut roles.service_password),
    ] {
        *password = from_environment(variable);
        // A role that is there keeps what it has: servers may be using it.
        if password.is_none() && missing.contains(&role) {
            let new = new_password()?;
            made.push((role, new.clone()));
            *password = Some(new);
        }
    }
    let done = roles.init(&admin, options).await.map_err(failed);
    if done.is_err() {
        // The roles may be there already, and then their passwords are shown now or never. The error that follows is
        // why; what cannot be asked is told as well.
        let missing = roles.missing(&admin, options).await.unwrap_or_default();
        made.retain(|(role, _)| !missing.contains(role));
        for (role, password) in &made {
            complain(lang.pick(
                format!("Rolle {role} ist angelegt, ihr Kennwort nur hier gezeigt: {password}"),
                format!("role {role} is created, its password shown here only: {password}"),
            ));
        }
    }
    done?;
    tell(session, &roles, &missing, &made)
}

fn tell(session: &Session, roles: &Roles, missing: &[String], made: &[(String, String)]) -> Result<Outcome, Failure> {
    let (screen, lang) = (&session.screen, session.lang);
    let password_of = |role: &str| made.iter().find(|(of, _)| of == role).map(|(_, password)| password);
    if screen.is_json() {
        let role = |name: &str| json!({ "name": name, "created": missing.iter().any(|one| one == name), "password": password_of(name) });
        screen.json(&json!({
            "owner": role(&roles.owner), "service": role(&roles.service), "schemas": Roles::SCHEMAS,
        }))?;
        return Ok(Outcome::Good);
    }
    let what = [
        (
            &roles.owner,
            lang.pick(
                "besitzt die Schemata, migriert und baut Sichten neu",
                "owns the schemas, migrates, rebuilds views",
            ),
        ),
        (&roles.service, lang.pick("dient: liest, hängt an, löscht Texte", "serves: reads, appends, erases texts")),
    ];
    for (role, duty) in what {
        let state = match missing.contains(role) {
            true => lang.pick("angelegt", "created"),
            false => lang.pick("war da", "was there"),
        };
        screen.line(format!("{} {role}: {state}; {duty}", lang.pick("Rolle", "role")))?;
    }
    for schema in Roles::SCHEMAS {
        screen.line(format!(
            "{} {schema}: {}",
            lang.pick("Schema", "schema"),
            lang.pick("auf dem Stand dieses Programms", "up to date with this program")
        ))?;
    }
    if !made.is_empty() {
        screen.line(
            lang.pick("\nNeue Kennwörter, hier und nur jetzt gezeigt:", "\nnew passwords, shown here and now only:"),
        )?;
        for (role, password) in made {
            screen.line(format!("  {role}  {password}"))?;
        }
    }
    screen.line(lang.pick(
        format!(
            "\nDienen: BELEG_DATABASE='postgres://{}:KENNWORT@HOST/NAME?sslmode=verify-full' beleg serve",
            roles.service
        ),
        format!(
            "\nserve: BELEG_DATABASE='postgres://{}:PASSWORD@HOST/NAME?sslmode=verify-full' beleg serve",
            roles.service
        ),
    ))?;
    Ok(Outcome::Good)
}

/// Letters that need no escape in a URL.
fn new_password() -> Result<String, Failure> {
    let mut random = [0; PASSWORD_BYTES];
    getrandom::fill(&mut random).map_err(|_| Failure::NoRandomness)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
