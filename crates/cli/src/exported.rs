//! A session that was taken out as JSON lines: read line by line, told with the line where it is wrong.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    path::Path,
};

use convene_api::{
    client::SessionEvent,
    problem::{Code, Problem},
};
use convene_core::{
    event::Event,
    ids::SessionId,
    ledger::{self, Meta},
    session::SessionState,
    view::{self, SessionView},
};

/// The longest line that is read, in bytes: the largest event and its place.
const LINE_MAX: u64 = 64 << 20;

/// A line of the file.
#[derive(Debug)]
pub enum Line {
    /// The first one of a ledger.
    Meta(Box<Meta>),
    /// An event.
    Event(Box<SessionEvent>),
    /// Something else: what, for people.
    Broken(String),
}

/// The lines of a file, with their numbers and their text.
pub struct Lines {
    file: io::Take<BufReader<File>>,
    number: usize,
    session: Option<SessionId>,
}

impl Lines {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let file = File::open(path).and_then(|file| match file.metadata()?.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(file),
        });
        let file = file.map_err(|error| unreadable(path, &error))?;
        Ok(Self { file: BufReader::new(file).take(LINE_MAX), number: 0, session: None })
    }

    /// The next line that is not empty: its number, its text, and what it is.
    pub fn next(&mut self) -> io::Result<Option<(usize, String, Line)>> {
        loop {
            let mut bytes = Vec::new();
            self.file.set_limit(LINE_MAX);
            if self.file.read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            if !text.is_empty() {
                let line = self.line(&text);
                return Ok(Some((self.number, text, line)));
            }
        }
    }

    fn line(&mut self, text: &str) -> Line {
        if self.session.is_none()
            && let Some(meta) = Meta::read(text)
        {
            self.session = Some(meta.session);
            return Line::Meta(Box::new(meta));
        }
        match SessionEvent::from_json(text) {
            Ok(event) => match *self.session.get_or_insert(event.session) {
                session if session == event.session => Line::Event(Box::new(event)),
                session => Line::Broken(format!("it is of session {}, the lines before of {session}", event.session)),
            },
            Err(error) => Line::Broken(error.to_string()),
        }
    }
}

/// A whole session out of a file.
#[derive(Debug)]
pub struct Exported {
    /// As it was after the last event.
    pub session: SessionView,
    /// Its events.
    pub events: Vec<SessionEvent>,
}

/// Reads a whole session.
///
/// # Errors
/// If it is none, or not whole: the problem names the line.
pub fn read(path: &Path) -> Result<Exported, Problem> {
    let mut lines = Lines::open(path)?;
    let mut state: Option<SessionState> = None;
    let (mut events, mut promised) = (Vec::new(), None);
    while let Some((number, text, line)) = lines.next().map_err(|error| unreadable(path, &error))? {
        let event = match line {
            Line::Meta(meta) => {
                promised = Some(meta.events);
                continue;
            }
            Line::Event(event) => event,
            Line::Broken(why) => return Err(wrong(path, number, &why)),
        };
        let last = events.last().map_or(0, |event: &SessionEvent| event.seq);
        if event.seq <= last {
            return Err(wrong(path, number, &format!("event {} comes after event {last}", event.seq)));
        }
        let whole = Event::from_wire(&text).map_err(|error| wrong(path, number, &error.to_string()))?;
        match &mut state {
            Some(state) => state.apply(&whole),
            None => state = SessionState::begin(&whole),
        }
        if state.is_none() {
            return Err(wrong(path, number, "a session begins with session_created"));
        }
        events.push(*event);
    }
    let Some(state) = state else {
        return Err(wrong(path, 1, &format!("there is neither a {} line nor an event", ledger::TAG)));
    };
    let last = events.last().map_or(0, |event| event.seq);
    if let Some(promised) = promised.filter(|promised| *promised != last) {
        let why = format!("its first line tells of {promised} events, and the last one here is event {last}");
        return Err(wrong(path, events.len() + 1, &why));
    }
    Ok(Exported { session: view::session(&state), events })
}

fn wrong(path: &Path, line: usize, why: &str) -> Problem {
    Problem::new(Code::InvalidRequest, format!("{}:{line} is no line of an exported session: {why}", path.display()))
        .with("line", line)
        .hint("it takes what `convene export ID` writes")
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(Code::InvalidRequest, format!("cannot read {}: {error}", path.display()))
}
