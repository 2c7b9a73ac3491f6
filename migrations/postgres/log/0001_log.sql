-- The event log. Rows are only ever added; the triggers below hold that also against the tables' owner with a shell.
-- Times are microseconds since 1970-01-01T00:00:00Z. The view "log" is for people.
--
-- The service's role may read everything and write nothing: it appends and erases through the functions below, which
-- run as their owner. So whoever holds its password can add well-formed events, and that is all. Their search path is
-- fixed, because a caller's own would decide what their operators mean.

CREATE SCHEMA IF NOT EXISTS beleg_log;

-- One row that every append locks first, so that positions follow commits. It is never changed: a row that is updated
-- by every append leaves a dead version each time, and as long as any transaction anywhere on the server is open,
-- everyone who wants the row walks over all of them. Where the log ends is what its last event says.
CREATE TABLE beleg_log.log_head (
    id integer PRIMARY KEY CHECK (id = 1)
);

INSERT INTO beleg_log.log_head (id) VALUES (1);

-- Streams are numbered from 1 without gaps, so that an event need not repeat a long name.
CREATE TABLE beleg_log.streams (
    stream_id bigint PRIMARY KEY CHECK (stream_id > 0),
    name      text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE beleg_log.events (
    position       bigint PRIMARY KEY CHECK (position > 0),
    stream_id      bigint NOT NULL,
    version        bigint NOT NULL CHECK (version > 0),
    event_id       uuid NOT NULL UNIQUE,
    event_type     text COLLATE "C" NOT NULL,
    schema_version integer NOT NULL,
    occurred_at_us bigint NOT NULL,
    recorded_at_us bigint NOT NULL CHECK (recorded_at_us >= occurred_at_us),
    request_id     uuid NOT NULL,
    -- Of a request's first event: a random salt and SHA-256(salt, request digest), 32 bytes each, and how many events
    -- the request has. The others follow it.
    request_seal   bytea CHECK (length(request_seal) = 64),
    request_events integer CHECK (request_events > 0),
    causation_id   uuid,
    correlation_id uuid,
    actor          text COLLATE "C" NOT NULL,
    origin         text COLLATE "C",
    -- Canonical JSON (RFC 8785), exactly the bytes that were hashed: not jsonb, which would write them anew.
    payload        text COLLATE "C" NOT NULL,
    -- {"field":"hex of SHA-256(salt, text)"} for the personal fields that the event was written with.
    commitments    text COLLATE "C",
    -- SHA-256 of a zero byte and the envelope.
    leaf_hash      bytea NOT NULL CHECK (length(leaf_hash) = 32),
    UNIQUE (stream_id, version),
    CHECK ((request_seal IS NULL) = (request_events IS NULL))
);

-- Accepted requests, each by its first event.
CREATE UNIQUE INDEX events_by_request ON beleg_log.events (request_id) WHERE request_seal IS NOT NULL;

-- Texts about people, apart from the facts: they may be erased, and then only salted hashes are left of them. A
-- deleted row's bytes stay in its page until the table is vacuumed, so that is done at the first opportunity.
CREATE TABLE beleg_log.personal (
    position bigint NOT NULL,
    name     text COLLATE "C" NOT NULL,
    salt     bytea NOT NULL CHECK (length(salt) = 32),
    bytes    bytea NOT NULL,
    PRIMARY KEY (position, name)
) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);

-- Per statement, so that a change that would find no row is refused too; ALWAYS, so that no session can switch them
-- off for itself.
CREATE FUNCTION beleg_log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: the past is not changed (%)', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER log_head_stays BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON beleg_log.log_head
    FOR EACH STATEMENT EXECUTE FUNCTION beleg_log.refuse_change();
CREATE TRIGGER streams_are_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON beleg_log.streams
    FOR EACH STATEMENT EXECUTE FUNCTION beleg_log.refuse_change();
CREATE TRIGGER events_are_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON beleg_log.events
    FOR EACH STATEMENT EXECUTE FUNCTION beleg_log.refuse_change();
