-- The event log. Rows are only ever added; the triggers below hold that also against a plain SQLite shell.
-- Times are microseconds since 1970-01-01T00:00:00Z. Ids and hashes are BLOBs: hex(event_id) shows them.

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
    -- Of a request's first event: a random salt and SHA-256(salt, request digest), 32 bytes each, and how many events
    -- the request has. The others follow it.
    request_seal   BLOB CHECK (length(request_seal) = 64),
    request_events INTEGER CHECK (request_events > 0),
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
    UNIQUE (stream_id, version),
    CHECK ((request_seal IS NULL) = (request_events IS NULL))
) STRICT;

-- Accepted requests, each by its first event.
CREATE UNIQUE INDEX events_by_request ON events (request_id) WHERE request_seal IS NOT NULL;

-- Texts about people, apart from the facts: they may be erased, and then only salted hashes are left of them.
CREATE TABLE personal (
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    salt     BLOB NOT NULL CHECK (length(salt) = 32),
    bytes    BLOB NOT NULL,
    PRIMARY KEY (position, name)
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
        WHEN NEW.request_seal IS NULL AND coalesce((SELECT position + request_events <= NEW.position FROM events
                WHERE request_id = NEW.request_id AND request_seal IS NOT NULL), TRUE)
            THEN RAISE(ABORT, 'events: without a seal there are only those that a request counts')
        WHEN NEW.request_seal IS NOT NULL
                AND EXISTS (SELECT 1 FROM events WHERE request_id = NEW.request_id AND request_seal IS NOT NULL)
            THEN RAISE(ABORT, 'events: the request id exists')
    END;
END;

CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events BEGIN
    SELECT RAISE(ABORT, 'events: the past is not changed');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events BEGIN
    SELECT RAISE(ABORT, 'events: the past is not changed');
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

-- Personal texts come in the transaction of their event, before it, or never; later they can only go.
CREATE TRIGGER personal_comes_with_its_event BEFORE INSERT ON personal BEGIN
    SELECT CASE
        WHEN NEW.position <= (SELECT position FROM events ORDER BY position DESC LIMIT 1)
            THEN RAISE(ABORT, 'personal: the past is not changed')
        WHEN EXISTS (SELECT 1 FROM personal WHERE position = NEW.position AND name = NEW.name)
            THEN RAISE(ABORT, 'personal: the field exists')
    END;
END;

CREATE TRIGGER personal_is_not_updated BEFORE UPDATE ON personal BEGIN
    SELECT RAISE(ABORT, 'personal: texts are erased, not changed');
END;

-- For people: names and hex in place of numbers and BLOBs.
CREATE VIEW log AS
SELECT e.position, s.name AS stream, e.version, e.event_type, e.schema_version,
       strftime('%Y-%m-%dT%H:%M:%S', e.occurred_at_us / 1000000, 'unixepoch') || printf('.%06dZ', e.occurred_at_us % 1000000) AS occurred_at,
       strftime('%Y-%m-%dT%H:%M:%S', e.recorded_at_us / 1000000, 'unixepoch') || printf('.%06dZ', e.recorded_at_us % 1000000) AS recorded_at,
       e.actor, e.origin, e.payload, lower(hex(e.event_id)) AS event_id, lower(hex(e.request_id)) AS request_id,
       e.commitments, lower(hex(e.leaf_hash)) AS leaf_hash
FROM events e JOIN streams s USING (stream_id);
