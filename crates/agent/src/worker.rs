//! Is the deterministic worker: checks a project with its own tools, tells what fails, offers the formatter's fix.

mod mend;
mod summary;

use std::path::Path;

use crate::project::{self, Goal, Project, Step};
use crate::report;
use crate::speech::{CommandHint, PlanEntry, PlanStatus, Priority, Stop, StopReason, Update};
use crate::turn::{ToolEnd, ToolRun, Turn, new_id};
use crate::words::{self, Intent};

/// What a session's worker remembers from turn to turn.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The steps of the last turn and whether they passed.
    last: Vec<(String, bool)>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Passed { warnings: usize },
    Failed { how: String, findings: Vec<String> },
    NotInstalled,
    NotRun(String),
}

/// A step that has been run.
#[derive(Debug)]
struct Checked {
    title: String,
    step: Step,
    verdict: Verdict,
    seconds: f64,
}

/// Names the commands that the worker understands.
pub(crate) fn commands() -> Vec<CommandHint> {
    let command = |name: &str, description: &str| CommandHint {
        name: name.to_owned(),
        description: description.to_owned(),
        hint: None,
    };
    vec![
        command("format", "Run the formatter check and offer its fix"),
        command("lint", "Run the linter"),
        command("test", "Run the tests"),
        command("again", "Run once more what failed"),
        command("help", "Say what this agent does"),
    ]
}

/// Works on one prompt.
pub(crate) async fn play(turn: &Turn, memory: &mut Memory) -> Result<StopReason, Stop> {
    let intent = words::intent(&turn.prompt);
    if intent == Intent::Help {
        turn.say(summary::HELP)?;
        return Ok(StopReason::EndTurn);
    }
    let projects = project::survey(&turn.cwd);
    turn.send(Update::Title(summary::title(&turn.cwd, &projects)))?;
    if projects.is_empty() {
        turn.say(&summary::nothing_found(&turn.cwd))?;
        return Ok(StopReason::EndTurn);
    }
    let steps = choose(&turn.cwd, &projects, &intent, memory);
    turn.think(&summary::reasoning(&projects, &steps))?;
    turn.say(&summary::opening(&turn.cwd, &projects, &steps, &intent))?;

    let mut plan = Plan::new(&steps);
    let mut checked = Vec::new();
    for (index, (title, step)) in steps.into_iter().enumerate() {
        plan.advance(turn, index)?;
        let result = check(turn, title, step).await?;
        // Kept at once, so that "again" works after a cancelled turn too.
        memory.last.retain(|(title, _)| *title != result.title);
        memory.last.push((result.title.clone(), result.passed()));
        checked.push(result);
    }
    plan.finish(turn)?;

    let mut mended = Vec::new();
    for result in checked.iter().filter(|result| result.is_mendable()) {
        let outcome = mend::offer(turn, result).await?;
        if outcome.passes_now() {
            for (title, passed) in &mut memory.last {
                *passed |= *title == result.title;
            }
        }
        mended.push(outcome);
    }
    turn.say(&summary::closing(&turn.cwd, &projects, &checked, &mended))?;
    Ok(StopReason::EndTurn)
}

/// Chooses the steps that a prompt asks for, cheapest first.
fn choose(cwd: &Path, projects: &[Project], intent: &Intent, memory: &mut Memory) -> Vec<(String, Step)> {
    let mut steps: Vec<(String, Step)> =
        projects.iter().flat_map(|project| &project.steps).map(|step| (step.title(cwd), step.clone())).collect();
    steps.sort_by_key(|(_, step)| step.goal);
    let last = std::mem::take(&mut memory.last);
    match intent {
        Intent::Help => steps.clear(),
        Intent::Check { goals, .. } => steps.retain(|(_, step)| goals.contains(&step.goal)),
        Intent::Again if last.is_empty() => {}
        Intent::Again => {
            let any_failed = last.iter().any(|(_, passed)| !passed);
            steps.retain(|(title, _)| last.iter().any(|(known, passed)| known == title && (!any_failed || !passed)));
        }
    }
    steps
}

async fn check(turn: &Turn, title: String, step: Step) -> Result<Checked, Stop> {
    let end = turn
        .run_tool(ToolRun {
            id: new_id("call"),
            title: title.clone(),
            command: &step.command,
            fails_when_it_prints: step.fails_when_it_prints,
        })
        .await?;
    let (verdict, seconds) = match end {
        ToolEnd::NotInstalled => (Verdict::NotInstalled, 0.0),
        ToolEnd::NotRun(why) => (Verdict::NotRun(why), 0.0),
        ToolEnd::Ran(outcome) => {
            let prints = step.fails_when_it_prints && !outcome.output.trim().is_empty();
            let verdict = if outcome.success() && !prints {
                let warnings = match step.goal {
                    Goal::Lint => report::warnings(&outcome.output),
                    Goal::Format | Goal::Test => 0,
                };
                Verdict::Passed { warnings }
            } else if report::says_not_installed(&outcome.output) {
                Verdict::NotInstalled
            } else {
                let how = match (outcome.exit_code, outcome.signal) {
                    (Some(code), _) => format!("exit code {code}"),
                    (None, Some(signal)) => format!("killed by signal {signal}"),
                    (None, None) => "no exit code".to_owned(),
                };
                Verdict::Failed { how, findings: report::findings(step.goal, &outcome.output) }
            };
            (verdict, outcome.elapsed.as_secs_f64())
        }
    };
    Ok(Checked { title, step, verdict, seconds })
}

impl Checked {
    fn passed(&self) -> bool {
        matches!(self.verdict, Verdict::Passed { .. })
    }

    fn is_mendable(&self) -> bool {
        matches!(self.verdict, Verdict::Failed { .. }) && self.step.fixer.is_some()
    }
}

/// The plan as the client sees it.
struct Plan {
    entries: Vec<PlanEntry>,
}

impl Plan {
    fn new(steps: &[(String, Step)]) -> Self {
        let entries = steps
            .iter()
            .map(|(title, step)| PlanEntry {
                content: format!("Run `{title}` ({})", step.goal.noun()),
                priority: Priority::Medium,
                status: PlanStatus::Pending,
            })
            .collect();
        Self { entries }
    }

    fn advance(&mut self, turn: &Turn, to: usize) -> Result<(), Stop> {
        for (index, entry) in self.entries.iter_mut().enumerate() {
            entry.status = match index.cmp(&to) {
                std::cmp::Ordering::Less => PlanStatus::Completed,
                std::cmp::Ordering::Equal => PlanStatus::InProgress,
                std::cmp::Ordering::Greater => PlanStatus::Pending,
            };
        }
        turn.send(Update::Plan(self.entries.clone()))
    }

    fn finish(&mut self, turn: &Turn) -> Result<(), Stop> {
        if self.entries.is_empty() {
            return Ok(());
        }
        self.advance(turn, self.entries.len())
    }
}
