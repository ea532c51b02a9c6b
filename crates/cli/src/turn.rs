//! What a person says to a session, and what is said when a turn is over.

use std::{
    ffi::OsStr,
    io::{IsTerminal as _, Read as _},
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use convene_api::{
    exit,
    problem::{Code, Problem},
};
use convene_core::{
    failure::{Failure as TurnFailure, FailureKind, StopReason},
    limits,
};

use crate::{
    failure::Failure,
    render::{
        facts::{End, Facts},
        style::Style,
        tool, words,
    },
};

/// Standard input and files are read up to here; the limit of prompts is far below.
const READ_MAX: u64 = 256 << 20;

/// The prompt of an argument, of `-`, or of a file.
///
/// # Errors
/// If there is none, it is empty, too large, or no text.
pub fn read_prompt(argument: Option<&OsStr>, file: Option<&Path>, examples: [&str; 2]) -> Result<String, Failure> {
    let bytes = match (argument, file) {
        (_, Some(path)) => std::fs::read(path)
            .map_err(|error| Failure::new(Code::InvalidRequest, format!("cannot read {}: {error}", path.display())))?,
        (Some(text), None) if text != "-" => text.as_bytes().to_vec(),
        (None, None) if std::io::stdin().is_terminal() => return Err(no_prompt(examples)),
        (Some(_) | None, None) => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .take(READ_MAX)
                .read_to_end(&mut bytes)
                .map_err(|error| Failure::new(Code::InvalidRequest, format!("cannot read standard input: {error}")))?;
            bytes
        }
    };
    check(bytes)
}

/// A prompt that can be sent.
pub fn check(bytes: Vec<u8>) -> Result<String, Failure> {
    if bytes.len() > limits::PROMPT {
        let fields = [("size", words::size(bytes.len()).into()), ("max", words::size(limits::PROMPT).into())];
        return Err(Problem::filled(Code::PromptTooLarge, fields).into());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        Failure::from(Problem::filled(Code::PromptNotText, [("n", error.utf8_error().valid_up_to().into())]))
    })?;
    if text.trim().is_empty() {
        return Err(Problem::filled(Code::PromptEmpty, []).hint("give text, - or -F").into());
    }
    Ok(text)
}

fn no_prompt([one, two]: [&str; 2]) -> Failure {
    Problem::new(Code::PromptEmpty, "there is no prompt").hint(format!("{one}, or {two}")).into()
}

/// The last line of a terminal: how it ended, what it took, how to go on.
pub fn last_line(facts: &Facts, end: &End, code: u8, id: &str, style: Style, width: usize) -> String {
    let mut parts = Vec::new();
    let words = end.words(facts.rejected);
    parts.push(if code == exit::DONE { words.to_owned() } else { format!("{words} (exit {code})") });
    if let (Some(from), Some(to)) = (facts.since, facts.last_at) {
        parts.push(words::clock(tool::between(from, to)));
    }
    if facts.tools > 0 {
        let rejected = if facts.rejections > 0 { format!(", {} rejected", facts.rejections) } else { String::new() };
        parts.push(format!("{}{rejected}", words::count(facts.tools, "tool")));
    }
    if !facts.files.is_empty() {
        let (added, removed) = facts.files.values().fold((0, 0), |(a, r), (x, y)| (a + x, r + y));
        parts.push(format!("{} +{added} -{removed}", words::count(facts.files.len(), "file")));
    }
    if let Some(tokens) = facts.tokens() {
        parts.push(format!("{} tokens", words::tokens(tokens)));
    }
    parts.push(format!("go on: convene prompt {id} \"...\""));
    let line = parts.join(style.dot());
    let look = format!("{}look: convene open {id}", style.dot());
    // The last thing that a narrow terminal needs.
    if words::width(&line) + words::width(&look) < width { line + &look } else { line }
}

/// What went wrong, as a problem; none if nothing did.
pub fn problem_of(end: &End, id: &str) -> Option<Problem> {
    let interrupted = matches!(end, End::Turn { stop_reason: StopReason::Interrupted, .. });
    let Some(failure) = end.failure() else {
        return interrupted.then(|| {
            Problem::new(
                Code::PromptOutcomeUnknown,
                "the agent died after the prompt was handed over; it may have acted",
            )
            .hint(format!("look at `convene show {id}`, then prompt again"))
        });
    };
    if failure.kind == FailureKind::Cancellation && matches!(end, End::Turn { stop_reason: StopReason::Cancelled, .. })
    {
        return None;
    }
    let code = failure.code.as_deref().and_then(Code::parse).unwrap_or_else(|| code_of(failure, interrupted));
    let mut problem = Problem::new(code, failure.summary.lines().next().unwrap_or_default());
    let rest: Vec<&str> = failure.summary.lines().skip(1).collect();
    if !rest.is_empty() {
        problem = problem.with("cause", rest.join("\n"));
    }
    problem.hint.clone_from(&failure.hint);
    Some(problem)
}

fn code_of(failure: &TurnFailure, interrupted: bool) -> Code {
    match failure.kind {
        _ if interrupted => Code::PromptOutcomeUnknown,
        FailureKind::StartupFailure => Code::AgentStartFailed,
        FailureKind::HandshakeFailure => Code::AgentNoHandshake,
        FailureKind::ProtocolFailure => Code::AgentNotAcp,
        FailureKind::ProviderAuthFailure => Code::AgentAuthRequired,
        FailureKind::PermissionFailure => Code::PermissionUnanswered,
        FailureKind::Timeout => Code::TurnTimeout,
        FailureKind::LoadSessionFailure => Code::ResumeLost,
        FailureKind::PromptFailure
        | FailureKind::Cancellation
        | FailureKind::ProcessExit
        | FailureKind::TransportFailure
        | FailureKind::UnknownFailure => Code::AgentCrashed,
    }
}
