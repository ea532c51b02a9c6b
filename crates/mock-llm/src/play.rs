//! Plays a plan in the voice of a provider, at its pace: piece by piece, or whole.

use std::{collections::VecDeque, io, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde_json::Value;

use crate::{
    fault::Fault,
    journal::{Entry, Outcome},
    plan::{Call, Plan, Step, Stop},
    voice::{Cost, End, Voice},
};

/// A plan that is ready to be played.
pub struct Play {
    beats: VecDeque<Beat>,
    voice: Box<dyn Voice>,
    entry: Entry,
    plan: Plan,
    /// Bytes of the request.
    request: usize,
    words: usize,
    thoughts: usize,
    called: bool,
}

enum Beat {
    Begin,
    Text(String),
    Thought(String),
    Call(Call),
    Wait(Duration),
    Fail(Fault),
    Cut,
    End,
}

/// How a reply that is not streamed came out.
pub enum Whole {
    /// It is this.
    Reply(Value),
    /// It failed.
    Fault(Fault),
    /// The connection breaks in the middle of this.
    Cut(Value),
}

impl Play {
    /// Prepares a plan; `request` is the size of the request in bytes.
    pub fn new(plan: Plan, voice: Box<dyn Voice>, entry: Entry, request: usize) -> Self {
        let beats = beats(&plan);
        Self { beats, voice, entry, plan, request, words: 0, thoughts: 0, called: false }
    }

    /// Waits and fails as long as nothing is said: what decides the HTTP status.
    pub async fn prelude(&mut self) -> Option<Fault> {
        let says = |beat: &Beat| match beat {
            Beat::Text(_) | Beat::Thought(_) | Beat::Call(_) | Beat::Cut | Beat::End => true,
            Beat::Begin | Beat::Wait(_) | Beat::Fail(_) => false,
        };
        let first = self.beats.iter().position(says).unwrap_or(self.beats.len());
        let fails = self.beats.iter().take(first).position(|beat| matches!(beat, Beat::Fail(_)))?;
        for beat in self.beats.drain(..=fails).collect::<Vec<_>>() {
            match beat {
                Beat::Wait(time) => tokio::time::sleep(time).await,
                Beat::Fail(fault) => {
                    self.entry.fault(&fault);
                    self.entry.end(Outcome::Failed);
                    return Some(fault);
                }
                Beat::Begin | Beat::Text(_) | Beat::Thought(_) | Beat::Call(_) | Beat::Cut | Beat::End => {}
            }
        }
        None
    }

    /// The media type of the stream.
    pub fn media_type(&self) -> &'static str {
        self.voice.media_type()
    }

    /// The reply as a stream of bytes. If its reader goes away, so does the rest.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + 'static {
        stream::unfold(Some(self), |play| async move {
            let mut play = play?;
            let mut out = Vec::new();
            while let Some(beat) = play.beats.pop_front() {
                let last = match beat {
                    Beat::Wait(time) => {
                        tokio::time::sleep(time).await;
                        continue;
                    }
                    Beat::Cut => {
                        play.entry.end(Outcome::Disconnected);
                        let broken = io::Error::new(io::ErrorKind::ConnectionReset, "the script says so");
                        return Some((Err(broken), None));
                    }
                    beat => play.say(beat, &mut out),
                };
                if last {
                    return Some((Ok(Bytes::from(out)), None));
                }
                if !out.is_empty() {
                    return Some((Ok(Bytes::from(out)), Some(play)));
                }
            }
            None
        })
    }

    /// The reply as one, after all that the plan says to wait.
    pub async fn whole(mut self) -> Whole {
        // What a stream would have been is not wanted.
        let mut out = Vec::new();
        while let Some(beat) = self.beats.pop_front() {
            match beat {
                Beat::Wait(time) => tokio::time::sleep(time).await,
                Beat::Cut => {
                    self.finish(&mut out);
                    self.entry.end(Outcome::Disconnected);
                    return Whole::Cut(self.voice.whole());
                }
                Beat::Fail(fault) => {
                    self.entry.fault(&fault);
                    self.entry.end(Outcome::Failed);
                    return Whole::Fault(fault);
                }
                beat => {
                    self.say(beat, &mut out);
                }
            }
            out.clear();
        }
        Whole::Reply(self.voice.whole())
    }

    /// Says one beat and tells whether it was the last.
    fn say(&mut self, beat: Beat, out: &mut Vec<u8>) -> bool {
        match beat {
            Beat::Begin => {
                let cost = Cost::of(&self.plan.usage, self.request, 0, 0);
                self.voice.begin(&cost, out);
            }
            Beat::Text(piece) => {
                self.words += piece.len();
                self.entry.text(&piece);
                self.voice.text(&piece, out);
            }
            Beat::Thought(piece) => {
                self.thoughts += piece.len();
                self.entry.thought(&piece);
                self.voice.thought(&piece, out);
            }
            Beat::Call(call) => {
                self.called = true;
                self.words += call.input.to_string().len();
                self.entry.call(&call);
                self.voice.call(&call, out);
            }
            Beat::Fail(fault) => {
                self.entry.fault(&fault);
                self.voice.fault(&fault, out);
                self.entry.end(Outcome::Failed);
                return true;
            }
            Beat::End => {
                self.finish(out);
                self.entry.end(Outcome::Complete);
                return true;
            }
            Beat::Wait(_) | Beat::Cut => {}
        }
        false
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let usual = if self.called { Stop::ToolUse } else { Stop::EndTurn };
        let stop = self.plan.stop.unwrap_or(usual);
        let cost = Cost::of(&self.plan.usage, self.request, self.words, self.thoughts);
        let end = End { stop, cost };
        self.entry.stop(&end);
        self.voice.end(&end, out);
    }
}

fn beats(plan: &Plan) -> VecDeque<Beat> {
    let mut beats = VecDeque::from([Beat::Begin]);
    for step in &plan.steps {
        match step {
            Step::Text(speech) | Step::Thoughts(speech) => {
                for (n, piece) in speech.pieces().into_iter().enumerate() {
                    if n > 0 && !speech.pause.is_zero() {
                        beats.push_back(Beat::Wait(speech.pause));
                    }
                    beats.push_back(if matches!(step, Step::Text(_)) {
                        Beat::Text(piece)
                    } else {
                        Beat::Thought(piece)
                    });
                }
            }
            Step::Call(call) => beats.push_back(Beat::Call(call.clone())),
            Step::Wait(time) => beats.push_back(Beat::Wait(*time)),
            Step::Fail(fault) => {
                beats.push_back(Beat::Fail(fault.clone()));
                return beats;
            }
            Step::Disconnect => {
                beats.push_back(Beat::Cut);
                return beats;
            }
        }
    }
    beats.push_back(Beat::End);
    beats
}
