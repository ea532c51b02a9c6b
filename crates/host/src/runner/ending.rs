//! How an attempt ends: by order, because its agent ended, or because it cannot go on.
//!
//! Whatever rung of the ladder (`crate::ladder`) it ends on, what the agent said until then is kept, its exit status is
//! collected and not invented, and nothing of it is left.
//!
//! A turn that an attempt takes with it is not ended here. The server ends it together with the attempt, for the reason
//! that `attempt_failed` gave; an end told before would have it begin the next turn with an agent that is gone.

use std::time::Duration;

use convene_core::{
    event::{KnownEvent, StopMode},
    failure::{Failure, FailureKind, ProcessExit, StopReason, StopStep},
};
use rustix::process::{Signal, WaitOptions};
use tokio::time::Instant;

use super::{
    Runner,
    agent::Agent,
    bundles::Remains,
    handshake::Stage,
    trouble::{last_words, telling_line},
};
use crate::{
    ladder::{CANCEL, CLOSE, DRAIN, TERMINATE},
    process::{Exit, kill_tree_until_none},
};

/// How long an agent that closed its output may take to end.
const CLOSED: Duration = Duration::from_secs(2);
/// How long the last events may take to be committed. What is not, the worker delivers.
const COMMIT: Duration = Duration::from_secs(5);
/// What an agent wrote in this time before its end are its last words.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long killed processes may take to be gone.
const BURIAL: Duration = Duration::from_secs(10);

/// An attempt that is ending.
#[derive(Debug)]
pub(super) struct Leaving {
    step: Step,
    until: Instant,
    /// Because it cannot go on, not because somebody wants it.
    failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The agent was asked to cancel its turn.
    Cancel,
    /// Its input is closed.
    EndOfInput,
    /// It got SIGTERM.
    Terminate,
    /// It got SIGKILL, as all of its tree.
    Kill,
    /// It is gone; the last events are being committed.
    Commit,
}

impl Step {
    /// The rung of the ladder.
    const fn rung(self) -> Option<StopStep> {
        match self {
            Self::Cancel => Some(StopStep::Cancel),
            Self::EndOfInput => Some(StopStep::Close),
            Self::Terminate => Some(StopStep::Terminate),
            Self::Kill => Some(StopStep::Kill),
            Self::Commit => None,
        }
    }
}

impl Runner {
    /// Ends the agent and then the attempt, because somebody wants it.
    pub(super) fn stop(&mut self, mode: StopMode, now: Instant) {
        let step = match (mode, &self.leaving) {
            (StopMode::Now, Some(Leaving { step: Step::Kill | Step::Commit, .. })) | (StopMode::Graceful, Some(_)) => {
                return;
            }
            (StopMode::Now, _) => Step::Kill,
            (StopMode::Graceful, None) if self.turn.is_some() => Step::Cancel,
            (StopMode::Graceful, None) => Step::EndOfInput,
        };
        self.enter(step, now);
    }

    /// Says why the attempt cannot go on, and ends it.
    pub(super) fn fail(&mut self, failure: Failure, now: Instant) {
        // It did nothing that would be worth its time.
        self.fail_by(failure, Step::Terminate, now);
    }

    /// The same for an agent whose every further moment does harm.
    pub(super) fn fail_at_once(&mut self, failure: Failure, now: Instant) {
        self.fail_by(failure, Step::Kill, now);
    }

    /// The keeper wants the end, because somebody asked it, or because there is no run directory any more.
    pub(super) fn on_terminate(&mut self, now: Instant) {
        if !self.side.is_run_dir_lost() {
            return self.stop(StopMode::Graceful, now);
        }
        let path = self.side.run_dir().path().display();
        let failure = Failure::new(FailureKind::UnknownFailure, format!("its run directory {path} was removed"))
            .code("storage_failed")
            .hint(format!("convene prompt {} resumes it in a new one", self.config.session.short()));
        tracing::error!(path = %self.side.run_dir().path().display(), "the run directory was removed; ending the attempt");
        self.fail_by(failure, Step::EndOfInput, now);
    }

