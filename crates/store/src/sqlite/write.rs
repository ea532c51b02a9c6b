//! One group, one transaction.

use convene_core::Timestamp;
use rusqlite::{
    Connection, Transaction, TransactionBehavior,
    types::ValueRef::{self, Integer, Null},
};

use super::{columns::Kind, sum};
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
        "INSERT INTO events (pos, log, seq, at, idx, turn, blob, data, crc)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (place, event) in events.iter().enumerate() {
        let mut digits = [0; 32];
        let turn = event.turn.map(|turn| &*turn.uuid().simple().encode_lower(&mut digits));
        let file = files.get(place).and_then(Option::as_deref);
        // The type stays in the row, so that filters need not open files.
        let kind = file.map(|_| Kind::of(&event.data).map_or_else(|| "{}".to_owned(), Kind::alone));
        insert.execute(sum::EVENTS.sealed(&[
            Integer(int(event.pos)?),
            Integer(event.log.0),
            Integer(int(event.seq)?),
            time(event.at),
            event.index.map(int).transpose()?.map_or(Null, Integer),
            turn.map_or(Null, text),
            file.map_or(Null, text),
            text(kind.as_deref().unwrap_or(&event.data)),
        ]))?;
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
        "UPDATE sessions SET seq = ?2, pos = ?3, updated_at = ?4, crc = ?18
        WHERE log = ?1 AND created_pos = ?5 AND created_at = ?6 AND archived = ?7 AND deleted = ?8 AND id = ?9
            AND thread = ?10 AND owner = ?11 AND namespace = ?12 AND agent = ?13 AND state = ?14 AND badge = ?15
            AND cwd = ?16 AND title = ?17",
    )?;
    let mut upsert = tx.prepare_cached(
        "INSERT INTO sessions (log, seq, pos, updated_at, created_pos, created_at, archived, deleted, id, thread,
            owner, namespace, agent, state, badge, cwd, title, crc)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
        ON CONFLICT (log) DO UPDATE SET seq = excluded.seq, pos = excluded.pos, updated_at = excluded.updated_at,
            created_pos = excluded.created_pos, created_at = excluded.created_at, archived = excluded.archived,
            deleted = excluded.deleted, id = excluded.id, thread = excluded.thread, owner = excluded.owner,
            namespace = excluded.namespace, agent = excluded.agent, state = excluded.state, badge = excluded.badge,
            cwd = excluded.cwd, title = excluded.title, crc = excluded.crc",
    )?;
    for row in sessions {
        let (id, thread) = (row.id.to_string(), row.thread.to_string());
        let values = [
            Integer(row.log.0),
            Integer(int(row.seq)?),
            Integer(int(row.pos)?),
            time(row.updated_at),
            Integer(int(row.created_pos)?),
            time(row.created_at),
            Integer(row.archived.into()),
            Integer(row.deleted.into()),
            text(&id),
            text(&thread),
            text(&row.owner),
            text(&row.namespace),
            text(&row.agent),
            text(&row.state),
            text(&row.badge),
            text(&row.cwd),
            text(&row.title),
        ];
        if touch.execute(sum::SESSIONS.sealed(&values))? == 0 {
            upsert.execute(sum::SESSIONS.sealed(&values))?;
        }
    }
    Ok(())
}

fn threads(tx: &Transaction<'_>, threads: &[ThreadRow]) -> rusqlite::Result<()> {
    for row in threads {
        tx.prepare_cached(
            "INSERT INTO threads (log, pos, created_pos, archived, deleted, id, namespace, state, crc)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            ON CONFLICT (log) DO UPDATE SET pos = excluded.pos, created_pos = excluded.created_pos,
                archived = excluded.archived, deleted = excluded.deleted, id = excluded.id,
                namespace = excluded.namespace, state = excluded.state, crc = excluded.crc",
        )?
        .execute(sum::THREADS.sealed(&[
            Integer(row.log.0),
            Integer(int(row.pos)?),
            Integer(int(row.created_pos)?),
            Integer(row.archived.into()),
            Integer(row.deleted.into()),
            text(&row.id.to_string()),
            text(&row.namespace),
            text(&row.state),
        ]))?;
    }
    Ok(())
}

fn snapshots(tx: &Transaction<'_>, snapshots: &[SnapshotRow]) -> rusqlite::Result<()> {
    for row in snapshots {
        tx.prepare_cached(
            "INSERT INTO snapshots (log, seq, state, crc) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (log) DO UPDATE SET seq = excluded.seq, state = excluded.state, crc = excluded.crc
            WHERE excluded.seq >= snapshots.seq",
        )?
        .execute(sum::SNAPSHOTS.sealed(&[Integer(row.log.0), Integer(int(row.seq)?), text(&row.state)]))?;
    }
    Ok(())
}

fn replies(tx: &Transaction<'_>, replies: &[ReplyRow]) -> rusqlite::Result<()> {
    let Some(newest) = replies.iter().map(|row| row.at.as_millisecond()).max() else {
        return Ok(());
    };
    tx.prepare_cached("DELETE FROM replies WHERE at < ?1")?.execute([newest - REPLIES_KEPT_MS])?;
    for row in replies {
        tx.prepare_cached(
            "INSERT INTO replies (owner, name, at, request, reply, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(sum::REPLIES.sealed(&[
            text(&row.owner),
            text(&row.key),
            time(row.at),
            text(&row.request),
            text(&row.reply),
        ]))?;
    }
    Ok(())
}

fn tokens(tx: &Transaction<'_>, tokens: &[TokenRow]) -> rusqlite::Result<()> {
    for row in tokens {
        tx.prepare_cached(
            "INSERT INTO tokens (id, hash, name, scope, owner, created_at, expires_at, generation, previous_until,
                last_used_at, crc)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
            ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, name = excluded.name, scope = excluded.scope,
                owner = excluded.owner, created_at = excluded.created_at, expires_at = excluded.expires_at,
                generation = excluded.generation, previous_until = excluded.previous_until,
                last_used_at = excluded.last_used_at, crc = excluded.crc",
        )?
        .execute(sum::TOKENS.sealed(&[
            text(&row.id.to_string()),
            text(&row.hash),
            text(&row.name),
            text(&row.scope),
            text(&row.owner),
            time(row.created_at),
            row.expires_at.map_or(Null, time),
            Integer(row.generation.into()),
            row.previous_until.map_or(Null, time),
            row.last_used_at.map_or(Null, time),
        ]))?;
    }
    Ok(())
}

fn purge(tx: &Transaction<'_>, logs: &[LogKey], after: OpenInfo) -> rusqlite::Result<Vec<String>> {
    sum::remember(tx, "last_pos", &after.last_pos.to_string())?;
    sum::remember(tx, "last_key", &after.last_key.0.to_string())?;
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

fn text(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

fn time(at: Timestamp) -> ValueRef<'static> {
    Integer(at.as_millisecond())
}
