//! What log, views, audits and the system say when something fails, in German.
//!
//! Each case of ours has its sentence here, and a new one does not compile without. What a library or the database said
//! in its own words is quoted after [`QUOTED`].

use crate::said::QUOTED;
use beleg_server::ServeError;
use beleg_server::audit::AuditError;
use beleg_store::{
    ClockKind, Damage, Excess, Foreign, MoveError, OpenError, Property, ReadError, UnavailableReason, ViewError,
    ViewsOpenError, own_words,
};
use std::error::Error;
use std::io::{self, ErrorKind};

/// Any error in German, as far as this program knows it.
pub(crate) fn of(error: &(dyn Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<ServeError>() {
        return serving(error);
    }
    if let Some(error) = error.downcast_ref::<AuditError>() {
        return audit(error);
    }
    if let Some(error) = error.downcast_ref::<MoveError>() {
        return moving(error);
    }
    if let Some(error) = error.downcast_ref::<ViewsOpenError>() {
        return views_opening(error);
    }
    if let Some(error) = error.downcast_ref::<OpenError>() {
        return opening(error);
    }
    if let Some(error) = error.downcast_ref::<ViewError>() {
        return views(error);
    }
    if let Some(error) = error.downcast_ref::<ReadError>() {
        return reading(error);
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return system(error);
    }
    quoted(error)
}

/// What the system says, by its kind.
pub(crate) fn system(error: &io::Error) -> String {
    if let Some(inner) = error.get_ref() {
        return if inner.to_string().starts_with("failed to lookup address") {
            "der Name des Rechners ist unbekannt".to_owned()
        } else {
            of(inner)
        };
    }
    let words = match error.kind() {
        ErrorKind::NotFound => "nicht gefunden",
        ErrorKind::PermissionDenied => "der Zugriff ist nicht erlaubt",
        ErrorKind::AlreadyExists => "schon vorhanden",
        ErrorKind::IsADirectory => "das ist ein Verzeichnis",
        ErrorKind::NotADirectory => "das ist kein Verzeichnis",
        ErrorKind::StorageFull => "kein Platz mehr",
        ErrorKind::ReadOnlyFilesystem => "der Datenträger erlaubt nur Lesen",
        ErrorKind::AddrInUse => "die Adresse ist schon belegt",
        ErrorKind::AddrNotAvailable => "diese Adresse hat der Rechner nicht",
        ErrorKind::ConnectionRefused => "die Verbindung wurde abgelehnt",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            "die Verbindung wurde getrennt"
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            "der Rechner ist nicht zu erreichen"
        }
        ErrorKind::TimedOut => "keine rechtzeitige Antwort",
        ErrorKind::UnexpectedEof => "der Inhalt endet zu früh",
        ErrorKind::InvalidData => "der Inhalt ist kein Text in UTF-8",
        ErrorKind::NotConnected => "es besteht keine Verbindung",
        _ => return format!("{QUOTED} {error}"),
    };
    match error.raw_os_error() {
        Some(number) => format!("{words} (Systemfehler {number})"),
        None => words.to_owned(),
    }
}

/// What a database or a library says: the system's part of it in German, the rest as it is.
fn quoted(error: &(dyn Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return system(error);
        }
        cause = error.source();
    }
    format!("{QUOTED} {}", own_words(error))
}

fn serving(error: &ServeError) -> String {
    match error {
        ServeError::Open(error) => opening(error),
        ServeError::Views(error) => views_opening(error),
        ServeError::Read(said) => format!("was das Protokoll enthält, lässt sich nicht lesen; {QUOTED} {said}"),
        ServeError::Transport(error) => format!("die Übertragung ist gescheitert; {}", quoted(error)),
    }
}

fn audit(error: &AuditError) -> String {
    match error {
        AuditError::InUse { data } => format!("auf {} läuft ein Server oder ein Import", data.display()),
        AuditError::Open(error) => opening(error),
        AuditError::Views(error) => views_opening(error),
        AuditError::Log(error) => reading(error),
        AuditError::Build { after, problem } => {
            format!("nach Position {after} ließ sich das Protokoll nicht in die Sichten aufnehmen; {QUOTED} {problem}")
        }
        AuditError::Read(said) => format!("die Prüfung kam nicht zu Ende; {QUOTED} {said}"),
    }
}

