//! One group, one transaction.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::columns::Kind;
use crate::{EventRow, Group, LogKey, OpenInfo, ReplyRow, SessionRow, SnapshotRow, ThreadRow, TokenRow};

/// Recorded answers are forgotten after a week: nobody retries for so long.
const REPLIES_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;

/// Writes a group whole or not at all. `files` names the files of large data, aligned with the events, or is empty.
/// Returns the hashes of files that nothing refers to any more.
pub(super) fn group(
    conn: &mut Connection,
    group: &Group,
    files: &[Option<String>],
    after: OpenInfo,
) -> rusqlite::Result<Vec<String>> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    events(&tx, &group.events, files)?;
    sessions(&tx, &group.sessions)?;
    threads(&tx, &group.threads)?;
    snapshots(&tx, &group.snapshots)?;
    replies(&tx, &group.replies)?;
    tokens(&tx, &group.tokens)?;
    for id in &group.revoked {
        tx.prepare_cached("DELETE FROM tokens WHERE id = ?1")?.execute([id.to_string()])?;
    }
    // Last: what the group itself appends to a log that it purges goes as well.
    let orphans = if group.purged.is_empty() { Vec::new() } else { purge(&tx, &group.purged, after)? };
    tx.commit()?;
    Ok(orphans)
}

fn events(tx: &Transaction<'_>, events: &[EventRow], files: &[Option<String>]) -> rusqlite::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let mut insert = tx.prepare_cached(
        "INSERT INTO events (pos, log, seq, at, idx, turn, blob, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (place, event) in events.iter().enumerate() {
        let mut digits = [0; 32];
        let turn = event.turn.map(|turn| &*turn.uuid().simple().encode_lower(&mut digits));
        let file = files.get(place).and_then(Option::as_deref);
        let index = event.index.map(int).transpose()?;
        let pos = int(event.pos)?;
        let seq = int(event.seq)?;
        let at = event.at.as_millisecond();
        if file.is_some() {
            // The type stays in the row, so that filters need not open files.
            let kind = Kind::of(&event.data).map_or_else(|| "{}".to_owned(), Kind::alone);
            insert.execute(params![pos, event.log.0, seq, at, index, turn, file, kind])?;
        } else {
            insert.execute(params![pos, event.log.0, seq, at, index, turn, file, &*event.data])?;
        }
    }
    Ok(())
}

fn sessions(tx: &Transaction<'_>, sessions: &[SessionRow]) -> rusqlite::Result<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    // A batch of a streaming session moves three numbers. An UPDATE that names the other columns would rewrite their
    // index entries even where nothing changes, so they are compared first.
    let mut touch = tx.prepare_cached(
        "UPDATE sessions SET seq = ?2, pos = ?3, updated_at = ?4
        WHERE log = ?1 AND created_pos = ?5 AND created_at = ?6 AND archived = ?7 AND deleted = ?8 AND id = ?9
            AND thread = ?10 AND owner = ?11 AND namespace = ?12 AND agent = ?13 AND state = ?14 AND badge = ?15
            AND cwd = ?16 AND title = ?17",
    )?;
    let mut upsert = tx.prepare_cached(
        "INSERT INTO sessions (log, seq, pos, updated_at, created_pos, created_at, archived, deleted, id, thread,
            owner, namespace, agent, state, badge, cwd, title)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
        ON CONFLICT (log) DO UPDATE SET seq = excluded.seq, pos = excluded.pos, updated_at = excluded.updated_at,
            created_pos = excluded.created_pos, created_at = excluded.created_at, archived = excluded.archived,
            deleted = excluded.deleted, id = excluded.id, thread = excluded.thread, owner = excluded.owner,
            namespace = excluded.namespace, agent = excluded.agent, state = excluded.state, badge = excluded.badge,
            cwd = excluded.cwd, title = excluded.title",
    )?;
    for row in sessions {
        let (seq, pos, created_pos) = (int(row.seq)?, int(row.pos)?, int(row.created_pos)?);
        let (id, thread) = (row.id.to_string(), row.thread.to_string());
        let values = params![
            row.log.0,
            seq,
            pos,
            row.updated_at.as_millisecond(),
            created_pos,
            row.created_at.as_millisecond(),
            row.archived,
            row.deleted,
            id,
            thread,
            row.owner,
            row.namespace,
            row.agent,
            row.state,
            row.badge,
            row.cwd,
            row.title,
        ];
        if touch.execute(values)? == 0 {
            upsert.execute(values)?;
        }
    }
    Ok(())
}

