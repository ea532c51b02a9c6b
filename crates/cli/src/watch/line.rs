//! Line mode: a row below the view in which a person types prompts and commands.

mod editor;

use convene_api::body::PromptMode;

use super::{How, Plan};
use crate::{
    commands::{queue::Change, spec},
    render::{
        style::{Paint, Style},
        words,
    },
};
pub use editor::{Editor, Typed};

/// What line mode knows, for `/help`.
const HELP: &[&str] = &[
    "text and Enter        a prompt; while a turn runs it waits in the queue",
    "/steer TEXT           adds it to the running turn, where the agent can",
    "/interrupt TEXT       cancels the running turn and goes first",
    "/cancel               cancels the running turn and stays",
    "/queue                what waits; /queue edit N TEXT, /queue promote N, /queue drop N",
    "/set KEY=VALUE        title, model, mode, permissions, timeout, labels.NAME, or an option of the agent",
    "/detach, Ctrl-D       leaves; the session goes on",
    "Ctrl-C                clears what is typed, else cancels the turn and leaves when it has ended",
    "//TEXT                a prompt that begins with a slash, such as a command of the agent",
];
/// Our words; whatever else begins with a slash is the agent's, if it offers it.
const WORDS: &[&str] = &["/steer", "/interrupt", "/cancel", "/queue", "/set", "/help", "/detach"];

/// What is attached to, beside the turn.
pub struct Attach {
    /// Whether the watch ends with its turn.
    pub once: bool,
    /// Whether nothing may be typed.
    pub read_only: bool,
    /// Prompts that wait, and that of the turn which is shown first.
    pub prompts: Vec<(convene_core::ids::TurnId, String)>,
}

/// Line mode of a watch.
pub struct Line {
    /// What is typed.
    pub editor: Editor,
    /// Whether the watch ends with its turn.
    pub once: bool,
    /// Whether nothing may be typed.
    pub read_only: bool,
    /// Whether a turn runs.
    pub busy: bool,
    /// Whether there was nothing to wait for at the beginning.
    pub idle_at_start: bool,
    /// Requests on their way that were typed here.
    pub sent: usize,
    id: String,
    style: Style,
    commands: Vec<String>,
}

/// What a typed line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing.
    Nothing,
    /// A prompt.
    Prompt(String, PromptMode),
    /// The running turn is to end.
    Cancel,
    /// The queue is to be listed.
    Queue,
    /// The queue is to be changed: entry, how.
    Change(String, Edit),
    /// The session is to be changed.
    Set(Vec<(String, String)>),
    /// What can be typed.
    Help,
    /// To leave.
    Detach,
    /// It cannot be meant; this is why.
    Unclear(String),
}

/// How an entry of the queue changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// It is dropped.
    Drop,
    /// It goes first.
    Promote,
    /// It has another text.
    Text(String),
}

impl From<Edit> for Change {
    fn from(edit: Edit) -> Self {
        match edit {
            Edit::Drop => Self::Drop,
            Edit::Promote => Self::Promote,
            Edit::Text(text) => Self::Edit(text),
        }
    }
}

impl Line {
    /// The line mode of a plan, if it has one.
    pub fn of(plan: &Plan, style: Style) -> Option<Self> {
        let attach = plan.attach.as_ref()?;
        let session = &plan.session;
        Some(Self {
            editor: Editor::default(),
            once: attach.once,
            read_only: attach.read_only || plan.how != How::Terminal,
            busy: session.turn.is_some(),
            idle_at_start: session.turn.is_none() && session.queue_length == 0,
            sent: 0,
            id: session.short_id.clone(),
            style,
            commands: session.commands.iter().map(|command| command.name.clone()).collect(),
        })
    }

    /// The agent's commands are now these.
    pub fn commands(&mut self, names: impl Iterator<Item = String>) {
        self.commands = names.collect();
    }

    /// What can be typed.
    pub fn help() -> impl Iterator<Item = String> {
        HELP.iter().map(|row| format!("  {row}"))
    }

