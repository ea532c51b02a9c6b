//! Compares what a session shows with the processes that there are.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs,
    path::Path,
    time::Duration,
};

use convene_core::{ids::SessionId, view::SessionView};

/// A process of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// The session's id, as it is in its environment or command line.
    pub session: String,
    /// The attempt's number.
    pub attempt: u32,
    /// Its command line.
    pub command: String,
}

/// The processes of attempts whose command line or environment names this home; the dead are left out.
pub fn processes(home: &str) -> Vec<Found> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| read(pid, home)).collect()
}

fn read(pid: i32, home: &str) -> Option<Found> {
    let directory = Path::new("/proc").join(pid.to_string());
    let text = |name: &str| fs::read(directory.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (command, environment) = (text("cmdline").ok()?, text("environ").unwrap_or_default());
    if !command.contains(home) && !environment.contains(home) {
        return None;
    }
    let variable = |name: &str| environment.split('\0').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let (session, attempt) = match (variable("CONVENE_SESSION_ID"), variable("CONVENE_ATTEMPT")) {
        (Some(session), Some(attempt)) => (session, attempt),
        // A child of the fake agent that has given up its environment carries both in its mark.
        (None | Some(_), None) | (None, Some(_)) => {
            command.split('\0').find_map(|word| word.split_once(':')?.1.rsplit_once(':'))?
        }
    };
    if !session.starts_with("ses_") {
        return None;
    }
    let (session, attempt) = (session.to_owned(), attempt.parse().ok()?);
    // The name may have spaces and parentheses in it.
    let parent = text("stat").ok()?.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()?;
    Some(Found { pid, parent, session, attempt, command: command.replace('\0', " ").trim_end().to_owned() })
}

/// Keeper, runner and agent of a session's attempt, by the run directory and the process table alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The keeper.
    pub keeper: i32,
    /// The runner, its child.
    pub runner: Option<i32>,
    /// The agent, the runner's first child.
    pub agent: Option<i32>,
}

/// The family of the newest attempt that lives.
pub fn family(all: &[Found], session: SessionId) -> Option<Family> {
    let session = session.to_string();
    let attempt = all.iter().filter(|p| p.session == session).map(|p| p.attempt).max()?;
    let own: Vec<&Found> = all.iter().filter(|p| p.session == session && p.attempt == attempt).collect();
    let ours = |p: &&&Found| p.command.contains(" runner --run-dir ");
    // The keeper's parent is the worker; the runner's is the keeper.
    let pids: BTreeSet<i32> = own.iter().map(|p| p.pid).collect();
    let keeper = own.iter().filter(ours).find(|p| !pids.contains(&p.parent))?.pid;
    let runner = own.iter().filter(ours).find(|p| p.parent == keeper).map(|p| p.pid);
    let mut children: Vec<&&Found> = own.iter().filter(|p| Some(p.parent) == runner).collect();
    children.sort_by_key(|p| p.pid);
    let agent = children.iter().find(|p| !p.command.contains("--child")).map(|p| p.pid);
    Some(Family { keeper, runner, agent })
}

/// What a session shows, as far as processes can confirm it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The session.
    pub session: SessionId,
    /// Its state.
    pub state: String,
    /// Its newest attempt.
    pub attempt: u32,
    /// Whether it was proved that nothing is left.
    pub verified: Option<bool>,
}

impl From<&SessionView> for Shown {
    fn from(view: &SessionView) -> Self {
        Self { session: view.id, state: view.state.clone(), attempt: view.attempt, verified: view.stop_verified }
    }
}

/// Why what a session shows is not true of the processes that there are; nothing if it is.
pub fn lie(shown: &Shown, all: &[Found]) -> Option<String> {
    let session = shown.session.to_string();
    let own: Vec<&Found> = all.iter().filter(|p| p.session == session).collect();
    let stale: Vec<&&Found> = own.iter().filter(|p| p.attempt != shown.attempt).collect();
    let state = shown.state.as_str();
    match state {
        // Nobody proved that nothing is left, and it says so.
        "stopped" if shown.verified == Some(false) => None,
        "stopped" | "hibernated" | "pending" if own.is_empty() => None,
        "stopped" | "hibernated" | "pending" => Some(format!("it is {state}, and there are {own:?}")),
        "idle" | "running" if !stale.is_empty() => {
            Some(format!("it is {state} in attempt {}, and there are {stale:?}", shown.attempt))
        }
        "idle" | "running" => match family(all, shown.session) {
            Some(Family { runner: Some(_), agent: Some(_), .. }) => None,
            family => Some(format!("it is {state}, and of its family there is {family:?}")),
        },
        "starting" | "stopping" if own.is_empty() => Some(format!("it is {state}, and there is no process of it")),
        "starting" | "stopping" => None,
        _ => Some(format!("nobody knows a state {state}")),
    }
}

/// Looks again and again, until everything was found true once or has lied for too long.
pub struct Watch {
    patience: Duration,
    /// What is judged: sessions, and processes of sessions that are deleted.
    judged: HashSet<String>,
    /// What lies: what it shows, and when it was first seen to. Another state is another statement.
    lies: HashMap<String, (Option<Shown>, Duration)>,
    untrue: Vec<String>,
}

impl Watch {
    /// Nothing was looked at yet.
    pub fn new(patience: Duration) -> Self {
        Self { patience, judged: HashSet::new(), lies: HashMap::new(), untrue: Vec::new() }
    }

    /// Takes in what was shown before and after the processes were found, at this time; whether something is still open.
    pub fn look(&mut self, before: &[Shown], found: &[Found], after: &[Shown], now: Duration) -> bool {
        let mut open = false;
        for shown in after {
            let what = shown.session.to_string();
            match lie(shown, found) {
                Some(why) => open |= self.lied(what, Some(shown), &why, now),
                None if before.contains(shown) => {
                    self.judged.insert(what);
                }
                // It changed while one looked.
                None => open |= !self.judged.contains(&what),
            }
        }
        let known = |id: &str| before.iter().chain(after).any(|shown| shown.session.to_string() == id);
        for process in found.iter().filter(|process| !known(&process.session)) {
            let why = format!("its session is deleted, and there is {process:?}");
            open |= self.lied(format!("process {}", process.pid), None, &why, now);
        }
        open
    }

    /// What has lied for too long since this was last asked.
    pub fn take_untrue(&mut self) -> Vec<String> {
        std::mem::take(&mut self.untrue)
    }

    fn lied(&mut self, what: String, shown: Option<&Shown>, why: &str, now: Duration) -> bool {
        if self.judged.contains(&what) {
            return false;
        }
        let lie = self.lies.entry(what.clone()).or_insert_with(|| (shown.cloned(), now));
        if lie.0.as_ref() != shown {
            *lie = (shown.cloned(), now);
        }
        let took = now.saturating_sub(lie.1);
        if took <= self.patience {
            return true;
        }
        self.untrue.push(format!("{what}, for {took:.1?}: {why}"));
        self.judged.insert(what);
        false
    }
}

#[cfg(test)]
#[path = "truth_tests.rs"]
mod tests;
