-- Read models: what the projector made of the log. Delete the file and it is rebuilt.

-- Which log the rows were made of, and how far. The hash is the leaf of the event at the position: it tells the log
-- that the rows came from from one with the same id that went another way, restored from a copy for instance.
CREATE TABLE checkpoint (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    log_id    BLOB CHECK (length(log_id) = 16),
    position  INTEGER NOT NULL CHECK (position >= 0),
    leaf_hash BLOB CHECK (length(leaf_hash) = 32),
    CHECK (position = 0 OR (log_id IS NOT NULL AND leaf_hash IS NOT NULL))
) STRICT;
INSERT INTO checkpoint (one, position) VALUES (1, 0);

CREATE TABLE tickets (
    opened_position  INTEGER PRIMARY KEY,
    ticket_id        BLOB NOT NULL UNIQUE CHECK (length(ticket_id) = 16),
    customer_id      TEXT NOT NULL,
    reference_system TEXT,
    reference_number TEXT,
    impact           TEXT NOT NULL,
    opened_at_us     INTEGER NOT NULL,
    status           TEXT NOT NULL CHECK (status IN ('open', 'resolved', 'closed')),
    class            TEXT,
    rule             TEXT,
    -- Where the opening was imported from.
    origin           TEXT
) STRICT;
CREATE INDEX tickets_by_customer ON tickets (customer_id, opened_position);

-- Entries are only added. Money stands only on the billable account; a reversal is
-- equal and opposite, names one entry, and happens to an entry at most once.
CREATE TABLE entries (
    number            INTEGER PRIMARY KEY CHECK (number > 0),
    customer_id       TEXT NOT NULL,
    ticket_id         BLOB NOT NULL REFERENCES tickets (ticket_id),
    work_id           BLOB CHECK (work_id IS NULL OR length(work_id) = 16),
    performer_id      TEXT,
    service_from_us   INTEGER NOT NULL,
    service_to_us     INTEGER NOT NULL CHECK (service_to_us >= service_from_us),
    worked_seconds    INTEGER NOT NULL,
    billed_seconds    INTEGER NOT NULL,
    hourly_rate_minor INTEGER,
    amount_minor      INTEGER NOT NULL,
    currency          TEXT NOT NULL CHECK (length(currency) = 3),
    account           TEXT NOT NULL CHECK (account IN ('free', 'billable', 'covered', 'withheld')),
    rule              TEXT NOT NULL,
    clause            TEXT NOT NULL,
    policy_name       TEXT NOT NULL,
    policy_version    INTEGER NOT NULL,
    contract_version  INTEGER NOT NULL,
    posted_position   INTEGER NOT NULL,
    posted_at_us      INTEGER NOT NULL,
    assessment        BLOB NOT NULL CHECK (length(assessment) = 16),
    segment           INTEGER NOT NULL,
    reverses          INTEGER REFERENCES entries (number) CHECK (reverses < number),
    -- Where what posted it was imported from.
    origin            TEXT,
    CHECK (account = 'billable' OR (amount_minor = 0 AND billed_seconds = 0)),
    CHECK (reverses IS NOT NULL OR (amount_minor >= 0 AND billed_seconds >= 0 AND worked_seconds >= 0)),
    CHECK (reverses IS NULL OR (amount_minor <= 0 AND billed_seconds <= 0 AND worked_seconds <= 0))
) STRICT;
-- Each also orders by number, which is the row id.
CREATE INDEX entries_by_ticket ON entries (ticket_id);
CREATE INDEX entries_by_customer ON entries (customer_id);
-- What a reversal names: an assessment and a place in it.
CREATE UNIQUE INDEX entries_posted_once ON entries (assessment, segment) WHERE reverses IS NULL;
CREATE UNIQUE INDEX entries_reversed_once ON entries (reverses) WHERE reverses IS NOT NULL;

CREATE TRIGGER reversals_are_equal_and_opposite BEFORE INSERT ON entries WHEN NEW.reverses IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'a reversal is equal and opposite to the posting it names')
    WHERE NOT EXISTS (
        SELECT 1 FROM entries e
        WHERE e.number = NEW.reverses AND e.reverses IS NULL
          AND e.ticket_id = NEW.ticket_id AND e.work_id IS NEW.work_id AND e.account = NEW.account
          AND e.rule = NEW.rule AND e.currency = NEW.currency AND e.worked_seconds = -NEW.worked_seconds
          AND e.billed_seconds = -NEW.billed_seconds AND e.amount_minor = -NEW.amount_minor);
END;
CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;
CREATE TRIGGER entries_are_never_removed BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;

-- Per customer. A ticket's sums are added up from its entries: they are few, and a row
-- of its own for each would be one more page to write for every entry.
CREATE TABLE balances (
    customer_id    TEXT NOT NULL,
    rule           TEXT NOT NULL,
    account        TEXT NOT NULL,
    currency       TEXT NOT NULL,
    worked_seconds INTEGER NOT NULL,
    billed_seconds INTEGER NOT NULL,
    amount_minor   INTEGER NOT NULL,
    PRIMARY KEY (customer_id, rule, account, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE contracts (
    customer_id TEXT PRIMARY KEY,
    currency    TEXT NOT NULL,
    time_zone   TEXT NOT NULL,
    version     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE policies (
    position        INTEGER PRIMARY KEY,
    name            TEXT NOT NULL,
    version         INTEGER NOT NULL,
    content_hash    TEXT NOT NULL,
    published_at_us INTEGER NOT NULL,
    event_id        BLOB NOT NULL,
    UNIQUE (name, version)
) STRICT;
