//! Everything that can be wrong with a policy, each with what its author needs to find and mend it.

use crate::facts::{Account, Class, FaultCause, Findings};

/// One reason why a document is no policy. Ids are repeated as written, cut to 80 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The document is larger than any policy may be.
    #[error("the document has {bytes} bytes; at most {bytes_max} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest size read.
        bytes_max: usize,
    },
    /// Not TOML, or a key or value that a policy does not have.
    #[error("{}{message}", .line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Toml {
        /// The line, counted from 1, where the parser knows it.
        line: Option<usize>,
        /// The parser's message.
        message: String,
    },
    /// Not JSON, or a key or value that a policy does not have.
    #[error("{message}")]
    Json {
        /// The parser's message with line and column.
        message: String,
    },
    /// JSON that holds a policy but is not in the canonical form its hash is taken of.
    #[error("the JSON is not in canonical form (RFC 8785), so its hash would not identify it")]
    NotCanonical,
    /// The policy's own name.
    #[error("name {name:?}: expected a lower-case letter, then at most 31 of a-z, 0-9 and -")]
    MalformedName {
        /// As written.
        name: String,
    },
    /// A limit that no policy may set.
    #[error("limits.{limit} is {value}; expected 0 to {value_max}")]
    LimitOutOfRange {
        /// The key.
        limit: &'static str,
        /// As written.
        value: i64,
        /// The largest value allowed.
        value_max: i64,
    },
    /// A clause number that is none.
    #[error("clause {id:?}: expected numbers joined by dots, such as 4.1")]
    MalformedClauseId {
        /// As written.
        id: String,
    },
    /// A rule id that is none.
    #[error("rule {id:?}: expected classify, free, billable, covered or withheld, a dot, and a name of a-z, 0-9 and -")]
    MalformedRuleId {
        /// As written.
        id: String,
    },
    /// Two clauses with one number.
    #[error("clause {id:?} is defined twice")]
    DuplicateClause {
        /// The number.
        id: String,
    },
    /// Two rules with one id.
    #[error("rule {id:?} is defined twice")]
    DuplicateRule {
        /// The id.
        id: String,
    },
    /// A translation or heading is missing or blank.
    #[error("{place}: the text {field:?} is missing or empty")]
    MissingText {
        /// The title, or the clause or rule.
        place: String,
        /// `de`, `en` or `heading`.
        field: &'static str,
    },
    /// A text holds a character that a terminal obeys instead of showing it.
    #[error(
        "{place}: the text {field:?} holds the control character U+{:04X}; a text may hold line ends and tabs, and no others",
        u32::from(*.character)
    )]
    ControlCharacter {
        /// The title, or the clause or rule.
        place: String,
        /// `de`, `en` or `heading`.
        field: &'static str,
        /// The first one.
        character: char,
    },
    /// A rule rests on a clause that does not exist.
    #[error("rule {rule:?} rests on clause {clause:?}, which is not defined")]
    UnknownClause {
        /// The rule.
        rule: String,
        /// The clause it names.
        clause: String,
    },
    /// A clause without consequence.
    #[error("clause {clause:?} has no rule that rests on it")]
    UnusedClause {
        /// The clause.
        clause: String,
    },
    /// A rule the program applies is not defined.
    #[error("rule {rule:?} with account {account} is required and not defined")]
    MissingRule {
        /// The rule's id.
        rule: &'static str,
        /// The account it must have.
        account: Account,
    },
    /// A rule posts to another account than its id promises.
    #[error("rule {rule:?} must have {}, not {}", account_words(*.expected), account_words(*.found))]
    WrongAccount {
        /// The rule.
        rule: String,
        /// What its first word promises; none for `classify`.
        expected: Option<Account>,
        /// As written.
        found: Option<Account>,
    },
    /// A rule that neither the program nor the table applies.
    #[error("rule {rule:?} is never used: no row classifies or charges by it")]
    UnusedRule {
        /// The rule.
        rule: String,
    },
    /// A row classifies by a rule that does not exist.
    #[error("a row classifies by rule {rule:?}, which is not defined")]
    UnknownClassifier {
        /// The rule it names.
        rule: String,
    },
    /// A row classifies by a rule that posts to an account.
    #[error("a row classifies by rule {rule:?}, which has account {account}; expected a classify rule")]
    ClassifierWithAccount {
        /// The rule it names.
        rule: String,
        /// That rule's account.
        account: Account,
    },
    /// Two rows name different classes by one rule.
    #[error("rule {rule:?} classifies as {first} and as {second}; one rule names one class")]
    ClassifierWithTwoClasses {
        /// The rule.
        rule: String,
        /// The class of its first row.
        first: Class,
        /// The class of a later one.
        second: Class,
    },
    /// A row charges by a rule that does not exist.
    #[error("the row of {rule:?} charges by rule {charge:?}, which is not defined")]
    UnknownCharge {
        /// The row's classifying rule.
        rule: String,
        /// The rule it charges by.
        charge: String,
    },
    /// A row charges by a rule that posts to no account.
    #[error("the row of {rule:?} charges by rule {charge:?}, which has no account")]
    ChargeWithoutAccount {
        /// The row's classifying rule.
        rule: String,
        /// The rule it charges by.
        charge: String,
    },
    /// A row charges by a rule that only the program may apply, or by an account that no class can have.
    #[error("the row of {rule:?} charges by rule {charge:?}, which only the program itself applies")]
    ReservedCharge {
        /// The row's classifying rule.
        rule: String,
        /// The rule it charges by.
        charge: String,
    },
    /// `charge_by_cause` names a cause to which its row never applies.
    #[error("the row of {rule:?} has a charge for cause {cause}, to which it never applies")]
    StrayCharge {
        /// The row's classifying rule.
        rule: String,
        /// The cause.
        cause: FaultCause,
    },
    /// A row that applies to no findings: one of its lists is empty.
    #[error("a row of {rule:?} applies to no findings: it has an empty list")]
    EmptyRow {
        /// The row's classifying rule.
        rule: String,
    },
    /// A class that is free by one row and costs by another.
    #[error("class {class} is charged by {first:?} and by {second:?}; a class must be all free or all billable")]
    MixedClass {
        /// The class.
        class: Class,
        /// Its first charge.
        first: String,
        /// A later one of another account.
        second: String,
    },
    /// Only what is undetermined may be withheld by its class.
    #[error("class {class} is charged by {charge:?}; only undetermined may be withheld")]
    WithheldClass {
        /// The class.
        class: Class,
        /// Its charge.
        charge: String,
    },
    /// What is undetermined must cost nothing and wait.
    #[error("class undetermined is charged by {charge:?}; expected withheld.unclassified")]
    ChargedUndetermined {
        /// Its charge.
        charge: String,
    },
    /// A class that no row leads to, so that nothing says who pays for it.
    #[error("class {class} has no row")]
    ClassWithoutRow {
        /// The class.
        class: Class,
    },
    /// Findings to which no row applies.
    #[error("gap: no row applies to {findings}")]
    Gap {
        /// The combination.
        findings: Findings,
    },
    /// More gaps than are listed.
    #[error("and {count} more gaps")]
    MoreGaps {
        /// How many.
        count: usize,
    },
    /// Findings to which more than one row applies.
    #[error("overlap: rows of {first:?} and {second:?} both apply to {findings}")]
    Overlap {
        /// The combination.
        findings: Findings,
        /// The classifying rule of the first row that applies.
        first: String,
        /// That of another.
        second: String,
    },
    /// More overlaps than are listed.
    #[error("and {count} more overlaps")]
    MoreOverlaps {
        /// How many.
        count: usize,
    },
    /// More problems than are listed.
    #[error("and {count} more problems")]
    More {
        /// How many.
        count: usize,
    },
}

/// Longest id that a problem repeats.
const ID_CHARS_MAX: usize = 80;

/// An id as a problem shows it.
pub(super) fn shown(id: &str) -> String {
    cut(id, ID_CHARS_MAX)
}

/// A parser's message as a problem repeats it: it may quote from the document whatever a terminal would obey.
pub(super) fn repeated(message: &str, chars_max: usize) -> String {
    let mut repeated = String::new();
    for letter in message.chars().take(chars_max) {
        if letter.is_control() && letter != '\n' {
            repeated.extend(letter.escape_default());
        } else {
            repeated.push(letter);
        }
    }
    repeated
}

/// The first `chars_max` characters.
fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

fn account_words(account: Option<Account>) -> String {
    account.map_or_else(|| "no account".to_owned(), |account| format!("account {account}"))
}
