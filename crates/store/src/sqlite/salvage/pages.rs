//! The pages of a database as they are on the disk, those of its WAL over them, and the records that can be made out on
//! them. Nothing here trusts what it reads: whether a record is a row is told by its checksum.

use std::{collections::HashMap, fs::File, io, os::unix::fs::FileExt as _, path::Path};

use rusqlite::types::ValueRef;

use crate::sqlite::wal::Wal;

/// SQLite's own, where the header does not tell.
const USUAL_PAGE: usize = 4096;

/// No row is larger: what is large is in files.
const RECORD_MAX: usize = 64 << 20;

/// A database's pages.
pub(super) struct Pages {
    base: Option<File>,
    /// How many there are, those of the WAL included.
    count: u32,
    size: usize,
    newer: HashMap<u32, Vec<u8>>,
    /// Pages of the WAL whose checksums do not fit, so that not even their numbers are sure: most of one may be whole.
    doubtful: Vec<(u32, Vec<u8>)>,
}

/// A record on a leaf.
pub(super) struct Record {
    /// The row's own number; none on a leaf of an index.
    pub(super) key: Option<i64>,
    payload: Vec<u8>,
}

impl Pages {
    /// The pages of a database, which may be gone or shorter than it was.
    pub(super) fn open(path: &Path, wal: Option<&Wal>) -> io::Result<Self> {
        let base = match File::open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut header = [0; 18];
        let read = base.as_ref().map_or(Ok(()), |file| file.read_exact_at(&mut header, 0));
        let said = usize::from(u16::from_be_bytes([header[16], header[17]]));
        let size = match (wal, said) {
            (Some(wal), _) => wal.page_size,
            (None, 1) => 65_536,
            (None, said) if read.is_ok() && said.is_power_of_two() && said >= 512 => said,
            (None, _) => USUAL_PAGE,
        };
        let length = base.as_ref().map_or(Ok(0), |file| file.metadata().map(|meta| meta.len()))?;
        let mut count = u32::try_from(length.div_ceil(size as u64)).unwrap_or(u32::MAX);
        let mut newer = HashMap::new();
        let mut doubtful = Vec::new();
        for (page, bytes, sound) in wal.into_iter().flat_map(Wal::pages) {
            if sound {
                count = count.max(page);
                newer.insert(page, bytes.to_vec());
            } else {
                doubtful.push((page, bytes.to_vec()));
            }
        }
        Ok(Self { base, count, size, newer, doubtful })
    }

