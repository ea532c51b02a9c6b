//! Plays a script instead of working: messages, tool calls, questions, delays and failures, as written.

use std::time::Duration;

use crate::command::CommandLine;
use crate::script::{AskStep, ElicitStep, RunStep, Script, ScriptStep, ScriptTurn, Speech};
use crate::speech::{Choice, Diff, FormAnswer, Question, Stop, StopReason, ToolCall, ToolContent, ToolPatch, Update};
use crate::turn::{ToolRun, Turn, new_id};

/// How many pieces are sent before other work gets its turn.
const PIECES_PER_BREATH: usize = 64;

/// What a session's player remembers from turn to turn.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// How many turns without `match` have been played.
    played: usize,
}

/// Plays the turn that fits the prompt.
pub(crate) async fn play(turn: &Turn, script: &Script, memory: &mut Memory) -> Result<StopReason, Stop> {
    if let Some(title) = &script.title {
        turn.send(Update::Title(title.clone()))?;
    }
    let Some(scene) = pick(script, &turn.prompt, memory) else {
        turn.say("The script has no turn for this prompt.\n")?;
        return Ok(StopReason::EndTurn);
    };
    let stop = play_steps(turn, &scene.steps).await?;
    Ok(stop.unwrap_or(StopReason::EndTurn))
}

/// Picks the first turn whose `match` fits, else the next without one, the last of these again and again.
fn pick<'a>(script: &'a Script, prompt: &str, memory: &mut Memory) -> Option<&'a ScriptTurn> {
    let prompt = prompt.to_lowercase();
    let fits = |turn: &&ScriptTurn| turn.matches.as_ref().is_some_and(|words| prompt.contains(&words.to_lowercase()));
    if let Some(turn) = script.turns.iter().find(fits) {
        return Some(turn);
    }
    let in_order: Vec<&ScriptTurn> = script.turns.iter().filter(|turn| turn.matches.is_none()).collect();
    let turn = in_order.get(memory.played).or(in_order.last()).copied()?;
    memory.played += 1;
    Some(turn)
}

async fn play_steps(turn: &Turn, steps: &[ScriptStep]) -> Result<Option<StopReason>, Stop> {
    for step in steps {
        if let Some(stop) = Box::pin(play_step(turn, step)).await? {
            return Ok(Some(stop));
        }
    }
    Ok(None)
}

async fn play_step(turn: &Turn, step: &ScriptStep) -> Result<Option<StopReason>, Stop> {
    match step {
        ScriptStep::Say(speech) => {
            speak(turn, speech, |message_id, text| Update::Message { message_id, text }).await?;
        }
        ScriptStep::Think(speech) => {
            speak(turn, speech, |message_id, text| Update::Thought { message_id, text }).await?;
        }
        ScriptStep::Plan(plan) => turn.send(Update::Plan(plan.entries.clone()))?,
        ScriptStep::ToolCall(call) => turn.send(Update::ToolCall(ToolCall {
            id: call.id.clone(),
            title: call.title.clone(),
            kind: call.kind,
            status: call.status,
            content: content(turn, call.text.as_ref(), call.diff.as_ref()),
            locations: call.locations.clone(),
            raw_input: call.raw_input.clone(),
        }))?,
        ScriptStep::ToolUpdate(update) => {
            let content = content(turn, update.text.as_ref(), update.diff.as_ref());
            turn.send(Update::ToolPatch(ToolPatch {
                id: update.id.clone(),
                title: update.title.clone(),
                kind: update.kind,
                status: update.status,
                content: (!content.is_empty()).then_some(content),
                raw_output: update.raw_output.clone(),
            }))?;
        }
        ScriptStep::Ask(ask) => return play_ask(turn, ask).await,
        ScriptStep::Elicit(elicit) => return play_elicit(turn, elicit).await,
        ScriptStep::Run(run) => play_run(turn, run).await?,
        ScriptStep::WriteFile(file) => {
            let path = turn.cwd.join(&file.path);
            if let Err(why) = turn.write_file(&path, &fill(turn, &file.text, 1)).await? {
                turn.say(&format!("{} could not be written: {why}\n", path.display()))?;
            }
        }
        ScriptStep::DelayMs(ms) => turn.pause(Duration::from_millis(*ms)).await?,
        ScriptStep::Title(title) => turn.send(Update::Title(title.clone()))?,
        ScriptStep::Commands(commands) => turn.send(Update::Commands(commands.clone()))?,
        ScriptStep::Mode(mode) => {
            turn.client.set_mode(mode);
            turn.send(Update::Mode(mode.clone()))?;
        }
        ScriptStep::Config(config) => {
            let options = turn.client.set_config(&config.id, &config.value);
            turn.send(Update::Config(options))?;
        }
        ScriptStep::Usage(usage) => turn.send(Update::Usage(usage.clone()))?,
        ScriptStep::Update(raw) => turn.send(Update::Raw(raw.clone()))?,
        ScriptStep::StopReason(StopReason::Cancelled) => return Err(Stop::Cancelled),
        ScriptStep::StopReason(reason) => return Ok(Some(*reason)),
        ScriptStep::Fail(fail) => {
            return Err(Stop::Fail { code: fail.code, message: fail.message.clone(), data: fail.data.clone() });
        }
        ScriptStep::Exit(code) => return Err(Stop::Exit(*code)),
    }
    Ok(None)
}