fn moving(error: &MoveError) -> String {
    match error {
        MoveError::Open(error) => opening(error),
        MoveError::Read(error) => format!("im Verzeichnis: {}", reading(error)),
        MoveError::NotEmpty { path, events } => {
            format!("{} enthält schon ein Protokoll mit {events} Ereignissen", path.display())
        }
        MoveError::Damaged { position } => format!(
            "das Ereignis an Position {position} ist nicht das, dessen Prüfsumme gebildet wurde: nichts wurde \
             umgezogen; beleg verify sagt mehr"
        ),
        MoveError::Differs { position } => format!(
            "die Datenbank gibt an Position {position} ein anderes Ereignis oder eine andere Anfrage zurück, als sie \
             bekam"
        ),
        MoveError::Database(error) => {
            format!("die Datenbank: {}; noch einmal starten: was nicht ganz da ist, ist gar nicht da", quoted(error))
        }
    }
}

fn views_opening(error: &ViewsOpenError) -> String {
    match error {
        ViewsOpenError::Open(error) => opening(error),
        ViewsOpenError::Views(error) => views(error),
        ViewsOpenError::Log(error) => reading(error),
        ViewsOpenError::Missing { path } => {
            format!("unter {} gibt es keine Sichten: den Server einmal starten, oder beleg rebuild", path.display())
        }
        ViewsOpenError::NotAllowed { path } => format!(
            "diese Rolle darf in {} keine Sichten anlegen: die URL der Rolle nehmen, der sie gehören, siehe beleg \
             database init",
            path.display()
        ),
        ViewsOpenError::TooMany { path } => {
            format!("in {} entstehen schon zu viele Sichten neu: warten, bis eine davon fertig ist", path.display())
        }
        ViewsOpenError::Foreign { path, what } => format!(
            "die Sichten unter {} gehören nicht zum Protokoll daneben: {}. Sie lassen sich aus dem Protokoll neu \
             aufbauen; zuerst nachsehen, ob es das richtige ist, dann: beleg rebuild",
            path.display(),
            foreign(what)
        ),
    }
}

fn foreign(what: &Foreign) -> String {
    match what {
        Foreign::Log { theirs, this } => {
            format!("sie entstanden aus dem Protokoll {theirs}, dieses hier ist {this}")
        }
        Foreign::Ahead { position, head } => {
            format!("sie stehen bei Position {position}, das Protokoll endet bei {head}")
        }
        Foreign::Event { position } => format!("das Protokoll hat an Position {position} ein anderes Ereignis"),
    }
}

