//! Is a scripted agent that misbehaves on demand, for fault tests.
//!
//! It writes its JSON lines by hand, because it must be able to break the protocol; what it is sent it validates, because
//! a client must not. Flags decide how the process behaves, the words of a prompt what a turn does (see `words.rs`).
//! Every line of a prompt is one command; a line that is none is said back.
//!
//! | flag | effect |
//! |---|---|
//! | `--ignore-sigterm` | SIGTERM, SIGHUP and SIGINT do nothing |
//! | `--ignore-eof` | goes on living when stdin is closed |
//! | `--banner` | prints a line of text on stdout first |
//! | `--exit-at-start CODE` | complains on stderr and exits |
//! | `--start-after MS` | waits before it reads anything |
//! | `--no-initialize` | never answers `initialize` |
//! | `--auth` | `session/new` fails with -32000 until `authenticate` has been called with `fake-login`, or with `fake-key` where `FAKE_API_KEY` is set |
//! | `--protocol N` | answers `initialize` with this protocol version |
//! | `--no-load` | has neither `session/load` nor `session/resume` |
//! | `--no-resume` | has no `session/resume` |
//! | `--lost` | knows no session of an earlier process, whatever it announces |
//! | `--late-replay` | tells of earlier turns only after `session/load` is answered |
//! | `--fork` | has `session/fork` |
//! | `--marker STR` | an argument by which a test finds this process and its children in `/proc/*/cmdline` |
//! | `--receipts FILE` | appends a line `SESSION<tab>TEXT` (as JSON strings) for every prompt that is received |

mod child;
mod flags;
mod hostile;
mod requests;
mod secrets;
mod stamps;
mod wire;
mod words;

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use flags::Flags;
use wire::{Incoming, Wire};

/// How many messages may wait between the reader and the agent; more than any test sends at once, so that only a hung
/// agent stops reading.
const INBOX: usize = 1024;

/// The agent: its flags, its wire, and what it has been told so far.
struct Agent {
    flags: Flags,
    wire: Wire,
    initialized: bool,
    authenticated: bool,
    /// Sessions that were opened, loaded or resumed, and the mode each is in.
    sessions: Vec<(String, String)>,
    /// The session whose turn is running, and whether it was cancelled.
    running: Option<String>,
    cancelled: bool,
    /// What the last session was opened with.
    mcp_servers: serde_json::Value,
    /// Memory that it took and keeps.
    hoard: Vec<Vec<u8>>,
}

fn main() -> ExitCode {
    let flags = match Flags::parse(std::env::args().skip(1)) {
        Ok(flags) => flags,
        Err(problem) => {
            eprintln!("fake-agent: {problem}");
            return ExitCode::from(2);
        }
    };
    if let Some(kind) = flags.child {
        return child::live(kind, &flags.marker);
    }
    if let Some(depth) = flags.bomb {
        return child::explode(depth, &flags.marker);
    }
    if let Some(code) = flags.exit_at_start {
        eprintln!("fake-agent: told to exit at once");
        return ExitCode::from(code);
    }
    if flags.ignore_sigterm {
        child::ignore_signals();
    }
    let (sender, inbox) = mpsc::sync_channel(INBOX);
    let mut agent = Agent {
        wire: Wire::new(inbox),
        flags,
        initialized: false,
        authenticated: false,
        sessions: Vec::new(),
        running: None,
        cancelled: false,
        mcp_servers: serde_json::Value::Null,
        hoard: Vec::new(),
    };
    if agent.flags.banner {
        agent.wire.raw(b"Welcome to fake-agent, the agent that says hello on stdout!\n");
    }
    if let Some(wait) = agent.flags.start_after {
        child::wait_for(wait);
    }
    std::thread::spawn(move || wire::read_lines(&sender));
    agent.run()
}

impl Agent {
    fn run(mut self) -> ExitCode {
        loop {
            match self.wire.next(None) {
                Some(Incoming::Message(message)) => self.handle(&message),
                Some(Incoming::NotJson(line)) => self.wire.parse_error(&line),
                Some(Incoming::Eof) => return self.leave(),
                None => {}
            }
        }
    }

    /// Leaves at the end of stdin, or stays for ever.
    fn leave(&self) -> ExitCode {
        if self.flags.ignore_eof {
            loop {
                child::wait_for(Duration::from_secs(60));
            }
        }
        ExitCode::SUCCESS
    }
}