async fn speak(turn: &Turn, speech: &Speech, update: impl Fn(String, String) -> Update) -> Result<(), Stop> {
    let message_id = new_id("msg");
    let pause = Duration::from_millis(speech.every_ms);
    let mut sent = 0;
    for n in 1..=speech.repeat {
        for piece in cut(&fill(turn, &speech.text, n), speech.chunks) {
            if sent > 0 && !pause.is_zero() {
                turn.pause(pause).await?;
            }
            turn.send(update(message_id.clone(), piece))?;
            sent += 1;
            if sent % PIECES_PER_BREATH == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
    Ok(())
}

async fn play_ask(turn: &Turn, ask: &AskStep) -> Result<Option<StopReason>, Stop> {
    let question = Question {
        tool_call_id: ask.id.clone().unwrap_or_else(|| new_id("call")),
        title: ask.title.clone(),
        kind: ask.kind,
        content: content(turn, ask.text.as_ref(), ask.diff.as_ref()),
        options: ask
            .options
            .iter()
            .map(|option| Choice { id: option.id.clone(), name: option.name.clone(), kind: option.kind })
            .collect(),
    };
    match turn.ask(question).await? {
        Ok(chosen) => match ask.options.iter().find(|option| option.id == chosen) {
            Some(option) => play_steps(turn, &option.steps).await,
            None => {
                turn.say(&format!("The question has no option `{chosen}`.\n"))?;
                Ok(None)
            }
        },
        Err(why) => {
            turn.say(&format!("The question could not be asked: {why}\n"))?;
            Ok(None)
        }
    }
}

async fn play_elicit(turn: &Turn, elicit: &ElicitStep) -> Result<Option<StopReason>, Stop> {
    match turn.elicit(&elicit.message, &elicit.schema).await? {
        FormAnswer::Accepted(content) => {
            turn.say(&format!("You answered `{content}`.\n"))?;
            play_steps(turn, &elicit.on_accept).await
        }
        FormAnswer::Declined | FormAnswer::Cancelled => play_steps(turn, &elicit.on_decline).await,
        FormAnswer::Failed(why) => {
            turn.say(&format!("The form could not be shown: {why}\n"))?;
            Ok(None)
        }
    }
}

async fn play_run(turn: &Turn, run: &RunStep) -> Result<(), Stop> {
    let mut words = run.command.iter().map(String::as_str);
    let program = words.next().unwrap_or_default();
    let args: Vec<&str> = words.collect();
    let command = CommandLine::new(&turn.cwd, program, &args);
    turn.run_tool(ToolRun {
        id: run.id.clone().unwrap_or_else(|| new_id("call")),
        title: run.title.clone().unwrap_or_else(|| command.to_string()),
        command: &command,
        fails_when_it_prints: false,
    })
    .await?;
    Ok(())
}

fn content(turn: &Turn, text: Option<&String>, diff: Option<&Diff>) -> Vec<ToolContent> {
    let text = text.map(|text| ToolContent::Text(fill(turn, text, 1)));
    let diff = diff.map(|diff| {
        ToolContent::Diff(Diff {
            // ACP wants absolute paths; a script does not know where it will be played.
            path: turn.cwd.join(&diff.path),
            ..diff.clone()
        })
    });
    text.into_iter().chain(diff).collect()
}

fn fill(turn: &Turn, text: &str, n: usize) -> String {
    text.replace("{{n}}", &n.to_string())
        .replace("{{cwd}}", &turn.cwd.to_string_lossy())
        .replace("{{prompt}}", &turn.prompt)
}

/// Cuts a text into pieces of about the same length, at character boundaries.
fn cut(text: &str, pieces: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let size = chars.len().div_ceil(pieces.max(1)).max(1);
    chars.chunks(size).map(|piece| piece.iter().collect()).collect()
}