fn opening(error: &OpenError) -> String {
    match error {
        OpenError::Missing { path } => {
            format!("unter {} gibt es kein Protokoll: den Server einmal starten", path.display())
        }
        OpenError::NoLog { path } => format!(
            "{} enthält kein Protokoll: beleg database init bereitet eine Datenbank vor, und das erste beleg serve \
             --database legt ihr Protokoll an",
            path.display()
        ),
        OpenError::Unreadable { path } => format!(
            "{} darf nicht gelesen werden: dem Benutzer, als der dieses Programm läuft, das Recht dazu geben, oder es \
             als einer starten, der es hat",
            path.display()
        ),
        OpenError::NoDirectory { path } => {
            format!("{} ist kein Verzeichnis, und --data muss eines sein", path.display())
        }
        OpenError::InUse { path } => format!(
            "{} ist gesperrt: ein anderer Prozess schreibt dieses Protokoll. Ihn zuerst anhalten, oder hier ein anderes \
             Verzeichnis angeben",
            path.display()
        ),
        OpenError::WrongClock { found, wanted } => format!(
            "dieses Protokoll entstand mit {} und lässt sich nicht mit {} öffnen",
            clock(*found),
            clock(*wanted)
        ),
        OpenError::NewerSchema { path, found, known } => format!(
            "{} hat das Schema {found}, dieses Programm kennt {known}: das neuere Programm nehmen",
            path.display()
        ),
        OpenError::OlderSchema { path, found, known } => format!(
            "{} hat das Schema {found}, dieses Programm liest {known}: einmal zum Schreiben öffnen",
            path.display()
        ),
        OpenError::NotOurs { path } => {
            format!("{} ist die Datenbank eines anderen Programms: ein anderes Verzeichnis angeben", path.display())
        }
        OpenError::OtherBuild { path, version } => {
            format!(
                "{} hat das Schema {version} eines anders gebauten Programms: dieses verwenden oder einen anderen Ort \
                 angeben",
                path.display()
            )
        }
        OpenError::NotMigrated { path, found, known } => format!(
            "{} hat das Schema {found}, dieses Programm braucht {known}: beleg database init mit der Rolle, der es \
             gehört",
            path.display()
        ),
        OpenError::ServersRunning { path, found, known } => format!(
            "{} hat das Schema {found}, dieses Programm braucht {known}, und es laufen Server, die {found} brauchen: sie \
             zuerst anhalten",
            path.display()
        ),
        OpenError::OtherBuildRunning { path } => {
            format!("{} benutzen Server eines anders gebauten beleg: sie zuerst anhalten", path.display())
        }
        OpenError::Excess { role, excess: found, cure } => format!(
            "die Rolle {role} {}; wer mit ihr dient, könnte ändern, was aufgezeichnet ist: ihr das über die URL des \
             Administrators nehmen ({cure}){}; getan wurde nichts",
            excess(found),
            besides(found)
        ),
        OpenError::ReadOnly { path } => format!(
            "{} darf nicht geschrieben werden: das Verzeichnis dem Benutzer geben, als der dieses Programm läuft",
            path.display()
        ),
        OpenError::Ahead { path, ahead } => format!(
            "{} lässt sich nicht lesen, wo nichts geschrieben werden darf, denn {} enthält, was darin noch fehlt: das \
             ganze Verzeichnis dorthin kopieren, wo geschrieben werden darf, und die Kopie lesen",
            path.display(),
            ahead.display()
        ),
        OpenError::NoSpace { path } => format!(
            "{} lässt sich nicht öffnen, denn dort ist kein Platz mehr: Platz schaffen, dann neu starten",
            path.display()
        ),
        OpenError::OldSqlite { found, needed } => format!("SQLite {found} ist zu alt, nötig ist mindestens {needed}"),
        OpenError::OldPostgres { found, needed } => {
            format!("PostgreSQL {found} ist zu alt, nötig ist mindestens {needed}")
        }
        OpenError::Corrupt { path, damage: found } => {
            format!("{} ist kein unversehrtes Protokoll: {}", path.display(), damage(found))
        }
        OpenError::Url { source } => format!("die URL der Datenbank ist keine; {}", quoted(source)),
        OpenError::Io { path, source } => format!("{}: {}", path.display(), system(source)),
        OpenError::Database { path, source } => format!("{}: {}", path.display(), quoted(source)),
        OpenError::Away { path, waited_seconds, source } => format!(
            "{} antwortet seit {waited_seconds} s nicht ({}): die Datenbank starten, oder Rechner und Port in ihrer URL \
             berichtigen",
            path.display(),
            quoted(source)
        ),
        OpenError::Tls { path, reason } => format!(
            "{}: keine Verbindung über TLS ({QUOTED} {reason}): den Namen des Rechners, sslmode oder sslrootcert in \
             ihrer URL berichtigen",
            path.display()
        ),
        OpenError::Migration { path, source } => format!("{}: {}", path.display(), quoted(source)),
        OpenError::Random => "das System liefert keine Zufallszahlen".to_owned(),
    }
}

fn excess(excess: &Excess) -> String {
    match excess {
        Excess::Superuser => "ist ein Superuser".to_owned(),
        Excess::CreatesRoles => "darf Rollen anlegen".to_owned(),
        Excess::Owns { what } => format!("besitzt {}", property(what)),
        Excess::Member { of } => format!("ist Mitglied von {of}"),
        Excess::MemberOfOwner { of, what } => format!("ist Mitglied der Rolle {of}, die {} besitzt", property(what)),
    }
}