    fn fail_by(&mut self, failure: Failure, step: Step, now: Instant) {
        if self.leaving.is_some() {
            return;
        }
        let error = failure.summary.clone();
        let failure = self.bundled(failure, &error);
        self.settle_turn();
        self.emit(KnownEvent::AttemptFailed { failure });
        self.enter(step, now);
        if let Some(leaving) = &mut self.leaving {
            leaving.failed = true;
        }
    }

    /// Kills the agent and ends the attempt without a word about it: the server knows what to make of it.
    pub(super) fn give_up(&mut self, now: Instant) {
        self.enter(Step::Kill, now);
    }

    fn enter(&mut self, step: Step, now: Instant) {
        let agent_lives = self.agent.as_ref().is_some_and(|agent| agent.exit.is_none());
        let step = if agent_lives { step } else { Step::Commit };
        let patience = match step {
            Step::Cancel => {
                self.cancel_agent();
                CANCEL
            }
            Step::EndOfInput => {
                self.questions.cancel_all();
                self.close_input();
                CLOSE
            }
            Step::Terminate => {
                self.close_input();
                if let Some(agent) = &self.agent {
                    agent.signal_group(Signal::TERM);
                    // One that stands still would not hear of it.
                    agent.signal_group(Signal::CONT);
                }
                TERMINATE
            }
            Step::Kill => {
                self.close_input();
                self.kill_tree(now);
                DRAIN
            }
            Step::Commit => COMMIT,
        };
        let failed = self.leaving.as_ref().is_some_and(|leaving| leaving.failed);
        self.leaving = Some(Leaving { step, until: now + patience, failed });
    }

