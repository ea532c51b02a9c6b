-- index events_blob of events
CREATE INDEX events_blob ON events (blob) WHERE blob IS NOT NULL;
-- index events_log_seq of events
CREATE UNIQUE INDEX events_log_seq ON events (log, seq);
-- index replies_at of replies
CREATE INDEX replies_at ON replies (at);
-- index sessions_badge of sessions
CREATE INDEX sessions_badge ON sessions (badge) WHERE archived = 0 AND deleted = 0;
-- index sessions_created of sessions
CREATE INDEX sessions_created ON sessions (created_pos);
-- index sessions_id of sessions
CREATE UNIQUE INDEX sessions_id ON sessions (id);
-- index sessions_live of sessions
CREATE INDEX sessions_live ON sessions (created_pos)
    WHERE state <> 'stopped' AND state <> 'hibernated' AND deleted = 0;
-- index sessions_pos of sessions
CREATE INDEX sessions_pos ON sessions (pos);
-- index sessions_thread of sessions
CREATE INDEX sessions_thread ON sessions (thread, created_pos);
-- index sqlite_autoindex_meta_1 of meta
-- index sqlite_autoindex_refinery_schema_history_1 of refinery_schema_history
-- index sqlite_autoindex_replies_1 of replies
-- index sqlite_autoindex_tokens_1 of tokens
-- index threads_created of threads
CREATE INDEX threads_created ON threads (namespace, created_pos);
-- index threads_id of threads
CREATE UNIQUE INDEX threads_id ON threads (id);
-- index threads_pos of threads
CREATE INDEX threads_pos ON threads (pos);
-- index tokens_hash of tokens
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);
-- table events of events
CREATE TABLE events (
    pos INTEGER PRIMARY KEY,
    log BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    idx BIGINT,
    turn TEXT,
    blob TEXT,
    data TEXT NOT NULL
, crc BIGINT);
-- table meta of meta
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
, crc BIGINT);
-- table refinery_schema_history of refinery_schema_history
CREATE TABLE refinery_schema_history(
             version int4 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));
-- table replies of replies
CREATE TABLE replies (
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    request TEXT NOT NULL,
    reply TEXT NOT NULL, crc BIGINT,
    PRIMARY KEY (owner, name)
);
-- table sessions of sessions
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
, crc BIGINT);
-- table snapshots of snapshots
CREATE TABLE snapshots (
    log INTEGER PRIMARY KEY,
    seq BIGINT NOT NULL,
    state TEXT NOT NULL
, crc BIGINT);
-- table threads of threads
CREATE TABLE threads (
    log INTEGER PRIMARY KEY,
    pos BIGINT NOT NULL,
    created_pos BIGINT NOT NULL,
    archived BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    id TEXT NOT NULL,
    namespace TEXT NOT NULL,
    state TEXT NOT NULL
, crc BIGINT);
-- table tokens of tokens
CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
, generation BIGINT NOT NULL DEFAULT 0, previous_until BIGINT, last_used_at BIGINT, crc BIGINT);