fn besides(excess: &Excess) -> String {
    let gives_away = ", was auch alles andere weggibt, das sie in dieser Datenbank besitzt, und ihre anderen Datenbanken \
                      (ein Eigentümer, der dabei entsteht, hat kein Kennwort, bis BELEG_OWNER_PASSWORD gesetzt ist)";
    match excess {
        Excess::Owns { what: Property::Schema(_) } => {
            format!("{gives_away}, oder sie mit --owner nennen und mit --service eine andere")
        }
        Excess::Owns { what: Property::InSchema(_) } => gives_away.to_owned(),
        Excess::Owns { what: Property::Database(_) }
        | Excess::Superuser
        | Excess::CreatesRoles
        | Excess::Member { .. }
        | Excess::MemberOfOwner { .. } => ", oder mit --service eine andere Rolle nennen".to_owned(),
    }
}

fn property(property: &Property) -> String {
    match property {
        Property::Database(name) => format!("die Datenbank {name}"),
        Property::Schema(name) | Property::InSchema(name) => name.clone(),
    }
}

fn clock(kind: ClockKind) -> &'static str {
    match kind {
        ClockKind::System => "der Uhr des Rechners",
        ClockKind::Simulated => "einer gestellten Uhr (--simulated-clock)",
    }
}

fn reading(error: &ReadError) -> String {
    match error {
        ReadError::Unavailable { reason } => format!("das Protokoll ist nicht verfügbar: {}", unavailable(*reason)),
        ReadError::Corrupt { damage: found } => format!("das Protokoll ist beschädigt: {}", damage(found)),
        ReadError::Closed => "das Protokoll ist geschlossen".to_owned(),
    }
}

fn views(error: &ViewError) -> String {
    match error {
        ViewError::Unavailable { reason: UnavailableReason::ReadOnly } => {
            "die Sichten sind nicht verfügbar: ihre Datei darf nicht geschrieben werden".to_owned()
        }
        ViewError::Unavailable { reason } => format!("die Sichten sind nicht verfügbar: {}", unavailable(*reason)),
        ViewError::Broken { damage: found } => format!("die Sichten sind beschädigt: {}", damage(found)),
    }
}

fn unavailable(reason: UnavailableReason) -> &'static str {
    match reason {
        UnavailableReason::DiskFull => "der Datenträger ist voll",
        UnavailableReason::ReadOnly => "das Protokoll darf nicht geschrieben werden",
        UnavailableReason::Refused => {
            "die Datenbank lehnt es ab: sie erlaubt nur Lesen, oder der Rolle fehlt ein Recht"
        }
        UnavailableReason::Io => "Fehler beim Lesen oder Schreiben",
        UnavailableReason::Locked => "ein anderer Prozess hält die Datenbank gesperrt",
        UnavailableReason::Connection => "die Datenbank ist nicht zu erreichen",
        UnavailableReason::Corrupt => "das Gespeicherte ist beschädigt",
        UnavailableReason::Other => "die Datenbank hat versagt",
    }
}

