//! What makes a document a policy. Every check runs, and all of them report together.

use std::collections::{BTreeMap, BTreeSet};

use super::classify::{self, Kind, Row, Table};
use super::document::{ClauseEntry, Document, RowEntry, RuleEntry, Text};
use super::names::{ClauseId, Required, RuleId, is_word};
use super::problem::{Problem, shown};
use super::{Clause, Limits, Rule};
use crate::facts::{Account, Class, FaultCause, Findings};

const NAME_BYTES_MAX: usize = 32;
const INITIAL_DIAGNOSIS_MINUTES_MAX: i64 = 1_440;
const LATE_ENTRY_HOURS_MAX: i64 = 8_760;
const LATE_WORK_DAYS_MAX: i64 = 3_660;

/// Most problems that are listed one by one.
const PROBLEMS_MAX: usize = 200;

/// The parts of a policy, once nothing is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) limits: Limits,
    pub(super) clauses: Vec<Clause>,
    pub(super) rules: Vec<Rule>,
    pub(super) rows: Vec<Row>,
    pub(super) table: Table,
    pub(super) kinds: Kinds,
}

/// Who pays, for every class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds([Kind; Class::ALL.len()]);

impl Kinds {
    /// Total: there is a place for every class.
    pub(super) fn of(self, class: Class) -> Kind {
        self.0[class as usize]
    }
}

/// The account of every rule defined, by id. A duplicate's later definition is reported and not used.
type Accounts<'a> = BTreeMap<&'a str, Option<Account>>;

/// Who gives a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Its author, who can still mend it.
    Author,
    /// The log, where it stays as it was published. What an earlier check let through must be readable for as long as
    /// tickets rest on it.
    Log,
}

pub(super) fn check(document: &Document, source: Source) -> Result<Checked, Vec<Problem>> {
    let mut problems = Vec::new();
    let accounts: Accounts<'_> = document.rule.iter().rev().map(|rule| (rule.id.as_str(), rule.account)).collect();

    check_name(document, &mut problems);
    check_limits(document, &mut problems);
    check_texts(document, source, &mut problems);
    check_clauses(document, &mut problems);
    check_rules(document, &mut problems);
    check_required(&accounts, &mut problems);
    for row in &document.classification {
        check_classifier(row, &accounts, &mut problems);
        check_charges(row, &accounts, &mut problems);
    }
    check_one_class_per_rule(&document.classification, &mut problems);
    for class in Class::ALL {
        check_class(class, &document.classification, &accounts, &mut problems);
    }
    problems.extend(classify::coverage(&document.classification));

    // The parts are missing only where a problem says why; were a check above forgotten, this still refuses.
    match (problems.is_empty(), parts(document, &accounts)) {
        (true, Some(checked)) => Ok(checked),
        _ => Err(bounded(problems)),
    }
}

fn bounded(mut problems: Vec<Problem>) -> Vec<Problem> {
    let unlisted = problems.len().saturating_sub(PROBLEMS_MAX);
    problems.truncate(PROBLEMS_MAX);
    if unlisted > 0 {
        problems.push(Problem::More { count: unlisted });
    }
    problems
}

fn check_name(document: &Document, problems: &mut Vec<Problem>) {
    if !is_word(&document.name) || document.name.len() > NAME_BYTES_MAX {
        problems.push(Problem::MalformedName { name: shown(&document.name) });
    }
}

fn check_limits(document: &Document, problems: &mut Vec<Problem>) {
    let limits = &document.limits;
    let checks = [
        ("initial_diagnosis_minutes", limits.initial_diagnosis_minutes, INITIAL_DIAGNOSIS_MINUTES_MAX),
        ("late_entry_hours", limits.late_entry_hours, LATE_ENTRY_HOURS_MAX),
        ("late_work_days", limits.late_work_days, LATE_WORK_DAYS_MAX),
    ];
    for (limit, value, value_max) in checks {
        if !(0..=value_max).contains(&value) {
            problems.push(Problem::LimitOutOfRange { limit, value, value_max });
        }
    }
}

fn check_texts(document: &Document, source: Source, problems: &mut Vec<Problem>) {
    let mut check = |place: String, field: &'static str, text: &str| {
        if text.trim().is_empty() {
            problems.push(Problem::MissingText { place, field });
        } else if let Some(character) = control_character(text).filter(|_| source == Source::Author) {
            problems.push(Problem::ControlCharacter { place, field, character });
        }
    };
    check("title".to_owned(), "de", &document.title.de);
    check("title".to_owned(), "en", &document.title.en);
    for clause in &document.clause {
        let place = format!("clause {:?}", shown(&clause.id));
        check(place.clone(), "heading", &clause.heading);
        check(place.clone(), "de", &clause.de);
        check(place, "en", &clause.en);
    }
    for rule in &document.rule {
        let place = format!("rule {:?}", shown(&rule.id));
        check(place.clone(), "de", &rule.de);
        check(place, "en", &rule.en);
    }
}

