//! Help: what the commands' own attributes leave out, in one place. Groups of commands, examples of commands below
//! commands, exit codes.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use convene_core::catalogue::nearest;

use crate::args::{Cli, TEMPLATE};

/// How the first page is laid out: groups stand where the list of commands would.
const FIRST_PAGE: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}{options}{after-help}";

/// The commands in the groups of the first page.
const GROUPS: &[(&str, &[&str])] = &[
    ("Sessions", &["run", "new", "ls", "show", "logs", "attach", "wait", "export", "replay"]),
    ("Talk", &["prompt", "queue", "cancel", "approve", "deny"]),
    (
        "Lifecycle",
        &[
            "stop",
            "resume",
            "hibernate",
            "clear",
            "rewind",
            "fork",
            "archive",
            "unarchive",
            "rm",
            "repair",
            "set",
            "thread",
        ],
    ),
    ("Server", &["serve", "open", "status", "shutdown", "token", "audit", "backup", "restore", "prune"]),
    ("Machine", &["agents", "doctor", "config", "completion", "worker"]),
    ("Programs", &["agent", "mock-llm"]),
];

/// What stands after the groups' names: a command of no group.
const OTHERS: &str = "More";

/// Examples of commands that have none of their own, or share them, by their words.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("archive", &["convene archive k3f9qz", "convene archive $(convene ls -q --state stopped)"]),
    ("unarchive", &["convene unarchive k3f9qz", "convene unarchive k3f9qz b81m2c --json"]),
    ("agents ls", &["convene agents ls", "convene agents ls --json"]),
    ("agents show", &["convene agents show codex", "convene agents show builtin --json"]),
    ("agents test", &["convene agents test codex", "convene agents test mine --json"]),
    ("queue ls", &["convene queue k3f9qz", "convene queue k3f9qz ls --json"]),
    ("queue drop", &["convene queue k3f9qz drop 2", "convene queue @ drop 1"]),
    ("queue edit", &["convene queue k3f9qz edit 1 \"use the new name\"", "convene queue @ edit 2 - < prompt.md"]),
    ("queue promote", &["convene queue k3f9qz promote 3", "convene queue @ promote 2"]),
    (
        "thread new",
        &["convene thread new \"make the cart test pass\"", "convene thread new --topic checkout -C ~/shop -a codex"],
    ),
    ("thread ls", &["convene thread ls", "convene thread ls --archived --json"]),
    ("thread show", &["convene thread show 9c41aa", "convene thread show checkout --json"]),
    (
        "thread prompt",
        &["convene thread prompt 9c41aa \"now add a test\"", "convene thread prompt checkout --interrupt \"stop\""],
    ),
    ("thread archive", &["convene thread archive 9c41aa", "convene thread archive checkout --json"]),
    ("thread rm", &["convene thread rm 9c41aa", "convene thread rm -y checkout"]),
    (
        "token create",
        &["convene token create --name laptop --expires 30d", "convene token create --scope worker > token"],
    ),
    ("token ls", &["convene token ls", "convene token ls --json"]),
    ("token revoke", &["convene token revoke 4fa21c", "convene token revoke laptop"]),
    ("token rotate", &["convene token rotate 4fa21c", "convene token rotate laptop --json"]),
    ("config show", &["convene config show", "convene config show --origin"]),
    ("config path", &["convene config path", "convene config path --json"]),
    ("config schema", &["convene config schema > schema.json", "convene config schema --json"]),
    ("agent builtin", &["convene agent builtin", "convene agent builtin --script demo.json"]),
];

/// Exit codes that a command has of its own; the others end like any command that asks the server.
const EXITS: &[(&str, &str)] = &[
    ("new", "Exit: 0 created · 1 refused · 2 usage · 6 no server"),
    (
        "wait",
        "Exit: as `run` for the last turn, of several the worst · 2 usage · 6 no server\n      124 --timeout ran out",
    ),
    (
        "approve",
        "Without --always: allow_once. The first answer wins.\nExit: 0 decided · 1 refused (already decided, gone) · 2 usage · 6 no server",
    ),
    (
        "deny",
        "Without --always: reject_once. The first answer wins.\nExit: 0 decided · 1 refused (already decided, gone) · 2 usage · 6 no server",
    ),
    ("serve", "Exit: 0 ended in order · 1 port or data directory in use · 2 usage or configuration"),
    ("worker", "Exit: 0 ended in order · 1 the server refuses it · 2 usage or configuration"),
    ("agent", "Exit: 0 the client has left · 1 not built, or a failure"),
    ("shutdown", "Exit: 0 ended · 2 not confirmed · 6 none was running"),
];

/// What most commands end with.
const EXIT: &str = "Exit: 0 done · 1 refused or failed · 2 usage · 6 no server";

/// The commands with all of their help; with `whole`, flags are shown that `-h` leaves out.
///
/// Help has one form, a line for each flag: the parser's own long form takes five.
pub fn command_for(whole: bool) -> Command {
    let command = command();
    if whole { unhidden(command) } else { command }
}

