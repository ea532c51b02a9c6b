//! Keeps events on disk from the moment they have an index until the server has committed them.
//!
//! The file outlives the runner: what was not acknowledged when it died is delivered by the worker, which reads the same
//! file. Written through the page cache and never synced: a process may die at any byte, the machine is another matter.
//!
//! Format: eight bytes of magic, then records `length u32 · crc32 u32 · index u64 · text`, little-endian, the checksum
//! over index and text. A record that is cut short or does not match its checksum ends the file.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use thiserror::Error;

const MAGIC: &[u8; 8] = b"CVSPOOL1";
const HEAD: u64 = MAGIC.len() as u64;
const RECORD_HEAD: usize = 16;
/// Larger than any event: a length beyond it is not a length.
const TEXT_MAX: u32 = 1 << 30;
/// A file that is acknowledged to its end is emptied once it is this large.
const KEEP: u64 = 1 << 20;
/// An acknowledged prefix of this size is cut off, if it is also the larger part.
const COMPACT: u64 = 64 << 20;

/// What can go wrong with a spool.
#[derive(Debug, Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot {action} the spool {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is of another kind.
    #[error("{path} is not a spool")]
    NotASpool {
        /// The file.
        path: PathBuf,
    },
    /// A record that was written can no longer be read.
    #[error("the spool {path} is damaged at event {index}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The event that was looked for.
        index: u64,
    },
}

/// The writer's side: one runner, one file.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    file: File,
    /// Where the first unacknowledged record begins.
    acked_at: u64,
    /// The index of that record.
    acked: u64,
    /// Where the next record goes.
    end: u64,
    /// Its index.
    next: u64,
    /// The size from which on an acknowledged prefix is cut off.
    compact_at: u64,
}