fn threads(tx: &Transaction<'_>, threads: &[ThreadRow]) -> rusqlite::Result<()> {
    for row in threads {
        tx.prepare_cached(
            "INSERT INTO threads (log, pos, created_pos, archived, deleted, id, namespace, state)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT (log) DO UPDATE SET pos = excluded.pos, created_pos = excluded.created_pos,
                archived = excluded.archived, deleted = excluded.deleted, id = excluded.id,
                namespace = excluded.namespace, state = excluded.state",
        )?
        .execute(params![
            row.log.0,
            int(row.pos)?,
            int(row.created_pos)?,
            row.archived,
            row.deleted,
            row.id.to_string(),
            row.namespace,
            row.state,
        ])?;
    }
    Ok(())
}

fn snapshots(tx: &Transaction<'_>, snapshots: &[SnapshotRow]) -> rusqlite::Result<()> {
    for row in snapshots {
        tx.prepare_cached(
            "INSERT INTO snapshots (log, seq, state) VALUES (?1, ?2, ?3)
            ON CONFLICT (log) DO UPDATE SET seq = excluded.seq, state = excluded.state
            WHERE excluded.seq >= snapshots.seq",
        )?
        .execute(params![row.log.0, int(row.seq)?, row.state])?;
    }
    Ok(())
}

fn replies(tx: &Transaction<'_>, replies: &[ReplyRow]) -> rusqlite::Result<()> {
    let Some(newest) = replies.iter().map(|row| row.at.as_millisecond()).max() else {
        return Ok(());
    };
    tx.prepare_cached("DELETE FROM replies WHERE at < ?1")?.execute([newest - REPLIES_KEPT_MS])?;
    for row in replies {
        tx.prepare_cached("INSERT INTO replies (owner, name, at, request, reply) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![row.owner, row.key, row.at.as_millisecond(), row.request, row.reply])?;
    }
    Ok(())
}

fn tokens(tx: &Transaction<'_>, tokens: &[TokenRow]) -> rusqlite::Result<()> {
    for row in tokens {
        tx.prepare_cached(
            "INSERT INTO tokens (id, hash, name, scope, owner, created_at, expires_at, generation, previous_until,
                last_used_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
            ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, name = excluded.name, scope = excluded.scope,
                expires_at = excluded.expires_at, generation = excluded.generation,
                previous_until = excluded.previous_until, last_used_at = excluded.last_used_at",
        )?
        .execute(params![
            row.id.to_string(),
            row.hash,
            row.name,
            row.scope,
            row.owner,
            row.created_at.as_millisecond(),
            row.expires_at.map(|at| at.as_millisecond()),
            row.generation,
            row.previous_until.map(|at| at.as_millisecond()),
            row.last_used_at.map(|at| at.as_millisecond()),
        ])?;
    }
    Ok(())
}

fn purge(tx: &Transaction<'_>, logs: &[LogKey], after: OpenInfo) -> rusqlite::Result<Vec<String>> {
    let mut remember = tx.prepare_cached(
        "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?;
    remember.execute(params!["last_pos", after.last_pos.to_string()])?;
    remember.execute(params!["last_key", after.last_key.0.to_string()])?;
    let mut files = Vec::new();
    for log in logs {
        let mut with_file = tx.prepare_cached("SELECT blob FROM events WHERE log = ?1 AND blob IS NOT NULL")?;
        for hash in with_file.query_map([log.0], |row| row.get::<_, String>(0))? {
            files.push(hash?);
        }
        tx.prepare_cached("DELETE FROM events WHERE log = ?1")?.execute([log.0])?;
        tx.prepare_cached("DELETE FROM snapshots WHERE log = ?1")?.execute([log.0])?;
    }
    files.sort_unstable();
    files.dedup();
    let mut used = tx.prepare_cached("SELECT 1 FROM events WHERE blob = ?1 LIMIT 1")?;
    let mut orphans = Vec::new();
    for hash in files {
        if !used.exists([&hash])? {
            orphans.push(hash);
        }
    }
    Ok(orphans)
}

/// A number as the database has it.
fn int(number: u64) -> rusqlite::Result<i64> {
    i64::try_from(number).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
