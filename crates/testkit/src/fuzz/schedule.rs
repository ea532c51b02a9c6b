//! What is to happen, all of it decided by a seed before anything does: the same seed gives the same schedule.

use std::time::Duration;

use crate::cluster::Role;

/// The agents of a run, by their names in the configuration, and the flags that make each of them.
pub const AGENTS: [(&str, &[&str]); 5] = [
    // Deaf to everything but SIGKILL.
    ("deaf", &["--ignore-sigterm", "--ignore-eof"]),
    ("polite", &["--fork"]),
    ("loads", &["--no-resume"]),
    (FORGETFUL, &["--no-load"]),
    ("late", &["--start-after", "200"]),
];

/// The agent that gets a recap, since it knows no session of an earlier process.
pub const FORGETFUL: &str = "forgetful";

/// Pseudo-random, the same for the same seed.
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed, any number.
    pub fn of(seed: u64) -> Self {
        // Neighbors among seeds are to have nothing in common.
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below that of the sides.
    pub fn roll(&mut self, sides: usize) -> usize {
        // Xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % sides.max(1) as u64).unwrap_or_default()
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn millis(&mut self, most: usize) -> Duration {
        Duration::from_millis(self.roll(most) as u64)
    }
}

/// What an agent is told to do in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// So many numbered words are streamed.
    pub stream: usize,
    /// With so long a pause between them, in microseconds.
    pub pause_us: usize,
    /// What it does beside.
    pub beside: Beside,
}

/// What an agent does beside streaming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// A tool call to its end.
    Tool,
    /// A tool call that it leaves open.
    OpenTool,
    /// It thinks.
    Thoughts,
    /// It asks for permission.
    Question,
    /// It starts children that leave its tree in every way there is.
    Daemons,
    /// It aborts.
    Abort,
}

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Makes a session in a place; the one that was there is left to itself.
    Create {
        /// The place.
        place: usize,
        /// The agent, by its index.
        agent: usize,
        /// Its first prompt.
        words: Words,
    },
    /// Prompts, by two requests with the same key at once if it is `twice`.
    Prompt {
        /// The place.
        place: usize,
        /// What is said.
        words: Words,
        /// Whether the request is doubled.
        twice: bool,
        /// Whether a running turn is cancelled for it.
        interrupt: bool,
    },
    /// Cancels the running turn.
    Cancel(usize),
    /// Stops, giving the agent time.
    Stop(usize),
    /// Stops at once.
    StopNow(usize),
    /// Puts to sleep.
    Hibernate(usize),
    /// Wakes.
    Resume(usize),
    /// Begins the conversation anew.
    Clear(usize),
    /// Branches off; the fork takes the place.
    Fork {
        /// The place.
        place: usize,
        /// The fork's first prompt.
        words: Words,
    },
    /// Answers the open questions.
    Answer(usize),
    /// Deletes the session and makes another one in its place.
    Delete(usize),
}

impl Act {
    /// The place of the session that it is about.
    pub const fn place(self) -> usize {
        match self {
            Self::Create { place, .. } | Self::Prompt { place, .. } | Self::Fork { place, .. } => place,
            Self::Cancel(place)
            | Self::Stop(place)
            | Self::StopNow(place)
            | Self::Hibernate(place)
            | Self::Resume(place)
            | Self::Clear(place)
            | Self::Answer(place)
            | Self::Delete(place) => place,
        }
    }
}

/// How processes are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By SIGKILL.
    Kill,
    /// They stand still for so long, and go on.
    Freeze(Duration),
    /// They stand still for so long, and are killed then.
    FreezeAndKill(Duration),
    /// The victims are killed, and what a supervisor starts again is killed once more after so long.
    Again(Duration),
    /// A session is made, and the victims in it are killed so long after its processes came.
    Newborn(Duration),
}

/// One strike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// It comes so long after the acts before it were begun.
    pub after: Duration,
    /// Whom it hits: a role, and the place of the session whose process it is.
    pub victims: Vec<(Role, usize)>,
    /// How.
    pub how: How,
}

/// What clients do, and then a strike while they do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// Begun one right after the other, without waiting for answers.
    pub acts: Vec<Act>,
    /// What hits then.
    pub strike: Strike,
}

const ROLES: [Role; 5] = [Role::Server, Role::Worker, Role::Keeper, Role::Runner, Role::Agent];

/// So many rounds over so many places.
pub fn rounds(seed: u64, kills: usize, places: usize) -> Vec<Round> {
    let mut dice = Dice::of(seed);
    (0..kills)
        .map(|_| {
            let acts = (0..1 + dice.roll(4)).map(|_| act(&mut dice, places)).collect();
            Round { acts, strike: strike(&mut dice, places) }
        })
        .collect()
}

/// What an agent is told to do.
pub fn words(dice: &mut Dice) -> Words {
    use Beside::{Abort, Daemons, Nothing, OpenTool, Question, Thoughts, Tool};
    let beside =
        [Nothing, Nothing, Nothing, Tool, OpenTool, Thoughts, Question, Daemons, Daemons, Abort][dice.roll(10)];
    Words { stream: 1 + dice.roll(200), pause_us: [0, 500, 2000, 5000][dice.roll(4)], beside }
}

fn act(dice: &mut Dice, places: usize) -> Act {
    let place = dice.roll(places);
    match dice.roll(33) {
        0..=2 => Act::Create { place, agent: dice.roll(AGENTS.len()), words: words(dice) },
        3..=15 => Act::Prompt { place, words: words(dice), twice: dice.one_in(4), interrupt: dice.one_in(5) },
        16..=18 => Act::Cancel(place),
        19 => Act::Stop(place),
        20 | 21 => Act::StopNow(place),
        22..=24 => Act::Hibernate(place),
        25 | 26 => Act::Resume(place),
        27 => Act::Clear(place),
        28 => Act::Fork { place, words: words(dice) },
        29 => Act::Delete(place),
        _ => Act::Answer(place),
    }
}

fn strike(dice: &mut Dice, places: usize) -> Strike {
    let mut victims = vec![(ROLES[dice.roll(ROLES.len())], dice.roll(places))];
    // Several at once, of one session or of several.
    while dice.one_in(3) && victims.len() < 4 {
        let place = if dice.one_in(2) { victims[0].1 } else { dice.roll(places) };
        let victim = (ROLES[dice.roll(ROLES.len())], place);
        if !victims.contains(&victim) {
            victims.push(victim);
        }
    }
    let how = match dice.roll(10) {
        0 => How::Freeze(Duration::from_millis(100) + dice.millis(1500)),
        1 => How::FreezeAndKill(Duration::from_millis(50) + dice.millis(500)),
        2 | 3 => How::Again(dice.millis(250)),
        4 => How::Newborn(dice.millis(40)),
        _ => How::Kill,
    };
    Strike { after: dice.millis(120), victims, how }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