impl Spool {
    /// Begins an empty spool at index 0, or goes on with one that is there.
    ///
    /// # Errors
    /// If the file cannot be made or read, or is none.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let error = io_error("open", path);
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path).map_err(&error)?;
        let length = file.metadata().map_err(&error)?.len();
        if length < HEAD {
            file.write_all_at(MAGIC, 0).map_err(&error)?;
            file.set_len(HEAD).map_err(&error)?;
            return Ok(Self {
                path: path.to_owned(),
                file,
                acked_at: HEAD,
                acked: 0,
                end: HEAD,
                next: 0,
                compact_at: COMPACT,
            });
        }
        let mut records = Records::open(path)?;
        let first = records.next().transpose()?.map(|record| record.index);
        let last = records.try_fold(first, |_, record| record.map(|record| Some(record.index)))?;
        let end = records.at;
        file.set_len(end).map_err(&error)?;
        let (acked, next) = (first.unwrap_or(0), last.map_or(0, |index| index + 1));
        Ok(Self { path: path.to_owned(), file, acked_at: HEAD, acked, end, next, compact_at: COMPACT })
    }

    /// The index that the next event will have.
    pub const fn next_index(&self) -> u64 {
        self.next
    }

    /// Everything before this index is acknowledged.
    pub const fn acked(&self) -> u64 {
        self.acked
    }

    /// How much is on disk and not acknowledged, in bytes.
    pub const fn unacked_bytes(&self) -> u64 {
        self.end - self.acked_at
    }

    /// Adds events, all or none.
    ///
    /// # Errors
    /// If the disk is full or refuses; the spool is as before, and the call may be repeated.
    pub fn append<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        let mut bytes = Vec::new();
        let mut next = self.next;
        for text in texts {
            encode(&mut bytes, next, text);
            next += 1;
        }
        if let Err(source) = self.file.write_all_at(&bytes, self.end) {
            // Whatever part of it is there would be taken for a torn end, and is written over the next time.
            let _ = self.file.set_len(self.end);
            return Err(io_error("write to", &self.path)(source));
        }
        self.end += bytes.len() as u64;
        self.next = next;
        Ok(())
    }

    /// The first unacknowledged events, at most so many of them, and none after their size has reached `max_bytes`.
    ///
    /// # Errors
    /// If they cannot be read back.
    pub fn read(&self, max_events: usize, max_bytes: usize) -> Result<Vec<String>, Error> {
        let (mut texts, mut at, mut index, mut size) = (Vec::new(), self.acked_at, self.acked, 0);
        // In one go what may be wanted: a call of the system for each record costs more than the record.
        let wanted = (max_bytes + max_events.saturating_mul(RECORD_HEAD)) as u64;
        let mut chunk = vec![0; usize::try_from(wanted.min(self.end - at)).unwrap_or(0)];
        self.file.read_exact_at(&mut chunk, at).map_err(io_error("read", &self.path))?;
        let mut rest = chunk.as_slice();
        while index < self.next && texts.len() < max_events && size < max_bytes {
            let (text, length) = match self.first_of(rest, index)? {
                Some(found) => found,
                // The last record is longer than what was wanted.
                None => self.read_at(at, index)?,
            };
            rest = usize::try_from(length).ok().and_then(|length| rest.get(length..)).unwrap_or_default();
            size += text.len();
            texts.push(text);
            at += length;
            index += 1;
        }
        Ok(texts)
    }

    /// Takes note that everything before `next_index` is committed; frees the space when that is worth it.
    ///
    /// # Errors
    /// If the file cannot be read or emptied.
    pub fn ack(&mut self, next_index: u64) -> Result<(), Error> {
        let target = next_index.min(self.next);
        if target == self.next {
            self.acked = self.next;
            self.acked_at = self.end;
        }
        while self.acked < target {
            self.acked_at += self.length_at(self.acked_at, self.acked)?;
            self.acked += 1;
        }
        if self.acked == self.next && self.end >= KEEP {
            self.file.set_len(HEAD).map_err(io_error("empty", &self.path))?;
            (self.acked_at, self.end) = (HEAD, HEAD);
        } else if self.acked_at >= self.compact_at && self.acked_at > self.end - self.acked_at {
            // A full disk has no room for a second file: the first one does as well, and grows before the next try.
            match self.compact() {
                Ok(()) => self.compact_at = COMPACT,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the spool stays as it is");
                    self.compact_at = self.acked_at + COMPACT;
                }
            }
        }
        Ok(())
    }

    /// Moves what is not acknowledged to a new file, which then takes this one's name.
    fn compact(&mut self) -> Result<(), Error> {
        let error = io_error("compact", &self.path);
        let draft = self.path.with_extension("new");
        let mut options = fs::OpenOptions::new();
        let file =
            options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(&error)?;
        let moved = copy(&self.file, self.acked_at..self.end, &file).and_then(|()| fs::rename(&draft, &self.path));
        if let Err(source) = moved {
            let _ = fs::remove_file(&draft);
            return Err(error(source));
        }
        self.end = HEAD + (self.end - self.acked_at);
        self.acked_at = HEAD;
        self.file = file;
        Ok(())
    }

    /// The record that these bytes begin with, and its length; nothing if they do not have the whole of it.
    fn first_of(&self, bytes: &[u8], index: u64) -> Result<Option<(String, u64)>, Error> {
        let Some((head, rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let head = self.head(*head, index)?;
        let Some(text) = rest.get(..head.length as usize) else { return Ok(None) };
        Ok(Some((self.text(&head, text.to_vec())?, RECORD_HEAD as u64 + u64::from(head.length))))
    }

    fn read_at(&self, at: u64, index: u64) -> Result<(String, u64), Error> {
        let mut head = [0; RECORD_HEAD];
        self.file.read_exact_at(&mut head, at).map_err(io_error("read", &self.path))?;
        let head = self.head(head, index)?;
        let mut text = vec![0; head.length as usize];
        self.file.read_exact_at(&mut text, at + RECORD_HEAD as u64).map_err(io_error("read", &self.path))?;
        Ok((self.text(&head, text)?, RECORD_HEAD as u64 + u64::from(head.length)))
    }

    fn length_at(&self, at: u64, index: u64) -> Result<u64, Error> {
        let mut head = [0; RECORD_HEAD];
        self.file.read_exact_at(&mut head, at).map_err(io_error("read", &self.path))?;
        Ok(RECORD_HEAD as u64 + u64::from(self.head(head, index)?.length))
    }

    fn head(&self, bytes: [u8; RECORD_HEAD], index: u64) -> Result<RecordHead, Error> {
        RecordHead::decode(bytes).filter(|head| head.index == index).ok_or_else(|| self.damaged(index))
    }

    fn text(&self, head: &RecordHead, text: Vec<u8>) -> Result<String, Error> {
        if !head.matches(&text) {
            return Err(self.damaged(head.index));
        }
        String::from_utf8(text).map_err(|_| self.damaged(head.index))
    }

    fn damaged(&self, index: u64) -> Error {
        Error::Damaged { path: self.path.clone(), index }
    }
}

/// One event of a spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its index in the attempt.
    pub index: u64,
    /// The event, as JSON text.
    pub text: String,
}

