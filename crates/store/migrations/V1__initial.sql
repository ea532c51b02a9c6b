-- One schema for SQLite and Postgres: TEXT ids, BIGINT numbers, times in milliseconds since 1970, flags as 0 and 1.
-- Keys that count as the row's own number in SQLite have to be spelled INTEGER PRIMARY KEY there; a Postgres store
-- reads that as BIGINT PRIMARY KEY. Applied migrations are never edited.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Append-only in the order of pos. The one index is what readers of a log go by.
-- turn: the id's digits without its prefix. blob: the hash of the file that has the data; data then has the type only.
CREATE TABLE events (
    pos INTEGER PRIMARY KEY,
    log BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    idx BIGINT,
    turn TEXT,
    blob TEXT,
    data TEXT NOT NULL
);
CREATE UNIQUE INDEX events_log_seq ON events (log, seq);
CREATE INDEX events_blob ON events (blob) WHERE blob IS NOT NULL;

CREATE TABLE sessions (
    log INTEGER PRIMARY KEY,
    seq BIGINT NOT NULL,
    pos BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_pos BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    archived BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    id TEXT NOT NULL,
    thread TEXT NOT NULL,
    owner TEXT NOT NULL,
    namespace TEXT NOT NULL,
    agent TEXT NOT NULL,
    state TEXT NOT NULL,
    badge TEXT NOT NULL,
    cwd TEXT NOT NULL,
    title TEXT NOT NULL
);
CREATE UNIQUE INDEX sessions_id ON sessions (id);
CREATE INDEX sessions_pos ON sessions (pos);
CREATE INDEX sessions_created ON sessions (created_pos);
CREATE INDEX sessions_thread ON sessions (thread, created_pos);
CREATE INDEX sessions_live ON sessions (created_pos) WHERE state <> 'stopped' AND deleted = 0;
CREATE INDEX sessions_badge ON sessions (badge) WHERE archived = 0 AND deleted = 0;

CREATE TABLE threads (
    log INTEGER PRIMARY KEY,
    pos BIGINT NOT NULL,
    created_pos BIGINT NOT NULL,
    archived BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    id TEXT NOT NULL,
    namespace TEXT NOT NULL,
    state TEXT NOT NULL
);
CREATE UNIQUE INDEX threads_id ON threads (id);
CREATE INDEX threads_pos ON threads (pos);
CREATE INDEX threads_created ON threads (namespace, created_pos);

-- The newest folded state of a log.
CREATE TABLE snapshots (
    log INTEGER PRIMARY KEY,
    seq BIGINT NOT NULL,
    state TEXT NOT NULL
);

CREATE TABLE replies (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    request TEXT NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (owner, name)
);
CREATE INDEX replies_at ON replies (at);

CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);