-- Texts are erased, not changed.
CREATE TRIGGER personal_is_not_changed BEFORE UPDATE OR TRUNCATE ON beleg_log.personal
    FOR EACH STATEMENT EXECUTE FUNCTION beleg_log.refuse_change();

ALTER TABLE beleg_log.log_head ENABLE ALWAYS TRIGGER log_head_stays;
ALTER TABLE beleg_log.streams ENABLE ALWAYS TRIGGER streams_are_not_changed;
ALTER TABLE beleg_log.events ENABLE ALWAYS TRIGGER events_are_not_changed;
ALTER TABLE beleg_log.personal ENABLE ALWAYS TRIGGER personal_is_not_changed;

-- What of a row the next one must follow.
CREATE TYPE beleg_log.step AS ("position" bigint, stream_id bigint, version bigint, recorded_at_us bigint, request_id uuid);

-- What the functions below do, and an INSERT by hand might not: positions without a gap behind the log's end, stamps
-- that never decrease, versions without a gap in their stream and in the log's order, and behind a request's first event
-- those that it counts and no others. Once per statement, for all the rows it added, which must come in the order of their
-- positions: then each row's predecessor, in the log, in its request and mostly in its stream, is the row before it, and
-- only where it is not the table is asked. A request may go on in the next statement; that nothing else begins there is
-- not looked at. What holds of every row and the one before it holds of all of them: a second row in its place is refused
-- by the keys.
CREATE FUNCTION beleg_log.check_sequence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _fault text;
BEGIN
    SELECT CASE
        WHEN follows IS NOT TRUE THEN 'positions follow each other without a gap'
        WHEN NOT recorded_in_order THEN 'recorded_at never decreases'
        WHEN request_counts_it IS NOT TRUE THEN 'without a seal there are those that a request counts, and no others'
        ELSE 'versions follow each other without a gap, in a stream that there is'
    END INTO _fault
    FROM (
        SELECT CASE
                   WHEN (before).position IS NOT NULL THEN position = (before).position + 1
                   ELSE position = 1 OR recorded_before IS NOT NULL
               END AS follows,
               recorded_at_us >= coalesce(recorded_before, 0) AS recorded_in_order,
               CASE
                   WHEN request_seal IS NOT NULL THEN coalesce(counted_before <= position, true)
                   WHEN counted_before > position THEN (before).request_id = request_id
                   ELSE (SELECT f.position + f.request_events FROM beleg_log.events f
                         WHERE f.request_id = a.request_id AND f.request_seal IS NOT NULL) > position
               END AS request_counts_it,
               CASE
                   WHEN (before).stream_id = stream_id THEN version = (before).version + 1
                   -- Values rather than EXISTS: for that the planner would read the whole table into a hash.
                   WHEN version = 1 THEN (SELECT s.stream_id FROM beleg_log.streams s
                                          WHERE s.stream_id = a.stream_id) IS NOT NULL
                   ELSE (SELECT e.position FROM beleg_log.events e
                         WHERE e.stream_id = a.stream_id AND e.version = a.version - 1) < position
               END AS version_follows
        FROM (
            SELECT position, stream_id, version, recorded_at_us, request_id, request_seal, before, counted_before,
                   CASE
                       WHEN (before).position IS NOT NULL THEN (before).recorded_at_us
                       ELSE (SELECT e.recorded_at_us FROM beleg_log.events e WHERE e.position = b.position - 1)
                   END AS recorded_before
            FROM (
                -- One look back a row, in one window: one for each column takes longer.
                SELECT position, stream_id, version, recorded_at_us, request_id, request_seal,
                       lag(ROW(position, stream_id, version, recorded_at_us, request_id)::beleg_log.step) OVER earlier
                           AS before,
                       max(position + request_events) OVER earlier AS counted_before
                FROM added
                WINDOW earlier AS (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            ) b
        ) a
    ) checked
    WHERE (follows AND recorded_in_order AND request_counts_it AND version_follows) IS NOT TRUE
    LIMIT 1;
    IF _fault IS NOT NULL THEN
        RAISE EXCEPTION 'events: %', _fault USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER events_follow_each_other AFTER INSERT ON beleg_log.events
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION beleg_log.check_sequence();
ALTER TABLE beleg_log.events ENABLE ALWAYS TRIGGER events_follow_each_other;

-- Locks the log's end until the transaction ends, and says where that is. Each statement of the function sees what was
-- committed when it began, so the second one sees everything that the lock was waited for.
CREATE FUNCTION beleg_log.lock_head(OUT "position" bigint, OUT recorded_at_us bigint, OUT streams bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM beleg_log.log_head WHERE id = 1 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'log_head is empty' USING ERRCODE = 'data_corrupted';
    END IF;
    SELECT e.position, e.recorded_at_us INTO lock_head.position, lock_head.recorded_at_us
    FROM beleg_log.events e ORDER BY e.position DESC LIMIT 1;
    lock_head.position := coalesce(lock_head.position, 0);
    lock_head.recorded_at_us := coalesce(lock_head.recorded_at_us, 0);
    lock_head.streams := coalesce((SELECT max(s.stream_id) FROM beleg_log.streams s), 0);
END
$$;

-- Appends a batch behind the log's end if the log is as the batch was planned for, and says where that end was and which
-- numbers the streams have that it was asked about. Otherwise it adds nothing and says why not: 'overtaken' if later
-- stamps are in the log already, 'otherwise' if a request was accepted before or a stream is at another version.
--
-- A stream whose number the caller knows, and that the batch writes to, needs no asking: the keys refuse the batch if it
-- has gone further, and the trigger if it has not come so far. Nor does a request: its key refuses it a second time.
CREATE FUNCTION beleg_log.append(
    -- Streams to ask about: the version that the plan depends on, and its number among the batch's new streams, from 1,
    -- or 0.
    _streams text[], _versions bigint[], _numbers integer[],
    -- Requests to ask about: they must be new.
    _requests uuid[],
    -- The events, in the order of their positions; a stream is given by its number or, negative, by its place among the
    -- streams above, a seal with the first event of a request.
    _event_streams bigint[], _event_versions bigint[], _event_ids uuid[], _event_types text[],
    _schema_versions integer[], _occurred bigint[], _recorded bigint[], _event_requests uuid[], _seals bytea[],
    _event_counts integer[], _causations uuid[], _correlations uuid[], _actors text[], _origins text[],
    _payloads text[], _commitments text[], _leaf_hashes bytea[],
    -- Personal texts, the event given by its place among the events above.
    _personal_events integer[], _personal_names text[], _personal_salts bytea[], _personal_bytes bytea[],
    OUT outcome text, OUT "position" bigint, OUT recorded_at_us bigint, OUT stream_ids bigint[]
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    _end bigint;
    _streams_before bigint;
    _stream_ids bigint[];
    _as_planned boolean;
BEGIN
    -- As lock_head does; called from here it would take as long as an INSERT.
    PERFORM FROM beleg_log.log_head WHERE id = 1 FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'log_head is empty' USING ERRCODE = 'data_corrupted';
    END IF;
    SELECT e.position, e.recorded_at_us INTO append.position, append.recorded_at_us
    FROM beleg_log.events e ORDER BY e.position DESC LIMIT 1;
    append.position := coalesce(append.position, 0);
    append.recorded_at_us := coalesce(append.recorded_at_us, 0);
    _end := append.position;
    -- The stamps of a batch never decrease, so the first one is the earliest.
    IF _recorded[1] < append.recorded_at_us THEN
        outcome := 'overtaken';
        RETURN;
    END IF;
    IF 0 < ANY (_numbers) THEN
        _streams_before := coalesce((SELECT max(s.stream_id) FROM beleg_log.streams s), 0);
    END IF;
    IF cardinality(_streams) > 0 OR cardinality(_requests) > 0 THEN
        SELECT array_agg(CASE WHEN s.number > 0 THEN _streams_before + s.number ELSE s.stream_id END ORDER BY s.place),
               coalesce(bool_and(s.planned = coalesce(
                   (SELECT e.version FROM beleg_log.events e
                    WHERE e.stream_id = s.stream_id ORDER BY e.version DESC LIMIT 1), 0)), true)
                   AND NOT EXISTS (SELECT FROM beleg_log.events r
                                   WHERE r.request_id = ANY (_requests) AND r.request_seal IS NOT NULL)
        INTO _stream_ids, _as_planned
        FROM (
            SELECT place, planned, number,
                   (SELECT stream_id FROM beleg_log.streams WHERE name = u.name) AS stream_id
            FROM unnest(_streams, _versions, _numbers) WITH ORDINALITY AS u (name, planned, number, place)
        ) s;
        IF NOT _as_planned THEN
            outcome := 'otherwise';
            RETURN;
        END IF;
    END IF;

    IF _streams_before IS NOT NULL THEN
        INSERT INTO beleg_log.streams (stream_id, name)
        SELECT _streams_before + u.number, u.name
        FROM unnest(_streams, _numbers) AS u (name, number)
        WHERE u.number > 0;
    END IF;

    INSERT INTO beleg_log.events (
        position, stream_id, version, event_id, event_type, schema_version, occurred_at_us, recorded_at_us, request_id,
        request_seal, request_events, causation_id, correlation_id, actor, origin, payload, commitments, leaf_hash
    )
    SELECT _end + u.place, CASE WHEN u.stream > 0 THEN u.stream ELSE _stream_ids[-u.stream] END, u.version, u.event_id,
           u.event_type, u.schema_version, u.occurred, u.recorded, u.request_id, u.seal, u.events, u.causation_id,
           u.correlation_id, u.actor, u.origin, u.payload, u.commitments, u.leaf_hash
    -- Side by side in the list rather than in FROM, which would put each array into a table of its own first.
    FROM (
        SELECT generate_series(1, cardinality(_event_ids)), unnest(_event_streams), unnest(_event_versions),
               unnest(_event_ids), unnest(_event_types), unnest(_schema_versions), unnest(_occurred),
               unnest(_recorded), unnest(_event_requests), unnest(_seals), unnest(_event_counts),
               unnest(_causations), unnest(_correlations), unnest(_actors), unnest(_origins), unnest(_payloads),
               unnest(_commitments), unnest(_leaf_hashes)
    ) AS u (
        place, stream, version, event_id, event_type, schema_version, occurred, recorded, request_id, seal, events,
        causation_id, correlation_id, actor, origin, payload, commitments, leaf_hash
    );

    IF cardinality(_personal_events) > 0 THEN
        INSERT INTO beleg_log.personal (position, name, salt, bytes)
        SELECT _end + u.event, u.name, u.salt, u.bytes
        FROM unnest(_personal_events, _personal_names, _personal_salts, _personal_bytes) AS u (event, name, salt, bytes);
    END IF;
    append.stream_ids := _stream_ids;
    outcome := 'appended';
END
$$;

-- Removes personal texts between two positions, both included, and says how many.
CREATE FUNCTION beleg_log.erase_personal(_from bigint, _to bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH erased AS (DELETE FROM beleg_log.personal WHERE position BETWEEN _from AND _to RETURNING 1)
    SELECT count(*) FROM erased
$$;

-- For people: names and instants in place of numbers.
CREATE VIEW beleg_log.log AS
SELECT e.position, s.name AS stream, e.version, e.event_type, e.schema_version,
       to_char(timestamp 'epoch' + e.occurred_at_us * interval '1 microsecond', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS occurred_at,
       to_char(timestamp 'epoch' + e.recorded_at_us * interval '1 microsecond', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at,
       e.actor, e.origin, e.payload, e.event_id, e.request_id, e.commitments, encode(e.leaf_hash, 'hex') AS leaf_hash
FROM beleg_log.events e JOIN beleg_log.streams s USING (stream_id);

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA beleg_log FROM PUBLIC;
