//! Checksums of rows: SQLite keeps none, and would read a bit that flipped on the disk as if it had been written.
//!
//! The last column of each table is the CRC-32 of the table's name and of the columns before it, each with its kind and
//! length. What an index leads to is checked with it: a row that is another's does not fit what was asked for.

use std::{fmt, iter};

use rusqlite::{
    Connection, Params, Row, params_from_iter,
    types::{ToSqlOutput, Type, ValueRef},
};

/// A table whose rows are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// In the order of the schema, the checksum left out.
    pub(crate) columns: &'static str,
    /// How many columns that are.
    pub(crate) width: usize,
    /// Which of them is the row's own number.
    pub(crate) key: Option<usize>,
}

pub(crate) const META: Table = Table { name: "meta", columns: "name, value", width: 2, key: None };
pub(crate) const EVENTS: Table =
    Table { name: "events", columns: "pos, log, seq, at, idx, turn, blob, data", width: 8, key: Some(0) };
pub(crate) const SESSIONS: Table = Table {
    name: "sessions",
    columns: "log, seq, pos, updated_at, created_pos, created_at, archived, deleted, id, thread, owner, namespace, \
        agent, state, badge, cwd, title",
    width: 17,
    key: Some(0),
};
pub(crate) const THREADS: Table = Table {
    name: "threads",
    columns: "log, pos, created_pos, archived, deleted, id, namespace, state",
    width: 8,
    key: Some(0),
};
pub(crate) const SNAPSHOTS: Table = Table { name: "snapshots", columns: "log, seq, state", width: 3, key: Some(0) };
pub(crate) const REPLIES: Table =
    Table { name: "replies", columns: "owner, name, at, request, reply", width: 5, key: None };
pub(crate) const TOKENS: Table = Table {
    name: "tokens",
    columns: "id, hash, name, scope, owner, created_at, expires_at, generation, previous_until, last_used_at",
    width: 10,
    key: None,
};

/// All of them.
pub(crate) const ALL: [Table; 7] = [META, EVENTS, SESSIONS, THREADS, SNAPSHOTS, REPLIES, TOKENS];

impl Table {
    /// The columns with the checksum behind them: what a query selects whose rows are checked.
    pub(super) fn checked(&self) -> String {
        format!("{}, crc", self.columns)
    }

    /// The checksum of a row.
    pub(crate) fn sum<'a>(&self, values: impl IntoIterator<Item = ValueRef<'a>>) -> i64 {
        let mut sum = Sum::of(self.name);
        for value in values {
            sum.take(value);
        }
        sum.finish()
    }

    /// A row's values with their checksum behind them, for a statement.
    pub(super) fn sealed(&self, values: &[ValueRef<'_>]) -> impl Params {
        debug_assert_eq!(values.len(), self.width, "{}", self.name);
        let sum = ValueRef::Integer(self.sum(values.iter().copied()));
        params_from_iter(values.iter().copied().chain(iter::once(sum)).map(ToSqlOutput::Borrowed))
    }

    /// Whether a row of [`Table::checked`] is as it was written.
    pub(super) fn check(&self, row: &Row<'_>) -> rusqlite::Result<()> {
        let mut sum = Sum::of(self.name);
        for column in 0..self.width {
            sum.take(row.get_ref(column)?);
        }
        if row.get_ref(self.width)? == ValueRef::Integer(sum.finish()) {
            return Ok(());
        }
        let mismatch = Mismatch { table: self.name };
        Err(rusqlite::Error::FromSqlConversionFailure(self.width, Type::Integer, Box::new(mismatch)))
    }
}

/// A checksum that is being made. What is short is gathered: the sum of many bytes at once is much faster.
struct Sum {
    sum: crc32fast::Hasher,
    gathered: [u8; 256],
    length: usize,
}

impl Sum {
    fn of(table: &str) -> Self {
        let mut sum = Self { sum: crc32fast::Hasher::new(), gathered: [0; 256], length: 0 };
        sum.bytes(table.as_bytes());
        sum
    }

    fn take(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.bytes(b"n"),
            ValueRef::Integer(number) => {
                self.bytes(b"i");
                self.bytes(&number.to_le_bytes());
            }
            // No column is of this kind.
            ValueRef::Real(number) => self.bytes(&number.to_le_bytes()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                self.bytes(b"t");
                self.bytes(&(bytes.len() as u64).to_le_bytes());
                self.bytes(bytes);
            }
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(room) = self.gathered.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
            return;
        }
        self.flush();
        self.sum.update(bytes);
    }

    fn flush(&mut self) {
        self.sum.update(self.gathered.get(..self.length).unwrap_or_default());
        self.length = 0;
    }

    fn finish(mut self) -> i64 {
        self.flush();
        i64::from(self.sum.finalize())
    }
}

/// A row is not as it was written.
#[derive(Debug)]
struct Mismatch {
    table: &'static str,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row of {} does not fit its checksum", self.table)
    }
}

impl std::error::Error for Mismatch {}

/// Gives every row of before its checksum, once.
pub(super) fn fill(conn: &mut Connection) -> rusqlite::Result<()> {
    let tx = conn.transaction()?;
    if !tx.prepare("SELECT 1 FROM meta WHERE name = 'sums'")?.exists([])? {
        for table in ALL {
            let mut rows = tx.prepare(&format!("SELECT {}, rowid FROM {}", table.columns, table.name))?;
            let mut give = tx.prepare(&format!("UPDATE {} SET crc = ?2 WHERE rowid = ?1", table.name))?;
            let mut rows = rows.query([])?;
            while let Some(row) = rows.next()? {
                let mut values = Vec::with_capacity(table.width);
                for column in 0..table.width {
                    values.push(row.get_ref(column)?);
                }
                give.execute([row.get(table.width)?, table.sum(values)])?;
            }
        }
        remember(&tx, "sums", "1")?;
    }
    tx.commit()
}

/// Sets a value of `meta`.
pub(super) fn remember(conn: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO meta (name, value, crc) VALUES (?1, ?2, ?3)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value, crc = excluded.crc",
    )?
    .execute(META.sealed(&[ValueRef::Text(name.as_bytes()), ValueRef::Text(value.as_bytes())]))?;
    Ok(())
}
