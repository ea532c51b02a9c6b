//! `convene replay`: draws an exported session as `run` drew it; no server is asked.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use convene_api::{client::SessionEvent, exit};

use super::run::DisplayArgs;
use crate::{
    app::App,
    args::TEMPLATE,
    exported::{self, Exported},
    failure::Outcome,
    render::{
        screen::Screen,
        transcript::{Amount, Thoughts, Transcript},
    },
    terminal,
};

const EXAMPLES: &str = "\
Examples:
  convene replay cart.jsonl
  convene replay cart.jsonl --speed 4
  convene export k3f9qz -O k3f9qz.jsonl && convene replay k3f9qz.jsonl --full";

/// Nobody waits longer for the next event, however long it took.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// Show an exported session
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct ReplayArgs {
    /// What `convene export` wrote, as JSON lines
    pub file: PathBuf,
    /// As fast as it went, or so many times as fast; pauses over 3 s are cut [default: all at once]
    #[arg(long, value_name = "N", value_parser = speed)]
    pub speed: Option<f64>,
    /// Thoughts, output and changes in full
    #[arg(long)]
    pub full: bool,
    /// The events, one a line
    #[arg(long)]
    pub json: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.trim_end_matches('x').parse().map_err(|_| format!("{text} is no number"))?;
    if speed.is_finite() && speed > 0.0 { Ok(speed) } else { Err("it must be above 0".to_owned()) }
}

/// Runs it.
pub async fn run(app: &App, args: ReplayArgs) -> Outcome {
    let Exported { session, events } = exported::read(&args.file)?;
    let mut display = DisplayArgs::default();
    if args.full {
        display.thoughts = Some(Thoughts::Full);
        display.tools = Some(Amount::Full);
        display.diff = Some(Amount::Full);
    }
    let mut look = display.look(app, &session);
    (look.prompts, look.turn_ends, look.started, look.from_start) = (true, true, false, true);
    let screen = Screen::new(terminal::width(), false, ("", ""), look.style.ellipsis());
    let mut transcript = Transcript::new(look, screen);
    let mut before: Option<&SessionEvent> = None;
    for event in &events {
        if let (Some(speed), Some(before)) = (args.speed, before) {
            tokio::time::sleep(pause(before, event, speed)).await;
        }
        before = Some(event);
        if app.json {
            app.out.line(&event.json)?;
            continue;
        }
        transcript.event(event);
        if let Some(frame) = transcript.screen.frame() {
            app.out.text(&frame)?;
        }
    }
    transcript.finish();
    if let Some(frame) = transcript.screen.frame().filter(|_| !app.json) {
        app.out.text(&frame)?;
    }
    Ok(exit::DONE)
}

/// How long it took from one event to the next, at a speed.
fn pause(before: &SessionEvent, event: &SessionEvent, speed: f64) -> Duration {
    let took = event.at.as_millisecond() - before.at.as_millisecond();
    let took = Duration::from_millis(u64::try_from(took).unwrap_or(0));
    Duration::try_from_secs_f64(took.as_secs_f64() / speed).unwrap_or(PAUSE_MAX).min(PAUSE_MAX)
}