/// Texts go to terminals, which obey what is no text. The carriage return is that of a file with lines ending in CR LF.
fn control_character(text: &str) -> Option<char> {
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let ends_a_line = letter == '\r' && letters.peek() == Some(&'\n');
        if letter.is_control() && !matches!(letter, '\n' | '\t') && !ends_a_line {
            return Some(letter);
        }
    }
    None
}

fn check_clauses(document: &Document, problems: &mut Vec<Problem>) {
    let resting: BTreeSet<&str> = document.rule.iter().map(|rule| rule.clause.as_str()).collect();
    let mut seen = BTreeSet::new();
    for ClauseEntry { id, .. } in &document.clause {
        if ClauseId::parse(id).is_none() {
            problems.push(Problem::MalformedClauseId { id: shown(id) });
        }
        if !seen.insert(id.as_str()) {
            problems.push(Problem::DuplicateClause { id: shown(id) });
        } else if !resting.contains(id.as_str()) {
            problems.push(Problem::UnusedClause { clause: shown(id) });
        }
    }
}

fn check_rules(document: &Document, problems: &mut Vec<Problem>) {
    let clauses: BTreeSet<&str> = document.clause.iter().map(|clause| clause.id.as_str()).collect();
    let used = used_rules(document);
    let mut seen = BTreeSet::new();
    for RuleEntry { id, account, clause, .. } in &document.rule {
        match RuleId::parse(id) {
            None => problems.push(Problem::MalformedRuleId { id: shown(id) }),
            Some(parsed) if parsed.promised_account() != *account => {
                let expected = parsed.promised_account();
                problems.push(Problem::WrongAccount { rule: shown(id), expected, found: *account });
            }
            Some(_) => {}
        }
        if !clauses.contains(clause.as_str()) {
            problems.push(Problem::UnknownClause { rule: shown(id), clause: shown(clause) });
        }
        if !seen.insert(id.as_str()) {
            problems.push(Problem::DuplicateRule { id: shown(id) });
        } else if !used.contains(id.as_str()) {
            problems.push(Problem::UnusedRule { rule: shown(id) });
        }
    }
}

fn used_rules(document: &Document) -> BTreeSet<&str> {
    let by_rows = document.classification.iter().flat_map(|row| {
        let charges = charges(row).map(String::as_str);
        charges.chain([row.rule.as_str()])
    });
    by_rows.chain(Required::ALL.map(Required::as_str)).collect()
}

fn charges(row: &RowEntry) -> impl Iterator<Item = &String> {
    std::iter::once(&row.charge).chain(row.charge_by_cause.values())
}

/// That a required rule has the right account follows from its id, which [`check_rules`] compares.
fn check_required(accounts: &Accounts<'_>, problems: &mut Vec<Problem>) {
    for required in Required::ALL {
        if !accounts.contains_key(required.as_str()) {
            problems.push(Problem::MissingRule { rule: required.as_str(), account: required.account() });
        }
    }
}

fn check_classifier(row: &RowEntry, accounts: &Accounts<'_>, problems: &mut Vec<Problem>) {
    let rule = || shown(&row.rule);
    match accounts.get(row.rule.as_str()) {
        None => problems.push(Problem::UnknownClassifier { rule: rule() }),
        Some(Some(account)) => {
            problems.push(Problem::ClassifierWithAccount { rule: rule(), account: *account });
        }
        Some(None) => {}
    }
    if !Findings::all().any(|findings| row.when.holds(&findings)) {
        problems.push(Problem::EmptyRow { rule: rule() });
    }
}

fn check_charges(row: &RowEntry, accounts: &Accounts<'_>, problems: &mut Vec<Problem>) {
    for charge in charges(row) {
        let (rule, shown_charge) = (shown(&row.rule), shown(charge));
        match accounts.get(charge.as_str()) {
            None => problems.push(Problem::UnknownCharge { rule, charge: shown_charge }),
            Some(None) => problems.push(Problem::ChargeWithoutAccount { rule, charge: shown_charge }),
            Some(Some(account)) if is_reserved(charge, *account) => {
                problems.push(Problem::ReservedCharge { rule, charge: shown_charge });
            }
            Some(Some(_)) => {}
        }
    }
    let applies_to: BTreeSet<FaultCause> =
        Findings::all().filter(|findings| row.when.holds(findings)).map(|findings| findings.cause).collect();
    for cause in row.charge_by_cause.keys().filter(|cause| !applies_to.contains(cause)) {
        problems.push(Problem::StrayCharge { rule: shown(&row.rule), cause: *cause });
    }
}

