use std::collections::HashSet;

use clap::FromArgMatches as _;

use super::*;

#[path = "help/reference_tests.rs"]
mod reference;

/// Every command that is built, with its words: `thread new`.
fn built(command: &Command, words: &str, found: &mut Vec<(String, Command)>) {
    for sub in command.get_subcommands() {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        if sub.is_hide_set() || about.contains("not built yet") || sub.get_name() == "help" {
            continue;
        }
        let words = format!("{words} {}", sub.get_name()).trim().to_owned();
        found.push((words.clone(), sub.clone()));
        built(sub, &words, found);
    }
}

fn all() -> Vec<(String, Command)> {
    let mut found = Vec::new();
    built(&command(), "", &mut found);
    found
}

fn examples(command: &Command) -> Vec<String> {
    let before = command.get_before_help().map(ToString::to_string).unwrap_or_default();
    let lines = before.lines().skip_while(|line| !line.starts_with("Examples:")).skip(1);
    lines.take_while(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned()).collect()
}

/// The words of an example's `convene` part, as a shell would split them.
fn words(example: &str) -> Vec<String> {
    // An explanation stands after two blanks; what a shell fills in is one word, unless it is the whole example.
    let example = example.split("  ").next().unwrap_or(example);
    let example = match (example.find(" $("), example.find(')')) {
        (Some(open), Some(close)) => format!("{} x{}", &example[..open], &example[close + 1..]),
        _ => example.to_owned(),
    };
    let from = example.find("convene ").expect("an example calls convene");
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in example[from..].chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().expect("there is one").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    if let Some(end) = words.iter().position(|w| matches!(w.as_str(), ">" | "<" | "&&" | "|")) {
        words.truncate(end);
    }
    words.iter_mut().for_each(|w| *w = w.trim_end_matches(')').to_owned());
    words
}

/// check 2
#[test]
fn every_command_has_two_examples_or_three_and_all_of_them_parse() {
    for (words_of, command) in all() {
        let examples = examples(&command);
        assert!((2..=5).contains(&examples.len()), "{words_of} has {} examples", examples.len());
        let own = examples.iter().filter(|example| example.contains(words_of.split(' ').next().unwrap())).count();
        assert!(own >= 2, "{words_of} has {own} examples of its own");
        for example in examples {
            let words = words(&example);
            let parsed =
                super::command().try_get_matches_from(&words).and_then(|matches| Cli::from_arg_matches(&matches));
            assert!(parsed.is_ok(), "{example:?} does not parse as {words:?}: {}", parsed.unwrap_err());
        }
    }
}

#[test]
fn every_command_says_in_an_imperative_what_it_does_and_how_it_exits() {
    for (words, command) in all() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(!about.is_empty() && !about.ends_with('.'), "{words}: {about:?}");
        assert!(about.chars().next().is_some_and(char::is_uppercase), "{words}: {about:?}");
        if !words.contains(' ') {
            assert!(command.get_after_help().is_some(), "{words} does not say how it exits");
        }
    }
}

#[test]
fn every_table_here_names_commands_that_there_are_and_every_command_has_a_group() {
    let known: HashSet<String> = all().into_iter().map(|(words, _)| words).collect();
    let mut every: HashSet<String> = HashSet::new();
    fn names(command: &Command, words: &str, found: &mut HashSet<String>) {
        for sub in command.get_subcommands() {
            let words = format!("{words} {}", sub.get_name()).trim().to_owned();
            names(sub, &words, found);
            found.insert(words);
        }
    }
    names(&command(), "", &mut every);
    for (words, _) in EXITS {
        assert!(every.contains(*words), "{words} is no command");
    }
    let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
    for words in known.iter().filter(|words| !words.contains(' ')) {
        assert!(grouped.contains(&words.as_str()), "{words} is in no group of the first page");
    }
}

#[test]
fn help_fits_a_hundred_columns_and_needs_no_color() {
    let mut pages: Vec<(String, Command)> = all();
    pages.push(("convene".to_owned(), command()));
    for (words, mut command) in pages {
        for line in command.render_help().to_string().lines() {
            assert!(line.chars().count() <= 120, "{words}: {line}");
            assert!(!line.contains('\x1b'), "{words}: {line:?}");
        }
    }
}

#[test]
fn the_arguments_with_their_help_are_consistent() {
    command().debug_assert();
}