    fn close_input(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.abort();
        }
        self.peer = None;
    }

    /// Kills everything below the runner and collects it.
    fn kill_tree(&mut self, now: Instant) {
        // What ended by itself until now was not killed.
        self.reap(now);
        let agent_lives = self.agent_pid().is_some();
        let mut ended = Vec::new();
        let step = match kill_tree_until_none(&[], BURIAL, |pid, exit| ended.push((pid, exit))) {
            Ok(burial) if burial.killed > u32::from(agent_lives) => StopStep::Tree,
            Ok(_) => StopStep::Kill,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot kill the tree; the keeper will");
                StopStep::Tree
            }
        };
        for (pid, exit) in ended {
            self.on_exit(pid, exit, Some(step), now);
        }
        // The agent had ended before, and others outlived it.
        if !agent_lives && step == StopStep::Tree {
            self.side.note_tree_killed();
        }
    }

    /// Collects every child that has ended. There is no other waiter in this process.
    pub(super) fn reap(&mut self, now: Instant) {
        let step = self.leaving.as_ref().and_then(|leaving| leaving.step.rung());
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if let Some(exit) = Exit::from_wait(status) {
                self.on_exit(pid.as_raw_nonzero().get(), exit, step, now);
            }
        }
    }

    fn on_exit(&mut self, pid: i32, exit: Exit, step: Option<StopStep>, now: Instant) {
        self.terminals.on_exit(pid, exit, now);
        let Some(agent) = self.agent.as_mut().filter(|agent| agent.pid == pid) else { return };
        agent.exit = Some(exit);
        agent.step = step;
        if let Err(error) = self.side.write_agent_exit(pid, exit, step) {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot record the agent's exit");
        }
        // Its last words may still be in the pipe.
        self.stage_until = Some(if agent.lines.has_ended() { now } else { now + DRAIN });
    }

    /// The agent closed its output, or broke it: it is of no more use.
    pub(super) fn on_output_end(&mut self, now: Instant) {
        if self.agent.as_ref().is_some_and(|agent| agent.exit.is_some()) {
            self.bury_agent(now);
        } else if self.leaving.is_none() {
            self.stage_until = Some(now + CLOSED);
        }
    }

    /// Whether the agent is gone, or about to go: what the connection says then is only that.
    pub(super) fn has_agent_closed(&self) -> bool {
        self.agent.as_ref().is_none_or(|agent| agent.exit.is_some() || agent.lines.has_ended())
    }

    /// The agent has ended and everything it said was read: tells so, and what that means.
    fn bury_agent(&mut self, now: Instant) {
        let Some(mut agent) = self.agent.take() else { return };
        // Not even SIGKILL ended it: the keeper goes on with that, and says that nothing is proved.
        let Some(exit) = agent.exit else { return self.enter(Step::Commit, now) };
        agent.close_stderr(&self.outbox.redactor);
        let stderr = agent.stderr_tail(&self.outbox.redactor);
        let wrote = self.wrote(&agent, &stderr, now);
        let remains = Remains::of(&mut agent, &self.outbox.redactor);
        self.close_input();
        self.questions.cancel_all();
        self.settle_turn();
        let exit = ProcessExit::from(exit);
        // That others had to be killed with it is told of the attempt.
        let step = agent.step.map(|step| step.min(StopStep::Kill));
        self.emit(KnownEvent::AgentExited { exit, stderr: stderr.clone(), step });
        match self.leaving {
            Some(Leaving { step: Step::Cancel | Step::EndOfInput | Step::Terminate, failed: false, .. }) => {
                self.end_turn(StopReason::Cancelled, None, None);
            }
            Some(Leaving { failed: true, .. }) => self.complete_bundle(remains),
            // Killed: the server knows whether that was wanted, and ends the turn accordingly.
            Some(Leaving { step: Step::Kill | Step::Commit, .. }) => {}
            None => {
                let failure = self.exit_failure(exit, &stderr, wrote);
                let error = failure.summary.clone();
                let failure = self.bundled_with(failure, &error, remains);
                self.emit(KnownEvent::AttemptFailed { failure });
            }
        }
        self.outbox.release();
        self.enter(Step::Commit, now);
    }

    /// The line of its stderr that says most about its end.
    fn wrote(&self, agent: &Agent, stderr: &str, now: Instant) -> Option<String> {
        if !matches!(self.stage, Stage::Ready) {
            return telling_line(stderr).map(str::to_owned);
        }
        let redactor = &self.outbox.redactor;
        let prompted = self.turn.as_ref().map(|turn| turn.handed_over);
        // A clock that has just begun has no time before it.
        let recent = now.checked_sub(LAST_WORDS).unwrap_or(now);
        let of_turn = prompted.map(|since| agent.stderr_since(since, redactor)).unwrap_or_default();
        let recent = agent.stderr_since(prompted.map_or(recent, |since| since.max(recent)), redactor);
        last_words(&recent, &of_turn).map(str::to_owned)
    }

    /// What it means that the agent ended by itself.
    fn exit_failure(&self, exit: ProcessExit, stderr: &str, wrote: Option<String>) -> Failure {
        let agent = &self.config.agent;
        let name = agent.display_name();
        let wrote = wrote.map(|line| format!("; it wrote: {line}")).unwrap_or_default();
        let show = format!("convene agents show {}", agent.name);
        match &self.stage {
            Stage::Waiting | Stage::Starting => match &self.noise.first {
                Some(line) if stderr.is_empty() => self.not_acp(line),
                Some(_) | None => {
                    let silent = if wrote.is_empty() { ", without a word" } else { "" };
                    let summary = format!("{name} ended with {exit} before it said hello{wrote}{silent}");
                    Failure::new(FailureKind::StartupFailure, summary).code("agent_exited_early").hint(show)
                }
            },
            Stage::SigningIn | Stage::Opening | Stage::Configuring(_) => {
                let summary = format!("{name} ended with {exit} before its session was open{wrote}");
                Failure::new(FailureKind::StartupFailure, summary).code("agent_exited_early").hint(show)
            }
            Stage::Ready => {
                let when = if self.turn.is_some() { "in a turn" } else { "while it was idle" };
                let summary = format!("{name} ended with {exit} {when}{wrote}");
                let hint = format!("convene prompt {} resumes it", self.config.session.short());
                Failure::new(FailureKind::ProcessExit, summary).code("agent_crashed").hint(hint)
            }
        }
    }

    /// What it means that the agent closed its output and lives.
    fn closed_failure(&self) -> Failure {
        let agent = &self.config.agent;
        let summary = format!("{} closed its output", agent.display_name());
        match (&self.stage, &self.noise.first) {
            (Stage::Waiting | Stage::Starting, Some(line)) => self.not_acp(line),
            (Stage::Waiting | Stage::Starting | Stage::SigningIn | Stage::Opening | Stage::Configuring(_), _) => {
                Failure::new(FailureKind::HandshakeFailure, summary)
                    .code("agent_no_handshake")
                    .hint(format!("convene agents show {}", agent.name))
            }
            (Stage::Ready, _) => Failure::new(FailureKind::ProcessExit, summary)
                .code("agent_crashed")
                .hint(format!("convene prompt {} resumes it", self.config.session.short())),
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        let leaving = self.leaving.as_ref().map(|leaving| leaving.until);
        let mut after_words = [self.stage_until, self.turn_deadline(), leaving];
        if !self.is_agent_read() {
            after_words = after_words.map(|at| self.hearing.unread(at));
        }
        let [stage, turn, leaving] = after_words;
        let known = [
            stage,
            self.slow_at,
            turn,
            self.watch_deadline(),
            leaving,
            self.outbox.deadline(),
            self.terminals.deadline(),
            self.scale.at,
        ];
        // A timer in the far future costs nothing; the loop needs one.
        known.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))
    }

    /// Does what is due; `heard_all` if nothing was left to read.
    pub(super) fn on_time(&mut self, heard_all: bool, now: Instant) {
        let killed = self.leaving.as_ref().filter(|leaving| leaving.step == Step::Kill).map(|leaving| leaving.until);
        let due = [self.stage_until, killed, self.yields_until()].into_iter().flatten().any(|until| now >= until);
        self.hearing.note(due, heard_all, now);
        self.terminals.on_time(now);
        // Only to let go of what finished tasks leave.
        while self.tasks.try_join_next().is_some() {}
        self.on_turn_time(now);
        self.on_watch_time(now);
        self.on_slow_time(now);
        self.weigh_tree(now);
        if self.stage_until.is_some_and(|until| now >= until) && !self.hearing.is_behind() {
            self.stage_until = None;
            match &self.agent {
                Some(agent) if agent.exit.is_some() => self.bury_agent(now),
                Some(agent) if agent.lines.has_ended() && self.leaving.is_none() => {
                    let failure = self.closed_failure();
                    self.fail(failure, now);
                }
                Some(_) | None if self.leaving.is_none() => self.on_stage_timeout(now),
                Some(_) | None => {}
            }
        }
        let Some(leaving) = &self.leaving else { return };
        // A turn that yielded needs no more patience.
        let yielded = leaving.step == Step::Cancel && self.turn.is_none();
        if !yielded && now < leaving.until {
            return;
        }
        match leaving.step {
            Step::Cancel => self.enter(Step::EndOfInput, now),
            Step::EndOfInput => self.enter(Step::Terminate, now),
            Step::Terminate => self.enter(Step::Kill, now),
            Step::Kill if self.hearing.is_behind() => {}
            Step::Kill => self.bury_agent(now),
            Step::Commit => {}
        }
    }

    /// Whether there is nothing left to do, or to wait for.
    pub(super) fn may_leave(&mut self, now: Instant) -> bool {
        let Some(Leaving { step: Step::Commit, until, .. }) = &self.leaving else { return false };
        let until = *until;
        self.outbox.release();
        self.outbox.keep(now);
        self.outbox.flush(now);
        self.outbox.is_settled() || !self.outbox.is_up() || now >= until
    }

    /// Leaves nothing behind.
    pub(super) fn leave(&mut self) -> u8 {
        match self.side.kill_tree(None) {
            Ok(_) => 0,
            // The keeper does it again, and has the last word.
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot kill the tree; the keeper will");
                0
            }
        }
    }
}
