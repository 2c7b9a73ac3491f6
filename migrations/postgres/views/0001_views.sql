-- Read models: what the projector made of the log. Drop the schema and they are rebuilt.
--
-- Nothing here names its schema: the session's search path does. So a fresh build has a schema of its own until it is
-- renamed to the serving one.

-- Which log the rows were made of, and how far. The hash is the leaf of the event at the position: it tells the log
-- that the rows came from from one with the same id that went another way, restored from a copy for instance.
CREATE TABLE checkpoint (
    one       integer PRIMARY KEY CHECK (one = 1),
    log_id    uuid,
    position  bigint NOT NULL CHECK (position >= 0),
    leaf_hash bytea CHECK (length(leaf_hash) = 32),
    CHECK (position = 0 OR (log_id IS NOT NULL AND leaf_hash IS NOT NULL))
) WITH (fillfactor = 10);
INSERT INTO checkpoint (one, position) VALUES (1, 0);

-- A ticket is changed a few times while it lives. With room beside it the changed row is found by the same index entries.
CREATE TABLE tickets (
    opened_position  bigint PRIMARY KEY,
    ticket_id        uuid NOT NULL UNIQUE,
    customer_id      text COLLATE "C" NOT NULL,
    reference_system text COLLATE "C",
    reference_number text COLLATE "C",
    impact           text COLLATE "C" NOT NULL,
    opened_at_us     bigint NOT NULL,
    status           text COLLATE "C" NOT NULL CHECK (status IN ('open', 'resolved', 'closed')),
    class            text COLLATE "C",
    rule             text COLLATE "C",
    -- Where the opening was imported from.
    origin           text COLLATE "C"
) WITH (fillfactor = 60);
CREATE INDEX tickets_by_customer ON tickets (customer_id, opened_position);

-- Entries are only added. Money stands only on the billable account; a reversal is equal and opposite, names one
-- entry, and happens to an entry at most once.
CREATE TABLE entries (
    number            bigint PRIMARY KEY CHECK (number > 0),
    customer_id       text COLLATE "C" NOT NULL,
    ticket_id         uuid NOT NULL,
    work_id           uuid,
    performer_id      text COLLATE "C",
    service_from_us   bigint NOT NULL,
    service_to_us     bigint NOT NULL CHECK (service_to_us >= service_from_us),
    worked_seconds    bigint NOT NULL,
    billed_seconds    bigint NOT NULL,
    hourly_rate_minor bigint,
    amount_minor      bigint NOT NULL,
    currency          text COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    account           text COLLATE "C" NOT NULL CHECK (account IN ('free', 'billable', 'covered', 'withheld')),
    rule              text COLLATE "C" NOT NULL,
    clause            text COLLATE "C" NOT NULL,
    policy_name       text COLLATE "C" NOT NULL,
    policy_version    bigint NOT NULL,
    contract_version  bigint NOT NULL,
    posted_position   bigint NOT NULL,
    posted_at_us      bigint NOT NULL,
    assessment        uuid NOT NULL,
    segment           bigint NOT NULL,
    reverses          bigint REFERENCES entries (number) CHECK (reverses < number),
    -- Where what posted it was imported from.
    origin            text COLLATE "C",
    CHECK (account = 'billable' OR (amount_minor = 0 AND billed_seconds = 0)),
    CHECK (reverses IS NOT NULL OR (amount_minor >= 0 AND billed_seconds >= 0 AND worked_seconds >= 0)),
    CHECK (reverses IS NULL OR (amount_minor <= 0 AND billed_seconds <= 0 AND worked_seconds <= 0))
);
CREATE INDEX entries_by_ticket ON entries (ticket_id, number);
CREATE INDEX entries_by_customer ON entries (customer_id, number);
-- What a reversal names: an assessment and a place in it.
CREATE UNIQUE INDEX entries_posted_once ON entries (assessment, segment) WHERE reverses IS NULL;
CREATE UNIQUE INDEX entries_reversed_once ON entries (reverses) WHERE reverses IS NOT NULL;

-- Once per statement, for all the rows it added: a foreign key would ask for each by itself.
CREATE FUNCTION check_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM posted r LEFT JOIN entries e ON e.number = r.reverses
        WHERE r.reverses IS NOT NULL AND NOT coalesce(
            e.reverses IS NULL AND e.ticket_id = r.ticket_id AND e.work_id IS NOT DISTINCT FROM r.work_id
            AND e.account = r.account AND e.rule = r.rule AND e.currency = r.currency
            AND e.worked_seconds = -r.worked_seconds AND e.billed_seconds = -r.billed_seconds
            AND e.amount_minor = -r.amount_minor, false)
    ) THEN
        RAISE EXCEPTION 'a reversal is equal and opposite to the posting it names'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT FROM posted p LEFT JOIN tickets t USING (ticket_id) WHERE t.ticket_id IS NULL) THEN
        RAISE EXCEPTION 'an entry is about a ticket that is there' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER entries_fit_what_is_there AFTER INSERT ON entries
    REFERENCING NEW TABLE AS posted FOR EACH STATEMENT EXECUTE FUNCTION check_entries();
ALTER TABLE entries ENABLE ALWAYS TRIGGER entries_fit_what_is_there;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries are only added (%)', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER entries_are_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE entries ENABLE ALWAYS TRIGGER entries_are_only_added;

-- Per customer. A ticket's sums are added up from its entries: they are few, and a row of its own for each would be
-- one more row to rewrite for every entry.
CREATE TABLE balances (
    customer_id    text COLLATE "C" NOT NULL,
    rule           text COLLATE "C" NOT NULL,
    account        text COLLATE "C" NOT NULL,
    currency       text COLLATE "C" NOT NULL,
    worked_seconds bigint NOT NULL,
    billed_seconds bigint NOT NULL,
    amount_minor   bigint NOT NULL,
    PRIMARY KEY (customer_id, rule, account, currency)
) WITH (fillfactor = 80);

CREATE TABLE contracts (
    customer_id text COLLATE "C" PRIMARY KEY,
    currency    text COLLATE "C" NOT NULL,
    time_zone   text COLLATE "C" NOT NULL,
    version     bigint NOT NULL
);

CREATE TABLE policies (
    position        bigint PRIMARY KEY,
    name            text COLLATE "C" NOT NULL,
    version         bigint NOT NULL,
    content_hash    text COLLATE "C" NOT NULL,
    published_at_us bigint NOT NULL,
    event_id        uuid NOT NULL,
    UNIQUE (name, version)
);