    /// The row, at most so wide, with what goes on where there is room.
    pub fn row(&self, status: &str, width: usize) -> String {
        let limit = width.saturating_sub(1);
        let style = self.style;
        let dim = |text: &str| style.paint(Paint::Dim, text);
        if !self.editor.is_empty() {
            return format!("{}{}", dim("> "), self.editor.drawn(limit.saturating_sub(2)));
        }
        let (before, after) = if self.read_only {
            let status = if self.busy { status.to_owned() } else { format!("{} is idle", self.id) };
            return dim(&words::cut(&format!("{status}{}Ctrl-D leaves", style.dot()), limit, style.ellipsis()));
        } else if self.busy {
            (format!("{status}{}Ctrl-C cancels", style.dot()), "")
        } else {
            (self.id.clone(), " a prompt and Enter, /help, Ctrl-D leaves")
        };
        let before = words::cut(&before, limit.saturating_sub(4), style.ellipsis());
        let used = words::width(&before) + 4;
        let after = words::cut(after, limit.saturating_sub(used), style.ellipsis());
        format!("{}{}{}", dim(&format!("{before} > ")), self.editor.drawn(2), dim(&after))
    }

    /// What a typed line means.
    pub fn meaning(&self, line: &str) -> Meaning {
        let text = line.trim();
        if text.is_empty() {
            return Meaning::Nothing;
        }
        if let Some(rest) = text.strip_prefix("//") {
            return Meaning::Prompt(format!("/{rest}"), PromptMode::Queue);
        }
        if !text.starts_with('/') {
            return Meaning::Prompt(line.trim_end().to_owned(), PromptMode::Queue);
        }
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        match word {
            "/steer" | "/interrupt" if rest.is_empty() => Meaning::Unclear(format!("{word} wants a text")),
            "/steer" => Meaning::Prompt(rest.to_owned(), PromptMode::Steer),
            "/interrupt" => Meaning::Prompt(rest.to_owned(), PromptMode::Interrupt),
            "/cancel" => Meaning::Cancel,
            "/queue" => queue(rest),
            "/set" => set(rest),
            "/help" => Meaning::Help,
            "/detach" => Meaning::Detach,
            word if self.commands.iter().any(|name| name.trim_start_matches('/') == &word[1..]) => {
                Meaning::Prompt(text.to_owned(), PromptMode::Queue)
            }
            word => {
                let near = convene_core::catalogue::nearest(word, WORDS.iter().copied());
                let near = near.first().map(|near| format!("did you mean {near}? ")).unwrap_or_default();
                Meaning::Unclear(format!(
                    "{word} is no command here; {near}/help lists them, // begins a prompt with a slash"
                ))
            }
        }
    }
}

fn queue(rest: &str) -> Meaning {
    let mut words = rest.splitn(3, char::is_whitespace);
    let (action, entry, text) = (words.next().unwrap_or_default(), words.next(), words.next());
    match (action, entry, text.map(str::trim).filter(|t| !t.is_empty())) {
        ("" | "ls", None, _) => Meaning::Queue,
        ("drop", Some(entry), None) => Meaning::Change(entry.to_owned(), Edit::Drop),
        ("promote", Some(entry), None) => Meaning::Change(entry.to_owned(), Edit::Promote),
        ("edit", Some(entry), Some(text)) => Meaning::Change(entry.to_owned(), Edit::Text(text.to_owned())),
        _ => Meaning::Unclear("/queue, /queue edit N TEXT, /queue promote N or /queue drop N is wanted".to_owned()),
    }
}

/// A word with `=` begins a pair; other words belong to the value before them.
fn set(rest: &str) -> Meaning {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for word in rest.split_whitespace() {
        match (spec::pair(word), pairs.last_mut()) {
            (Ok(pair), _) => pairs.push(pair),
            (Err(_), Some((_, value))) => {
                value.push(' ');
                value.push_str(word);
            }
            (Err(_), None) => break,
        }
    }
    if pairs.is_empty() {
        return Meaning::Unclear("/set KEY=VALUE is wanted, such as /set model=gpt-5".to_owned());
    }
    Meaning::Set(pairs)
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