/// A quote's price, cover, exemptions and the like depend on more than a class. Withheld is left to
/// [`check_class`], which knows the one class that may use it.
fn is_reserved(charge: &str, account: Account) -> bool {
    let mut required = Required::ALL.iter().filter(|required| required.account() != Account::Withheld);
    account == Account::Covered || required.any(|required| required.as_str() == charge)
}

fn check_one_class_per_rule(rows: &[RowEntry], problems: &mut Vec<Problem>) {
    let mut classes: BTreeMap<&str, Class> = BTreeMap::new();
    for row in rows {
        let first = *classes.entry(&row.rule).or_insert(row.class);
        if first != row.class {
            let rule = shown(&row.rule);
            problems.push(Problem::ClassifierWithTwoClasses { rule, first, second: row.class });
        }
    }
}

/// A class is all free or all billable; only undetermined is withheld, and always by the same rule.
fn check_class(class: Class, rows: &[RowEntry], accounts: &Accounts<'_>, problems: &mut Vec<Problem>) {
    let mut first: Option<(&str, Account)> = None;
    for charge in rows.iter().filter(|row| row.class == class).flat_map(charges) {
        let account = accounts.get(charge.as_str()).copied().flatten();
        if class == Class::Undetermined {
            if charge != Required::WithheldUnclassified.as_str() {
                problems.push(Problem::ChargedUndetermined { charge: shown(charge) });
            }
        } else if account == Some(Account::Withheld) {
            problems.push(Problem::WithheldClass { class, charge: shown(charge) });
        } else if let Some(account) = account {
            let (first, first_account) = *first.get_or_insert((charge, account));
            if first_account != account {
                let (first, second) = (shown(first), shown(charge));
                problems.push(Problem::MixedClass { class, first, second });
            }
        }
    }
    if rows.iter().all(|row| row.class != class) {
        problems.push(Problem::ClassWithoutRow { class });
    }
}

/// The typed parts; none where one of them is malformed, which the checks report.
fn parts(document: &Document, accounts: &Accounts<'_>) -> Option<Checked> {
    let rows: Vec<Row> = document.classification.iter().map(row).collect::<Option<_>>()?;
    let kinds = Class::ALL.map(|class| kind(class, &document.classification, accounts));
    Some(Checked {
        limits: limits(document)?,
        clauses: document.clause.iter().map(clause).collect::<Option<_>>()?,
        rules: document.rule.iter().map(rule).collect::<Option<_>>()?,
        table: Table::unroll(&rows)?,
        rows,
        kinds: Kinds(kinds),
    })
}

fn limits(document: &Document) -> Option<Limits> {
    const HOUR_US: i64 = 3_600 * 1_000_000;
    Some(Limits {
        initial_diagnosis_seconds: document.limits.initial_diagnosis_minutes.checked_mul(60)?,
        late_entry_us: document.limits.late_entry_hours.checked_mul(HOUR_US)?,
        late_work_us: document.limits.late_work_days.checked_mul(24 * HOUR_US)?,
    })
}

fn clause(entry: &ClauseEntry) -> Option<Clause> {
    Some(Clause {
        id: ClauseId::parse(&entry.id)?,
        heading: entry.heading.clone(),
        text: Text { de: entry.de.clone(), en: entry.en.clone() },
    })
}

fn rule(entry: &RuleEntry) -> Option<Rule> {
    Some(Rule {
        id: RuleId::parse(&entry.id)?,
        account: entry.account,
        clause: ClauseId::parse(&entry.clause)?,
        text: Text { de: entry.de.clone(), en: entry.en.clone() },
    })
}

fn row(entry: &RowEntry) -> Option<Row> {
    let charge_by_cause = entry.charge_by_cause.iter();
    Some(Row {
        rule: RuleId::parse(&entry.rule)?,
        class: entry.class,
        when: entry.when.clone(),
        charge: RuleId::parse(&entry.charge)?,
        charge_by_cause: charge_by_cause
            .map(|(cause, charge)| Some((*cause, RuleId::parse(charge)?)))
            .collect::<Option<_>>()?,
    })
}

/// What [`check_class`] found to be one answer for the whole class.
fn kind(class: Class, rows: &[RowEntry], accounts: &Accounts<'_>) -> Kind {
    let of_class = |row: &&RowEntry| row.class == class;
    match rows.iter().find(of_class).and_then(|row| accounts.get(row.charge.as_str())) {
        Some(Some(Account::Free)) => Kind::Free,
        Some(Some(Account::Billable)) => Kind::Chargeable,
        _ => Kind::Undetermined,
    }
}