fn unhidden(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let mut command = command.mut_args(|arg| arg.hide_short_help(false));
    for name in names {
        command = command.mut_subcommand(name, unhidden);
    }
    command
}

/// The commands with all of their help.
pub fn command() -> Command {
    let command = Cli::command();
    let overview = overview(&command);
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let mut command = with_help_flag(command).mut_args(with_words).help_template(FIRST_PAGE).before_help(overview);
    for name in names {
        command = command.mut_subcommand(&name, |sub| complete(sub, &name));
    }
    command
}

/// The words that a flag takes stand before what it is for: `wait, reject: when nobody can answer`.
fn with_words(arg: Arg) -> Arg {
    if arg.get_id() == "permissions" {
        let help = "deny, ask, reads, all: who answers permission requests [default: ask]";
        return arg.value_name("MODE").help(help);
    }
    let words: Vec<String> = arg.get_possible_values().iter().map(|word| word.get_name().to_owned()).collect();
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    if words.is_empty() || !arg.get_action().takes_values() {
        return arg;
    }
    if words.iter().all(|word| help.contains(word.as_str())) {
        return arg.hide_possible_values(true);
    }
    let mut first = help.chars();
    let lower = first.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    arg.hide_possible_values(true).help(format!("{}: {lower}{}", words.join(", "), first.as_str()))
}

/// `-h` and `--help` in the same form; which flags they show differs.
fn with_help_flag(command: Command) -> Command {
    let about = "This; --help shows every flag";
    let flag = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort).help(about);
    command.disable_help_flag(true).arg(flag)
}

/// A command with what its own attributes leave out, and those below it.
fn complete(command: Command, words: &str) -> Command {
    let built = !command.get_about().map(ToString::to_string).unwrap_or_default().contains("not built yet");
    let mut command = if built { with_help_flag(command).mut_args(with_words) } else { command };
    if built && let Some(examples) = find(EXAMPLES, words) {
        let text = examples.iter().fold("Examples:".to_owned(), |text, example| text + "\n  " + example);
        command = command.before_help(text).help_template(TEMPLATE);
    }
    if built && command.get_after_help().is_none() && !words.contains(' ') {
        command = command.after_help(find(EXITS, words).copied().unwrap_or(EXIT));
    }
    // Without the word that says what to do there is only help to give.
    if command.is_subcommand_required_set() {
        command = command.arg_required_else_help(true);
    }
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        let words = format!("{words} {name}");
        command = command.mut_subcommand(&name, |sub| complete(sub, &words));
    }
    command
}

/// The known word that is nearest to the first unknown one among arguments: a command, or a flag of the command that they
/// name. None if nothing is near.
pub fn nearest_word(args: &[String]) -> Option<String> {
    let mut command = command();
    command.build();
    let mut here = &command;
    for arg in args.iter().skip(1) {
        let flag = arg.split('=').next().unwrap_or_default();
        if flag.len() > 3 && flag.starts_with("--") {
            let known: Vec<String> =
                here.get_arguments().filter_map(|arg| Some(format!("--{}", arg.get_long()?))).collect();
            if !known.iter().any(|known| known == flag) {
                return near(flag, known.iter().map(String::as_str));
            }
        } else if let Some(sub) = here.find_subcommand(arg) {
            here = sub;
        } else if here.has_subcommands() && !here.get_arguments().any(clap::Arg::is_positional) {
            let known = here.get_subcommands().filter(|sub| !sub.is_hide_set()).map(Command::get_name);
            return near(arg, known);
        }
    }
    None
}

/// As far as a slip of the finger goes: two letters, and in a short word one.
fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let near = nearest(word, known).first().copied()?;
    let short = word.trim_start_matches('-').chars().count() < 5;
    (!short || strsim::osa_distance(word, near) < 2).then(|| near.to_owned())
}

fn find<'a, T>(table: &'a [(&str, T)], words: &str) -> Option<&'a T> {
    table.iter().find(|(of, _)| *of == words).map(|(_, value)| value)
}

/// The groups with their commands, each with what it does.
fn overview(command: &Command) -> String {
    let visible: Vec<(&str, String)> = command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .map(|sub| (sub.get_name(), sub.get_about().map(ToString::to_string).unwrap_or_default()))
        .collect();
    let others: Vec<&str> =
        visible.iter().map(|(name, _)| *name).filter(|name| !GROUPS.iter().any(|(_, of)| of.contains(name))).collect();
    let mut text = String::new();
    for (group, names) in GROUPS.iter().copied().chain([(OTHERS, others.as_slice())]) {
        let rows: Vec<_> =
            names.iter().filter_map(|name| visible.iter().find(|(visible, _)| visible == name)).collect();
        if rows.is_empty() {
            continue;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{group}:");
        for (name, about) in rows {
            let _ = writeln!(text, "  {name:<11} {about}");
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
#[path = "help_tests.rs"]
mod tests;
