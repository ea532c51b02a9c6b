//! The runner's half of the bargain: what it knows about its attempt, and what it owes when its keeper dies.

use std::io::{self, Read};
use std::time::Duration;

use convene_core::failure::StopStep;

use super::{BASE_CONTAINMENT, EXIT_ABANDONED, Error, become_subreaper, close_stdin, complain, now, raw, system};
use crate::process::{self, Burial, Exit, Identity};
use crate::rundir::{AgentExit, AttemptRecord, Containment, EndReason, ExitRecord, Place, Recorder, RunDir};

/// Given to the runner by `keeper_main`.
#[derive(Debug)]
pub struct RunnerSide {
    run_dir: RunDir,
    place: Option<Place>,
    record: AttemptRecord,
    keeper: Identity,
    burial_patience: Duration,
}

impl RunnerSide {
    pub(super) fn start(
        run_dir: RunDir,
        place: Option<Place>,
        keeper: Identity,
        burial_patience: Duration,
        mut go: io::PipeReader,
    ) -> Result<RunnerSide, Error> {
        raw::unblock_signals().map_err(system("unblock signals"))?;
        become_subreaper()?;
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(super::PARENT_DEATH))
            .map_err(|error| system("arm the parent-death signal")(error.into()))?;
        // The keeper writes when everything is on disk; if it died before, the pipe ends and so does the runner.
        let mut word = [0];
        let released = go.read(&mut word).map_err(system("wait for the keeper"))?;
        if released == 0 {
            std::process::exit(EXIT_ABANDONED);
        }
        let record = run_dir.attempt_record()?.ok_or_else(|| Error::NoAttempt { path: run_dir.path().to_owned() })?;
        let side = RunnerSide { run_dir, place, record, keeper, burial_patience };
        // It may have died before the signal was armed.
        if side.is_keeper_gone() {
            std::process::exit(EXIT_ABANDONED);
        }
        Ok(side)
    }

    /// The attempt's run directory.
    pub fn run_dir(&self) -> &RunDir {
        &self.run_dir
    }

    /// Whether somebody has removed the run directory, or put another one in its place: then the keeper asks for the end.
    pub fn is_run_dir_lost(&self) -> bool {
        self.run_dir.is_lost(self.place)
    }

    /// The attempt, with keeper, runner and containment filled in.
    pub fn attempt(&self) -> &AttemptRecord {
        &self.record
    }

    /// What holds the processes of the attempt together.
    pub fn containment(&self) -> Containment {
        self.record.containment.unwrap_or(BASE_CONTAINMENT)
    }

    /// Reads the launch configuration from standard input to its end, then puts `/dev/null` in its place.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn take_config(&self) -> Result<Vec<u8>, Error> {
        let mut config = Vec::new();
        io::stdin().lock().read_to_end(&mut config).map_err(system("read the configuration"))?;
        close_stdin();
        Ok(config)
    }

    /// Whether the keeper died. For systems without a parent-death signal, to be asked now and then.
    pub fn is_keeper_gone(&self) -> bool {
        rustix::process::getppid().is_none_or(|parent| parent.as_raw_nonzero().get() != self.keeper.pid)
    }

    /// Puts on disk that a turn's prompt is about to go to the agent. Call it before the first byte is written.
    ///
    /// # Errors
    /// If the disk refuses; then the prompt must not go.
    pub fn write_handed_over(&self, turn: &str) -> Result<(), Error> {
        self.still_here()?;
        Ok(self.run_dir.write_handed_over(turn)?)
    }

    /// Puts the agent's exit status on disk, and what it took.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_agent_exit(&self, pid: i32, exit: Exit, step: Option<StopStep>) -> Result<(), Error> {
        self.still_here()?;
        Ok(self.run_dir.write_agent_exit(&AgentExit { pid, exit, step, at: now() })?)
    }

    /// Adds to the agent's exit status on disk that others had to be killed after it. What cannot be put down is not
    /// told; the end of the attempt does not depend on it.
    pub fn note_tree_killed(&self) {
        let noted = match self.run_dir.agent_exit() {
            Ok(Some(exit)) => self.run_dir.write_agent_exit(&AgentExit { step: Some(StopStep::Tree), ..exit }),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            complain("cannot note that the tree was killed", &error);
        }
    }

    /// Kills and reaps everything below the runner (all that is left of an agent) and says whether it is proven.
    ///
    /// Blocks for as long as that takes; `agent` is the pid whose exit status is to be recorded when it is met.
    ///
    /// # Errors
    /// If the process table cannot be read, or the status not be recorded.
    pub fn kill_tree(&self, agent: Option<i32>) -> Result<Burial, Error> {
        let mut agent_exit = None;
        let burial = process::kill_tree_until_none(&[], self.burial_patience, |pid, exit| {
            if Some(pid) == agent {
                agent_exit = Some((pid, exit));
            }
        })?;
        let step = (burial.killed > 0).then_some(StopStep::Tree);
        match agent_exit {
            Some((pid, exit)) => self.write_agent_exit(pid, exit, step)?,
            None if step.is_some() => self.note_tree_killed(),
            None => {}
        }
        Ok(burial)
    }

    /// Ends the attempt from below: kills the tree, writes the exit record if the keeper can't any more, and exits.
    pub fn reap_and_go(&self, agent: Option<i32>) -> ! {
        let outcome = self.kill_tree(agent).and_then(|burial| self.record_end(burial));
        if let Err(error) = outcome {
            complain("cannot prove or record the end of the attempt", &error);
        }
        std::process::exit(EXIT_ABANDONED)
    }

    /// Nothing is written into what may be in the place of the run directory.
    fn still_here(&self) -> Result<(), Error> {
        if self.is_run_dir_lost() {
            return Err(Error::RunDirLost { path: self.run_dir.path().to_owned() });
        }
        Ok(())
    }

    fn record_end(&self, burial: Burial) -> Result<(), Error> {
        if !self.is_keeper_gone() {
            return Ok(());
        }
        self.still_here()?;
        // Held by the worker: it buries already, and waits for this process to go.
        let Some(lock) = self.run_dir.try_lock()? else { return Ok(()) };
        if self.run_dir.exit_record()?.is_some() {
            return Ok(());
        }
        let agent = self.run_dir.agent_exit()?;
        let record = ExitRecord {
            session: self.record.session.clone(),
            attempt: self.record.attempt,
            by: Recorder::Runner,
            reason: EndReason::KeeperLost,
            runner: Some(Exit::Code(EXIT_ABANDONED)),
            step: (burial.killed > 0).then_some(StopStep::Tree).or(agent.as_ref().and_then(|agent| agent.step)),
            agent,
            verified: burial.is_proven(),
            survivors: burial.survivors,
            containment: self.containment(),
            at: now(),
        };
        Ok(self.run_dir.write_exit(&lock, &record)?)
    }
}