    /// A page; what is beyond the end of the file reads as zero.
    fn page(&self, number: u32) -> Option<Vec<u8>> {
        if number == 0 || number > self.count {
            return None;
        }
        if let Some(bytes) = self.newer.get(&number) {
            return Some(bytes.clone());
        }
        if let Some((_, bytes)) = self.doubtful.iter().rfind(|(doubtful, _)| *doubtful == number) {
            return Some(bytes.clone());
        }
        let base = self.base.as_ref()?;
        let mut bytes = vec![0; self.size];
        let mut filled = 0;
        let start = u64::from(number - 1) * self.size as u64;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match base.read_at(rest, start + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A sector that the disk does not give is lost, and no more than that.
                Err(_) => break,
            }
        }
        Some(bytes)
    }

    /// Everything that looks like a record of a leaf, page by page.
    pub(super) fn each_record<E>(&self, mut take: impl FnMut(&Record) -> Result<(), E>) -> Result<(), E> {
        let pages = (1..=self.count).filter_map(|number| Some((number, self.page(number)?)));
        for (number, page) in pages.chain(self.doubtful.iter().cloned()) {
            let head = if number == 1 { 100 } else { 0 };
            // Both ways, because the byte that tells leaves of tables from those of indexes may have flipped too.
            for of_table in [true, false] {
                for at in self.cells(&page, head) {
                    if let Some(record) = self.record(&page, at, of_table) {
                        take(&record)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Where the cells of a leaf may begin. Their number is not believed alone, nor is any of the places: there are as
    /// many as are said, or as have room before the first of them.
    fn cells(&self, page: &[u8], head: usize) -> Vec<usize> {
        let mut places = Vec::new();
        let said = place(page, head + 3, 2).map_or(0, |said| said as usize).min(self.size / 4);
        let mut lowest = self.size;
        let mut at = head + 8;
        while at + 2 <= lowest.max(head + 8 + 2 * said)
            && let Some(place) = place(page, at, 2).and_then(|place| usize::try_from(place).ok())
        {
            at += 2;
            if place > head + 8 && place < self.size {
                lowest = lowest.min(place);
                places.push(place);
            }
        }
        places
    }

    fn record(&self, page: &[u8], at: usize, of_table: bool) -> Option<Record> {
        let (length, mut at) = varint(page, at)?;
        let length = usize::try_from(length).ok().filter(|length| (2..=RECORD_MAX).contains(length))?;
        let mut key = None;
        if of_table {
            let (number, next) = varint(page, at)?;
            (key, at) = (Some(number), next);
        }
        let most = if of_table { self.size - 35 } else { (self.size - 12) * 64 / 255 - 23 };
        let least = (self.size - 12) * 32 / 255 - 23;
        if length <= most {
            return Some(Record { key, payload: page.get(at..at + length)?.to_vec() });
        }
        let fitting = least + (length - least) % (self.size - 4);
        let local = if fitting <= most { fitting } else { least };
        let mut payload = page.get(at..at + local)?.to_vec();
        let mut next = place(page, at + local, 4)?;
        while payload.len() < length {
            // The chain ends when there is enough of it, so one that bites its tail does too.
            let overflow = self.page(next)?;
            next = place(&overflow, 0, 4)?;
            let wanted = (length - payload.len()).min(self.size - 4);
            payload.extend_from_slice(overflow.get(4..4 + wanted)?);
        }
        Some(Record { key, payload })
    }
}

impl Record {
    /// Its columns; none if it is no record.
    pub(super) fn values(&self) -> Option<Vec<ValueRef<'_>>> {
        let bytes = &self.payload;
        let (header, mut at) = varint(bytes, 0)?;
        let header = usize::try_from(header).ok().filter(|header| *header <= bytes.len())?;
        let mut body = header;
        let mut values = Vec::new();
        while at < header {
            let (kind, next) = varint(bytes, at)?;
            at = next;
            let (value, width) = value(bytes, body, kind)?;
            values.push(value);
            body += width;
        }
        (at == header && body == bytes.len()).then_some(values)
    }
}

fn value(bytes: &[u8], at: usize, kind: i64) -> Option<(ValueRef<'_>, usize)> {
    let integer = |width| Some((ValueRef::Integer(number(bytes, at, width)?), width));
    match kind {
        0 => Some((ValueRef::Null, 0)),
        1..=4 => integer(usize::try_from(kind).ok()?),
        5 => integer(6),
        6 => integer(8),
        8 | 9 => Some((ValueRef::Integer(kind - 8), 0)),
        12.. => {
            let width = usize::try_from((kind - 12) / 2).ok()?;
            let bytes = bytes.get(at..at.checked_add(width)?)?;
            Some((if kind % 2 == 1 { ValueRef::Text(bytes) } else { ValueRef::Blob(bytes) }, width))
        }
        _ => None,
    }
}

/// A number with its sign, the greatest byte first.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<i64> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    let sign = if bytes.first()? & 0x80 == 0 { 0 } else { -1 };
    Some(bytes.iter().fold(sign, |number, byte| (number << 8) | i64::from(*byte)))
}

/// A place on a page or the number of one, which have no sign.
fn place(bytes: &[u8], at: usize, width: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    Some(bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}

/// SQLite's number of one to nine bytes, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let mut number: u64 = 0;
    for place in 0..9 {
        let byte = *bytes.get(at + place)?;
        if place == 8 {
            number = (number << 8) | u64::from(byte);
        } else {
            number = (number << 7) | u64::from(byte & 0x7f);
            if byte & 0x80 != 0 {
                continue;
            }
        }
        return Some((number.cast_signed(), at + place + 1));
    }
    None
}
