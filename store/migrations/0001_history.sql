-- Moments are microseconds since 1970 UTC. Words are those of the API.

CREATE TABLE event (
    id          INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    tunnel      TEXT    NOT NULL,
    "from"      TEXT    NOT NULL,
    "to"        TEXT    NOT NULL,
    cause       TEXT    NOT NULL,
    evidence    TEXT    NOT NULL,
    downtime_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX event_at ON event (at);
CREATE INDEX event_kind ON event (kind, id);
CREATE INDEX event_tunnel ON event (tunnel, id) WHERE tunnel <> '';
CREATE INDEX event_outage ON event (at, downtime_ms) WHERE downtime_ms > 0;

-- One row per tunnel and step; a step of n seconds covers [at, at + n s).
CREATE TABLE sample (
    step    INTEGER NOT NULL, -- seconds: 1, 10, 60 or 3600
    at      INTEGER NOT NULL,
    tunnel  TEXT    NOT NULL,
    rx      INTEGER NOT NULL, -- bytes during the step
    tx      INTEGER NOT NULL,
    rtt_sum INTEGER NOT NULL, -- microseconds, over the measurements counted in rtt_n
    rtt_n   INTEGER NOT NULL,
    verdict TEXT    NOT NULL, -- the worst during the step
    overall TEXT    NOT NULL, -- the worst during the step
    PRIMARY KEY (step, at, tunnel)
) STRICT, WITHOUT ROWID;

-- Rows of the next finer step before this moment are summed up in this step.
CREATE TABLE summed (
    step INTEGER PRIMARY KEY,
    upto INTEGER NOT NULL
) STRICT;

CREATE TABLE notice (
    id           INTEGER PRIMARY KEY, -- the event that opened it
    code         TEXT    NOT NULL,
    severity     TEXT    NOT NULL,
    tunnel       TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    what         TEXT    NOT NULL,
    advice       TEXT    NOT NULL,
    evidence     TEXT    NOT NULL,
    since        INTEGER NOT NULL,
    cleared_at   INTEGER,             -- null: open
    acknowledged INTEGER NOT NULL
) STRICT;

CREATE INDEX notice_open ON notice (id) WHERE cleared_at IS NULL;

CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
