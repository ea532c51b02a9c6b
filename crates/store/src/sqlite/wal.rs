//! The write-ahead log, read as SQLite writes it: which pages it has, and whether a part of it has gone bad.
//!
//! SQLite ends at the first frame whose checksum is wrong and takes all behind it for the tail of a crash. It is not one
//! where a later transaction follows: that was begun only after everything before it was on the disk.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::Path,
};

const HEADER: usize = 32;
const FRAME: usize = 24;

/// A page in the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) page: u32,
    /// Where its bytes begin.
    pub(crate) at: usize,
    /// The size of the database in pages, if a transaction ends with this frame.
    commit: Option<u32>,
    /// Whether it is of the log's present round; older ones are left over behind them.
    present: bool,
    /// Whether its checksum fits, given what the frame before it says of its own.
    sound: bool,
}

/// A write-ahead log.
#[derive(Debug)]
pub(crate) struct Wal {
    bytes: Vec<u8>,
    pub(crate) page_size: usize,
    frames: Vec<Frame>,
}

impl Wal {
    /// Reads the log of a database; none if there is none, or it ends in its header: a disk that is full leaves that, and
    /// no frame was ever behind it.
    ///
    /// # Errors
    /// If the system refuses; `InvalidData` if its header is not one.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) if bytes.len() < HEADER => return Ok(None),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let header = Header::of(&bytes).filter(|header| header.sound);
        match header.and_then(|header| Self::parse(bytes, header)) {
            Some(wal) => Ok(Some(wal)),
            None => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Reads what is sound of a log, whatever its header says.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn read_what_is_sound(path: &Path) -> io::Result<Option<Self>> {
        match Self::read(path) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
            read => return read,
        }
        let bytes = fs::read(path)?;
        let Some(said) = Header::of(&bytes) else { return Ok(None) };
        // One byte of it is bad. The first frame repeats the salts; which way numbers lie and how large a page is can
        // be told by which frames fit.
        let salts = word(&bytes, HEADER + 8).zip(word(&bytes, HEADER + 12)).unwrap_or(said.salts);
        let guesses = [said.page_size, 4096].into_iter().flat_map(|page_size| {
            [false, true].map(|big| Header { big, page_size, salts, sums: said.sums, sound: true })
        });
        let read = guesses.filter_map(|header| Self::parse(bytes.clone(), header));
        Ok(read.max_by_key(|wal| wal.frames.iter().filter(|frame| frame.sound).count()))
    }

    fn parse(bytes: Vec<u8>, header: Header) -> Option<Self> {
        // Reading from memory does not fail.
        let frames = frames(bytes.get(HEADER..)?, header).ok()??;
        Some(Self { bytes, page_size: header.page_size, frames })
    }

    /// Pages up to the last transaction that ended, oldest first, each with whether its checksum fits.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (u32, &[u8], bool)> {
        let ended = self.frames.iter().rposition(|frame| frame.sound && frame.commit.is_some());
        let taken = self.frames.iter().take(ended.map_or(0, |ended| ended + 1));
        taken.filter_map(|frame| Some((frame.page, self.bytes.get(frame.at..frame.at + self.page_size)?, frame.sound)))
    }
}

/// How a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// There is none, or it ends in its header: a disk that is full leaves that, and no frame was ever behind it.
    Empty,
    /// What was durable is as it was written.
    Sound,
    /// A frame has gone bad that was durable.
    Bad(usize),
    /// Its header is none.
    NoHeader,
}

/// Whether there is none, or it ends in its header.
///
/// # Errors
/// If the system refuses.
pub(crate) fn is_empty(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(meta) => Ok(meta.len() < HEADER as u64),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Looks at a log, of which a page at a time is in memory.
///
/// # Errors
/// If the system refuses.
pub(crate) fn look(path: &Path) -> io::Result<Condition> {
    let mut file = match File::open(path) {
        Ok(file) => BufReader::with_capacity(1 << 17, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Condition::Empty),
        Err(error) => return Err(error),
    };
    let mut head = [0; HEADER];
    match file.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Condition::Empty),
        read => read?,
    }
    let Some(header) = Header::of(&head).filter(|header| header.sound) else { return Ok(Condition::NoHeader) };
    let Some(frames) = frames(file, header)? else { return Ok(Condition::NoHeader) };
    Ok(durable_and_bad(&frames).map_or(Condition::Sound, Condition::Bad))
}

/// Where a frame has gone bad that was durable.
fn durable_and_bad(frames: &[Frame]) -> Option<usize> {
    let bad = frames.iter().position(|frame| !frame.sound)?;
    let behind = frames.get(bad..)?;
    let ended = behind.iter().position(|frame| frame.present && frame.commit.is_some())?;
    let next = behind.get(ended + 1..)?;
    next.iter().any(|frame| frame.sound).then_some(bad)
}

/// The frames behind a header, as far as they are whole; none if the header cannot be one.
fn frames(mut log: impl Read, header: Header) -> io::Result<Option<Vec<Frame>>> {
    let Header { big, page_size, salts, sums, .. } = header;
    if !(512..=65_536).contains(&page_size) {
        return Ok(None);
    }
    let mut before = sums;
    let mut frames = Vec::new();
    let mut at = HEADER;
    let mut frame = vec![0; FRAME + page_size];
    loop {
        match log.read_exact(&mut frame) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Some(frames)),
            read => read?,
        }
        let number = |at| word(&frame, at).unwrap_or_default();
        let (said, (head, page)) = ((number(16), number(20)), frame.split_at(FRAME));
        let present = (number(8), number(12)) == salts;
        // What is left of an older round is not summed up: it can be half of what is there.
        let found = present.then(|| sum(big, sum(big, before, head.get(..8).unwrap_or_default()), page));
        frames.push(Frame {
            page: number(0),
            at: at + FRAME,
            commit: Some(number(4)).filter(|commit| *commit != 0),
            present,
            sound: found == Some(said),
        });
        before = said;
        at += FRAME + page_size;
    }
}

/// What a log begins with.
#[derive(Debug, Clone, Copy)]
struct Header {
    /// Whether its sums take numbers with the greatest byte first.
    big: bool,
    page_size: usize,
    /// What frames of the present round repeat.
    salts: (u32, u32),
    sums: (u32, u32),
    /// Whether its own sum fits.
    sound: bool,
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..HEADER)?;
        let magic = word(header, 0)?;
        let big = magic == 0x377f_0683;
        let sums = (word(header, 24)?, word(header, 28)?);
        let sound = (big || magic == 0x377f_0682) && sum(big, (0, 0), header.get(..24)?) == sums;
        let page_size = usize::try_from(word(header, 8)?).ok()?;
        Some(Self { big, page_size, salts: (word(header, 16)?, word(header, 20)?), sums, sound })
    }
}

/// SQLite's sum over words of 32 bits, of which there is an even number.
fn sum(big: bool, (mut first, mut second): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let number = |word: [u8; 4]| if big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) };
    for [a, b, c, d, e, f, g, h] in bytes.as_chunks::<8>().0 {
        first = first.wrapping_add(number([*a, *b, *c, *d])).wrapping_add(second);
        second = second.wrapping_add(number([*e, *f, *g, *h])).wrapping_add(first);
    }
    (first, second)
}

/// A number of four bytes, the greatest first.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}
