-- The event log. Rows are only ever added; the triggers below hold that also against a plain SQLite shell.
-- Times are microseconds since 1970-01-01T00:00:00Z. Ids and hashes are BLOBs: hex(event_id) shows them.

-- The end of the log: one row, locked first by every append. It may only move forward.
CREATE TABLE log_head (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    position       INTEGER NOT NULL CHECK (position >= 0),
    recorded_at_us INTEGER NOT NULL CHECK (recorded_at_us >= 0),
    streams        INTEGER NOT NULL CHECK (streams >= 0)
) STRICT;

INSERT INTO log_head (id, position, recorded_at_us, streams) VALUES (1, 0, 0, 0);

-- Streams are numbered from 1 without gaps, so that an event need not repeat a long name.
CREATE TABLE streams (
    stream_id INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE events (
    position       INTEGER PRIMARY KEY,
    stream_id      INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    event_id       BLOB NOT NULL UNIQUE CHECK (length(event_id) = 16),
    event_type     TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    occurred_at_us INTEGER NOT NULL,
    recorded_at_us INTEGER NOT NULL CHECK (recorded_at_us >= occurred_at_us),
    request_id     BLOB NOT NULL CHECK (length(request_id) = 16),
    causation_id   BLOB CHECK (length(causation_id) = 16),
    correlation_id BLOB CHECK (length(correlation_id) = 16),
    actor          TEXT NOT NULL,
    origin         TEXT,
    -- Canonical JSON (RFC 8785), exactly the bytes that were hashed.
    payload        TEXT NOT NULL,
    -- {"field":"hex of SHA-256(salt, text)"} for the personal fields that the event was written with.
    commitments    TEXT,
    -- SHA-256 of a zero byte and the envelope.
    leaf_hash      BLOB NOT NULL CHECK (length(leaf_hash) = 32),
    UNIQUE (stream_id, version)
) STRICT;

-- Texts about people, apart from the facts: they may be erased, and then only salted hashes are left of them.
CREATE TABLE personal (
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    salt     BLOB NOT NULL CHECK (length(salt) = 32),
    bytes    BLOB NOT NULL,
    PRIMARY KEY (position, name)
) STRICT, WITHOUT ROWID;

-- Accepted commands. The hash is SHA-256(salt, request digest); the receipt is read back from the events.
CREATE TABLE requests (
    request_id     BLOB PRIMARY KEY CHECK (length(request_id) = 16),
    salt           BLOB NOT NULL CHECK (length(salt) = 32),
    hash           BLOB NOT NULL CHECK (length(hash) = 32),
    first_position INTEGER NOT NULL,
    event_count    INTEGER NOT NULL CHECK (event_count > 0)
) STRICT, WITHOUT ROWID;

-- INSERT OR REPLACE deletes the row in its way without firing DELETE triggers, so what must not be replaced is
-- refused before it is inserted.
CREATE TRIGGER events_are_appended BEFORE INSERT ON events BEGIN
    SELECT CASE
        WHEN NEW.position IS NOT coalesce((SELECT position + 1 FROM events ORDER BY position DESC LIMIT 1), 1)
            THEN RAISE(ABORT, 'events: the position must be the next one')
        WHEN NEW.version IS NOT (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream_id = NEW.stream_id)
            THEN RAISE(ABORT, 'events: the version must be the next one of the stream')
        WHEN EXISTS (SELECT 1 FROM events WHERE event_id = NEW.event_id)
            THEN RAISE(ABORT, 'events: the event id exists')
        WHEN NEW.recorded_at_us < (SELECT recorded_at_us FROM events WHERE position = NEW.position - 1)
            THEN RAISE(ABORT, 'events: recorded_at never decreases')
        WHEN NEW.version = 1 AND NOT EXISTS (SELECT 1 FROM streams WHERE stream_id = NEW.stream_id)
            THEN RAISE(ABORT, 'events: the stream does not exist')
    END;
END;

CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events BEGIN
    SELECT RAISE(ABORT, 'events: the past is not changed');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events BEGIN
    SELECT RAISE(ABORT, 'events: the past is not changed');
END;

CREATE TRIGGER requests_are_added BEFORE INSERT ON requests BEGIN
    SELECT CASE
        WHEN EXISTS (SELECT 1 FROM requests WHERE request_id = NEW.request_id)
            THEN RAISE(ABORT, 'requests: the request id exists')
        WHEN NEW.first_position <= (SELECT position FROM log_head)
            THEN RAISE(ABORT, 'requests: the events of a request are new')
    END;
END;

CREATE TRIGGER requests_are_not_updated BEFORE UPDATE ON requests BEGIN
    SELECT RAISE(ABORT, 'requests: the past is not changed');
END;

CREATE TRIGGER requests_are_not_deleted BEFORE DELETE ON requests BEGIN
    SELECT RAISE(ABORT, 'requests: the past is not changed');
END;

CREATE TRIGGER streams_are_added BEFORE INSERT ON streams BEGIN
    SELECT CASE
        WHEN NEW.stream_id IS NOT (SELECT coalesce(max(stream_id), 0) + 1 FROM streams)
            THEN RAISE(ABORT, 'streams: the id must be the next one')
        WHEN EXISTS (SELECT 1 FROM streams WHERE name = NEW.name)
            THEN RAISE(ABORT, 'streams: the name exists')
    END;
END;

CREATE TRIGGER streams_are_not_updated BEFORE UPDATE ON streams BEGIN
    SELECT RAISE(ABORT, 'streams: the past is not changed');
END;

CREATE TRIGGER streams_are_not_deleted BEFORE DELETE ON streams BEGIN
    SELECT RAISE(ABORT, 'streams: the past is not changed');
END;

-- Personal texts come with their event or never; later they can only go.
CREATE TRIGGER personal_comes_with_its_event BEFORE INSERT ON personal BEGIN
    SELECT CASE
        WHEN NEW.position <= (SELECT position FROM log_head)
            THEN RAISE(ABORT, 'personal: the past is not changed')
        WHEN EXISTS (SELECT 1 FROM personal WHERE position = NEW.position AND name = NEW.name)
            THEN RAISE(ABORT, 'personal: the field exists')
    END;
END;

CREATE TRIGGER personal_is_not_updated BEFORE UPDATE ON personal BEGIN
    SELECT RAISE(ABORT, 'personal: texts are erased, not changed');
END;

CREATE TRIGGER log_head_moves_forward BEFORE UPDATE ON log_head BEGIN
    SELECT CASE
        WHEN NEW.id IS NOT OLD.id OR NEW.position <= OLD.position OR NEW.recorded_at_us < OLD.recorded_at_us
                OR NEW.streams < OLD.streams
            THEN RAISE(ABORT, 'log_head: moves forward only')
        WHEN NEW.position IS NOT (SELECT max(position) FROM events)
                OR NEW.recorded_at_us IS NOT (SELECT recorded_at_us FROM events WHERE position = NEW.position)
                OR NEW.streams IS NOT (SELECT max(stream_id) FROM streams)
            THEN RAISE(ABORT, 'log_head: is where the events end')
    END;
END;

CREATE TRIGGER log_head_is_one_row BEFORE INSERT ON log_head BEGIN
    SELECT RAISE(ABORT, 'log_head: is one row');
END;

CREATE TRIGGER log_head_stays BEFORE DELETE ON log_head BEGIN
    SELECT RAISE(ABORT, 'log_head: is one row');
END;

-- For people: names and hex in place of numbers and BLOBs.
CREATE VIEW log AS
SELECT e.position, s.name AS stream, e.version, e.event_type, e.schema_version,
       strftime('%Y-%m-%dT%H:%M:%S', e.occurred_at_us / 1000000, 'unixepoch') || printf('.%06dZ', e.occurred_at_us % 1000000) AS occurred_at,
       strftime('%Y-%m-%dT%H:%M:%S', e.recorded_at_us / 1000000, 'unixepoch') || printf('.%06dZ', e.recorded_at_us % 1000000) AS recorded_at,
       e.actor, e.origin, e.payload, lower(hex(e.event_id)) AS event_id, lower(hex(e.request_id)) AS request_id,
       e.commitments, lower(hex(e.leaf_hash)) AS leaf_hash
FROM events e JOIN streams s USING (stream_id);
