use clap::CommandFactory as _;

use super::*;

#[test]
fn the_arguments_are_consistent() {
    Cli::command().debug_assert();
}

/// The examples of a command's help: lines between `Examples:` and an empty line.
fn examples(command: &clap::Command) -> Vec<String> {
    let before = command.get_before_help().map(ToString::to_string).unwrap_or_default();
    before
        .lines()
        .skip_while(|line| !line.starts_with("Examples:"))
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .map(|line| line.trim().to_owned())
        .collect()
}

/// The words of an example's `convene` part, as a shell would split them, without what is a shell's.
fn words(example: &str) -> Vec<String> {
    // What a shell fills in is one word, unless it is the whole example.
    let example = match (example.find(" $("), example.find(')')) {
        (Some(open), Some(close)) => format!("{} x{}", &example[..open], &example[close + 1..]),
        _ => example.to_owned(),
    };
    let from = example.find("convene ").expect("an example calls convene");
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in example[from..].chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("there is one").push(c),
        }
    }
    let mut words: Vec<String> = words.into_iter().filter(|w| !w.is_empty()).collect();
    if let Some(end) = words.iter().position(|w| matches!(w.as_str(), ">" | "&&" | "|")) {
        words.truncate(end);
    }
    words.iter_mut().for_each(|w| *w = w.trim_end_matches(')').trim_start_matches("$(").to_owned());
    words
}

/// Explanations stand after at least two blanks and are no arguments.
fn without_explanation(example: &str) -> &str {
    match example.find("  ") {
        Some(at) => &example[..at],
        None => example,
    }
}

#[test]
fn every_command_has_examples_that_parse() {
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        if about.contains("not built yet") || command.is_hide_set() {
            continue;
        }
        let examples = examples(command);
        assert!(examples.len() >= 2, "{name} has {} examples", examples.len());
        for example in examples {
            let words = words(without_explanation(&example));
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("{example:?} does not parse as {words:?}: {error}");
            }
        }
        assert!(!about.ends_with('.'), "{name}: {about:?} is a title, no sentence");
    }
}

#[test]
fn commands_that_are_not_built_take_whatever_stands_behind_them() {
    for words in [
        &["convene", "attach", "x", "--once"][..],
        &["convene", "mcp"],
        &["convene", "repair", "x", "--dry-run", "--force"],
    ] {
        assert!(Cli::try_parse_from(words).is_ok(), "{words:?}");
    }
}

#[test]
fn json_may_stand_behind_the_word_that_says_what_to_do() {
    for words in [
        &["convene", "thread", "ls", "--json"][..],
        &["convene", "thread", "--json", "ls"],
        &["convene", "queue", "x", "ls", "-o", "json"],
        &["convene", "token", "ls", "-o", "json"],
        &["convene", "agents", "show", "codex", "--json"],
    ] {
        let cli = Cli::try_parse_from(words).expect("it parses");
        assert!(commands::is_json(&cli.command), "{words:?}");
    }
    let cli = Cli::try_parse_from(["convene", "thread", "ls"]).expect("it parses");
    assert!(!commands::is_json(&cli.command));
}

#[test]
fn no_list_is_of_zero_sessions() {
    for n in ["0", "-1", "many"] {
        let error = Cli::try_parse_from(["convene", "ls", "-n", n]).unwrap_err().to_string();
        assert!(error.contains("give a whole number, 1 or more") || n == "-1", "{error}");
    }
    assert!(Cli::try_parse_from(["convene", "ls", "-n", "1"]).is_ok());
}

#[test]
fn help_is_narrow_enough() {
    for mut command in Cli::command().get_subcommands().cloned().collect::<Vec<_>>() {
        for line in command.render_long_help().to_string().lines() {
            assert!(line.chars().count() <= 110, "{}: {line}", command.get_name());
        }
    }
}

/// Words that arguments are made of: every name and flag there is, and some that make no sense.
fn vocabulary() -> Vec<String> {
    fn collect(command: &clap::Command, words: &mut Vec<String>) {
        for sub in command.get_subcommands() {
            words.push(sub.get_name().to_owned());
            collect(sub, words);
        }
        for arg in command.get_arguments() {
            words.extend(arg.get_long().map(|long| format!("--{long}")));
            words.extend(arg.get_short().map(|short| format!("-{short}")));
            words.extend(arg.get_possible_values().iter().map(|value| value.get_name().to_owned()));
        }
    }
    let mut words = vec!["", "-", "--", "@", "x", "1", "-1", "a=b", "=", "--json=x", "\u{202e}", "k3f9qz", "90s"]
        .into_iter()
        .map(str::to_owned)
        .collect();
    collect(&Cli::command(), &mut words);
    words.sort();
    words.dedup();
    words
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(1500))]

    /// check 6
    #[test]
    fn no_arguments_make_the_parser_panic(
        picks in proptest::collection::vec((0_usize..10_000, proptest::option::weighted(0.15, ".{0,12}")), 0..7),
    ) {
        let words = vocabulary();
        let picked = picks.into_iter().map(|(at, odd)| odd.unwrap_or_else(|| words[at % words.len()].clone()));
        let args: Vec<String> = std::iter::once("convene".to_owned()).chain(picked).collect();
        match crate::help::command().try_get_matches_from(&args) {
            Ok(_) => {}
            Err(error) => {
                let text = error.render().to_string();
                proptest::prop_assert!(!text.is_empty());
                let problem = crate::app::usage_problem(&text);
                proptest::prop_assert!(!problem.detail.is_empty(), "{:?}: {}", args, text);
            }
        }
    }
}
