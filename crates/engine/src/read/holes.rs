//! Reading a log of which events are lost, and of which a repair knows: what is there is read past what is not.

use convene_core::event::EventData;
use convene_store::{Error, EventFilter, EventRow, LogKey, Reader};

/// How many events are read at once.
const PAGE: usize = 1000;

/// Events that fit a filter, up to `last`, the log's last one. As the store's own reading, except for the holes.
///
/// # Errors
/// If the store cannot be read.
pub(crate) fn events<R: Reader>(
    reader: &R,
    log: LogKey,
    filter: &EventFilter,
    last: u64,
) -> Result<Vec<EventRow>, Error> {
    let (mut after, mut before) =
        (filter.after.unwrap_or(0), filter.before.unwrap_or(u64::MAX).min(last.saturating_add(1)));
    let mut found = Vec::new();
    let (mut bytes, most) = (0, filter.bytes.unwrap_or(usize::MAX));
    while after.saturating_add(1) < before && found.len() < filter.limit && bytes < most {
        let page = EventFilter {
            after: Some(after),
            before: Some(before),
            limit: PAGE,
            bytes: filter.bytes,
            newest: filter.newest,
            ..EventFilter::default()
        };
        match reader.events(log, &page) {
            Ok(rows) if rows.is_empty() => break,
            Ok(mut rows) => {
                if filter.newest {
                    before = rows.first().map_or(before, |row| row.seq);
                    rows.reverse();
                } else {
                    after = rows.last().map_or(after, |row| row.seq);
                }
                let wanted = rows.into_iter().filter(|row| fits(row, filter));
                found.extend(wanted.inspect(|row| bytes += row.data.len()));
            }
            // One that is lost; the next one may be there.
            Err(Error::Damaged { .. }) if filter.newest => before -= 1,
            Err(Error::Damaged { .. }) => after += 1,
            Err(error) => return Err(error),
        }
    }
    found.truncate(filter.limit);
    if filter.newest {
        found.reverse();
    }
    Ok(found)
}

fn fits(row: &EventRow, filter: &EventFilter) -> bool {
    let of_turn = filter.turn.is_none() || filter.turn == row.turn;
    let of_kind = |kind: &String| EventData::from_json(&row.data).is_ok_and(|data| data.tag() == kind);
    of_turn && filter.kind.as_ref().is_none_or(of_kind)
}
