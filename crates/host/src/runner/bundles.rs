//! Leaves a crash bundle of a failure, and says in the failure where it lies.

use convene_core::failure::{Failure, ProcessExit, StopStep};

use super::{Runner, agent::Agent};
use crate::{
    bundle::{self, Bundle},
    keeper::now,
    redact::Redactor,
};

/// What there is to say of the agent's process.
#[derive(Debug, Default)]
pub(super) struct Remains {
    pid: Option<i32>,
    exit: Option<ProcessExit>,
    step: Option<StopStep>,
    stderr: String,
}

impl Remains {
    pub(super) fn of(agent: &mut Agent, redactor: &Redactor) -> Self {
        let stderr = agent.stderr_end(redactor, bundle::TEXT_MAX);
        Self { pid: Some(agent.pid), exit: agent.exit.map(ProcessExit::from), step: agent.step, stderr }
    }
}

impl Runner {
    /// Puts down a failure with all that is known of the agent, which lives, or was never started. `error` is its whole
    /// text.
    pub(super) fn bundled(&mut self, failure: Failure, error: &str) -> Failure {
        let remains = match &mut self.agent {
            Some(agent) => Remains::of(agent, &self.outbox.redactor),
            None => Remains::default(),
        };
        self.bundled_with(failure, error, remains)
    }

    /// Puts down a failure, if failures of its kind are put down.
    pub(super) fn bundled_with(&mut self, failure: Failure, error: &str, remains: Remains) -> Failure {
        self.bundle = None;
        let attempt = self.side.attempt();
        // What a test finds out is in its answer.
        if !bundle::is_for(failure.kind) || attempt.is_test {
            return failure;
        }
        let redactor = &self.outbox.redactor;
        let scrub = |text: &str| redactor.scrub(text).into_owned();
        let path = self.write_bundle(Bundle {
            schema: bundle::SCHEMA.to_owned(),
            at: now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            session: attempt.session.clone(),
            attempt: attempt.attempt,
            turn: self.turn_id().map(|turn| turn.to_string()),
            kind: failure.kind,
            code: failure.code.clone(),
            error: scrub(error),
            agent: self.config.agent.name.clone(),
            pid: remains.pid,
            command: self.config.agent.command.iter().map(|word| scrub(word)).collect(),
            cwd: self.spec.as_ref().map(|spec| spec.cwd.clone()).unwrap_or_default(),
            started_at: Some(self.started_at),
            exit: remains.exit,
            step: remains.step,
            containment: Some(self.side.containment()),
            stderr: remains.stderr,
        });
        Failure { bundle: path, ..failure }
    }

    /// Adds to the bundle of an attempt that failed how its agent ended after it.
    pub(super) fn complete_bundle(&mut self, remains: Remains) {
        let Some(begun) = self.bundle.take() else { return };
        let Remains { exit, step, stderr, .. } = remains;
        self.write_bundle(Bundle { exit, step, stderr, ..begun });
    }

    fn write_bundle(&mut self, bundle: Bundle) -> Option<String> {
        let directory = bundle::directory(self.side.run_dir())?;
        match bundle.write(&directory, &self.outbox.redactor) {
            Ok(path) => {
                self.bundle = Some(bundle);
                Some(path.display().to_string())
            }
            Err(error) => {
                tracing::warn!(%error, "cannot leave a crash bundle");
                None
            }
        }
    }
}