/// What is wrong with something stored.
pub(crate) fn damage(damage: &Damage) -> String {
    match damage {
        Damage::Row => "eine Zeile lässt sich nicht lesen".to_owned(),
        Damage::Stream { position } => format!("der Ereignisstrom von Position {position} hat keinen Namen"),
        Damage::NoEvent { position } => format!("an Position {position} steht kein Ereignis"),
        Damage::Event { after } => format!("ein Ereignis nach Position {after} lässt sich nicht lesen"),
        Damage::Commitments { position } => format!("Position {position} hat Festlegungen in unbekannter Form"),
        Damage::PersonalText { position } => {
            format!("Position {position} hat einen persönlichen Text, mit dem sie nicht geschrieben wurde")
        }
        Damage::PersonalField { position, name } => format!("Position {position} hat kein persönliches Feld {name}"),
        Damage::SchemaVersion { position } => format!("Position {position} hat keine Version ihres Schemas"),
        Damage::Length { found, wanted } => format!("ein Wert hat {found} Byte statt {wanted}"),
        Damage::Beginning => "es beginnt nicht mit log_created".to_owned(),
        Damage::FirstEvent => "sein erstes Ereignis lässt sich nicht lesen".to_owned(),
        Damage::Clock => "seine Uhr ist von unbekannter Art".to_owned(),
        Damage::Encoding { found } => format!("die Datenbank ist in {found} kodiert, nötig ist UTF8"),
        Damage::Contradiction => "eine Zeile widerspricht dem, was da ist".to_owned(),
        Damage::File => "die Datei ist beschädigt".to_owned(),
        Damage::Database => "die Datenbank ist beschädigt".to_owned(),
        Damage::Checkpoint => "der Vermerk, wie weit sie sind, fehlt".to_owned(),
        Damage::Lost { table, named, found } => {
            format!("in {table} sind {named} Zeilen zu ändern, und {found} davon sind da")
        }
        Damage::NotBehind => "sie liegen nicht hinter dem, was aufzunehmen ist".to_owned(),
        Damage::Elsewhere => "sie liegen anderswo als die neu aufgebauten".to_owned(),
        Damage::Quoted(said) => format!("{QUOTED} {said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{of, system};
    use beleg_store::{Damage, Excess, OpenError, Property, ViewError};
    use std::io;

    #[test]
    fn what_the_store_says_is_german_through_all_its_layers() {
        let corrupt = OpenError::Corrupt { path: "log.sqlite".into(), damage: Damage::NoEvent { position: 7 } };
        assert_eq!(of(&corrupt), "log.sqlite ist kein unversehrtes Protokoll: an Position 7 steht kein Ereignis");
        let views = ViewError::Broken { damage: Damage::Database };
        assert_eq!(of(&views), "die Sichten sind beschädigt: die Datenbank ist beschädigt");
    }

    #[test]
    fn what_a_service_has_and_must_not_is_told_in_german_with_what_to_do() {
        let [database, schema, table] = [
            Property::Database("tickets".to_owned()),
            Property::Schema("beleg_log".to_owned()),
            Property::InSchema("beleg_log.events".to_owned()),
        ];
        let member = |what: &Property| Excess::MemberOfOwner { of: "dba".to_owned(), what: what.clone() };
        let (another, all) = ("mit --service eine andere Rolle nennen", "bis BELEG_OWNER_PASSWORD gesetzt ist)");
        for (excess, begins, ends) in [
            (Excess::Superuser, "ist ein Superuser", another),
            (Excess::CreatesRoles, "darf Rollen anlegen", another),
            (Excess::Member { of: "dba".to_owned() }, "ist Mitglied von dba", another),
            (member(&database), "ist Mitglied der Rolle dba, die die Datenbank tickets besitzt", another),
            (member(&table), "ist Mitglied der Rolle dba, die beleg_log.events besitzt", another),
            (Excess::Owns { what: database }, "besitzt die Datenbank tickets", another),
            (Excess::Owns { what: schema }, "besitzt beleg_log", "mit --owner nennen und mit --service eine andere"),
            (Excess::Owns { what: table }, "besitzt beleg_log.events", all),
        ] {
            let (role, cure) = ("beleg".to_owned(), "CURE".to_owned());
            let said = of(&OpenError::Excess { role, excess: Box::new(excess), cure });
            assert!(said.starts_with(&format!("die Rolle beleg {begins}; ")), "{said}");
            assert!(
                said.contains(" nehmen (CURE), ") && said.ends_with(&format!("{ends}; getan wurde nichts")),
                "{said}"
            );
        }
    }

    #[test]
    fn the_systems_words_are_told_by_their_kind_and_number() {
        assert_eq!(system(&io::Error::from_raw_os_error(2)), "nicht gefunden (Systemfehler 2)");
        assert_eq!(system(&io::Error::other("odd")), "im Wortlaut: odd");
    }
}