/// The reader's side: every whole record of a file, in order, one at a time. A torn end is no error.
#[derive(Debug)]
pub struct Records {
    path: PathBuf,
    file: BufReader<File>,
    /// The end of the last whole record.
    at: u64,
    /// The index that a record must have to belong here.
    expected: Option<u64>,
}

impl Records {
    /// Opens the spool of a runner that is dead.
    ///
    /// # Errors
    /// If the file cannot be read or is none. A file that does not exist, or was cut off in its first eight bytes, has
    /// no records.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                File::open("/dev/null").map_err(io_error("open", path))?
            }
            Err(source) => return Err(io_error("open", path)(source)),
        };
        let mut file = BufReader::new(file);
        let mut magic = [0; MAGIC.len()];
        let whole = read_whole(&mut file, &mut magic).map_err(io_error("read", path))?;
        if whole && magic != *MAGIC {
            return Err(Error::NotASpool { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), file, at: HEAD, expected: None })
    }

    fn read(&mut self) -> io::Result<Option<Record>> {
        let mut head = [0; RECORD_HEAD];
        if !read_whole(&mut self.file, &mut head)? {
            return Ok(None);
        }
        let Some(head) = RecordHead::decode(head) else { return Ok(None) };
        if self.expected.is_some_and(|expected| expected != head.index) {
            return Ok(None);
        }
        let mut text = Vec::new();
        (&mut self.file).take(head.length.into()).read_to_end(&mut text)?;
        if text.len() != head.length as usize || !head.matches(&text) {
            return Ok(None);
        }
        let Ok(text) = String::from_utf8(text) else { return Ok(None) };
        self.at += (RECORD_HEAD + text.len()) as u64;
        self.expected = Some(head.index + 1);
        Ok(Some(Record { index: head.index, text }))
    }
}

impl Iterator for Records {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map_err(io_error("read", &self.path)).transpose()
    }
}

struct RecordHead {
    length: u32,
    checksum: u32,
    index: u64,
}

impl RecordHead {
    fn decode(bytes: [u8; RECORD_HEAD]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
        let head = Self {
            length: u32::from_le_bytes([a, b, c, d]),
            checksum: u32::from_le_bytes([e, f, g, h]),
            index: u64::from_le_bytes(rest),
        };
        (head.length <= TEXT_MAX).then_some(head)
    }

    fn matches(&self, text: &[u8]) -> bool {
        checksum(self.index, text) == self.checksum
    }
}

fn encode(bytes: &mut Vec<u8>, index: u64, text: &str) {
    // An event is made from lines of limited length; what does not fit 32 bits cannot exist.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&checksum(index, text.as_bytes()).to_le_bytes());
    bytes.extend_from_slice(&index.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

fn checksum(index: u64, text: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&index.to_le_bytes());
    hasher.update(text);
    hasher.finalize()
}

/// Fills the buffer; `false` if the file ends before.
fn read_whole(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn copy(from: &File, range: std::ops::Range<u64>, to: &File) -> io::Result<()> {
    to.write_all_at(MAGIC, 0)?;
    let mut buffer = vec![0; 1 << 20];
    let (mut at, mut target) = (range.start, HEAD);
    while at < range.end {
        let wanted = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(buffer.len());
        let chunk = &mut buffer[..wanted];
        from.read_exact_at(chunk, at)?;
        to.write_all_at(chunk, target)?;
        at += wanted as u64;
        target += wanted as u64;
    }
    Ok(())
}

fn io_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Io { action, path: path.clone(), source }
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
