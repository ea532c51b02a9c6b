//! Plays `STAMP` and `MIX`: chunks that tell when they were written, for programs that measure how long they travel.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::Agent;

/// What is streamed.
pub struct Stamps {
    /// How many chunks.
    pub count: u64,
    /// One every so many microseconds from the first on; 0: as fast as they are taken.
    pub every_us: u64,
    /// How long the text of a chunk is at least, in bytes.
    pub bytes: usize,
    /// Whether every other chunk is a thought, so that no two neighbors are of one message.
    pub mixed: bool,
}

impl Agent {
    /// Streams them; `false`: cancelled.
    ///
    /// The text of each begins with `@` and the monotonic clock in nanoseconds, which all processes of a machine share.
    pub fn stamps(&mut self, session: &str, stamps: &Stamps) -> bool {
        let start = Instant::now();
        let session = serde_json::json!(session);
        let mut line = String::new();
        for n in 0..stamps.count {
            let due = start + Duration::from_micros(n * stamps.every_us);
            let wait = due.saturating_duration_since(Instant::now());
            if !(if wait.is_zero() { self.breathe(None) } else { self.pause(wait) }) {
                return false;
            }
            let kind = if stamps.mixed && n % 2 == 1 { "agent_thought_chunk" } else { "agent_message_chunk" };
            line.clear();
            // Written by hand, so that a flood of it costs little beside what it measures; a string takes everything.
            let _ = write!(
                line,
                r#"{{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":{session},"update":{{"sessionUpdate":"{kind}","content":{{"type":"text","text":"@"#
            );
            let text = line.len();
            let now = clock_gettime(ClockId::Monotonic);
            let _ = write!(line, "{}{:09} ", now.tv_sec, now.tv_nsec);
            while line.len() < text + stamps.bytes.saturating_sub(1) {
                line.push('x');
            }
            line.push_str("\"}}}}");
            self.wire.line(&line);
        }
        true
    }
}
