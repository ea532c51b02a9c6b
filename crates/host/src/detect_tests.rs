use std::{fs, path::Path};

use super::*;

/// A directory of programs, and what is found when it is the whole search path.
struct Machine {
    dir: tempfile::TempDir,
    versions: Versions,
}

impl Machine {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory"), versions: Versions::default() }
    }

    fn with(self, program: &str, text: &str) -> Self {
        let path = self.dir.path().join(program);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        self
    }

    fn node(self, version: &str) -> Self {
        self.with("node", &format!("#!/bin/sh\necho v{version}\n"))
    }

    fn start(&self, recipe: &Recipe, downloads: bool) -> Result<Start, Error> {
        let search = form::Search {
            path: Some(self.dir.path().into()),
            downloads,
            node: &|node| self.versions.of_node(node, true),
        };
        search.start(recipe)
    }

    fn path(&self, program: &str) -> String {
        self.dir.path().join(program).to_string_lossy().into_owned()
    }
}

const SHELL: &str = "#!/bin/sh\n";
const NODE: &str = "#!/usr/bin/env node\n";

fn entry(name: &str) -> Recipe {
    Recipe::of_entry(catalogue::find(name).expect("it is in the catalogue"))
}

#[test]
fn what_is_installed_goes_before_what_would_be_fetched() {
    let machine = Machine::new().node("24.1.0").with("npx", NODE).with("uvx", SHELL).with("codex-acp", NODE);
    let start = machine.start(&entry("codex"), true).expect("it is there");
    assert_eq!((start.form, start.command), (Form::Path, vec![machine.path("codex-acp")]));
    let start = machine.start(&entry("gemini"), true).expect("npx has it");
    assert_eq!(start.form, Form::Npx);
    assert_eq!(start.command[..2], [machine.path("npx"), "--yes".to_owned()]);
    assert!(start.command[2].starts_with("@google/gemini-cli@") && start.command[3] == "--acp", "{:?}", start.command);
    assert!(start.version.is_some(), "the pinned version is known");
    let start = machine.start(&entry("vibe"), true).expect("uvx has it");
    assert_eq!((start.form, start.command.len()), (Form::Uvx, 4));
    assert_eq!((start.command[1].as_str(), start.command[3].as_str()), ("--from", "vibe-acp"));
}

#[test]
fn nothing_is_fetched_where_that_is_not_allowed() {
    let machine = Machine::new().node("24.1.0").with("npx", NODE).with("uvx", SHELL);
    for name in ["claude", "vibe"] {
        assert!(matches!(machine.start(&entry(name), false), Err(Error::NotInstalled { .. })), "{name}");
    }
}

#[test]
fn an_old_node_is_told_for_each_form_that_needs_it() {
    let machine = Machine::new().node("20.20.2").with("npx", NODE);
    let old = |result| matches!(result, Err(Error::NodeOld { wanted: 22, ref found, .. }) if found == "20.20.2");
    assert!(old(machine.start(&entry("claude"), true)), "by npx");
    let machine = machine.with("claude-agent-acp", NODE);
    assert!(old(machine.start(&entry("claude"), true)), "as a script");
    assert!(machine.start(&entry("gemini"), true).is_ok(), "it does with Node 20");
    let machine = machine.with("claude-agent-acp", SHELL);
    assert!(machine.start(&entry("claude"), true).is_ok(), "a program that is no script for node needs none");
    let machine = Machine::new().with("npx", NODE);
    let error = machine.start(&entry("claude"), true).expect_err("npx does not run without node");
    assert!(matches!(&error, Error::NeedsProgram { program, .. } if program == "node"), "{error}");
}

#[test]
fn an_adapter_needs_what_it_adapts() {
    let machine = Machine::new().node("24.0.0").with("pi-acp", NODE);
    let error = machine.start(&entry("pi"), true).expect_err("pi is not there");
    assert!(matches!(&error, Error::NeedsProgram { program, .. } if program == "pi"), "{error}");
    assert!(machine.with("pi", SHELL).start(&entry("pi"), true).is_ok());
}

#[test]
fn a_command_of_the_configuration_is_taken_as_it_is() {
    let machine = Machine::new().with("gemini", SHELL).with("mine", SHELL).node("24.0.0").with("npx", NODE);
    let custom = |words: &[&str]| CustomAgent {
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        env: BTreeMap::new(),
    };
    let recipe = Recipe::of_custom("gemini", &custom(&["mine", "--x"]), Some(entry("gemini")));
    let start = machine.start(&recipe, true).expect("it is there");
    assert_eq!((start.form, start.command), (Form::Config, vec![machine.path("mine"), "--x".to_owned()]));
    assert_eq!(recipe.title, "Gemini CLI", "it is still that agent");
    let recipe = Recipe::of_custom("gemini", &custom(&["not-there"]), Some(entry("gemini")));
    assert!(machine.start(&recipe, true).is_err(), "what the configuration says is not replaced by the catalogue");

    let plain = machine.dir.path().join("plain");
    fs::write(&plain, SHELL).expect("a file");
    let recipe = Recipe::of_custom("x", &custom(&[&plain.to_string_lossy()]), None);
    assert!(matches!(machine.start(&recipe, true), Err(Error::NotExecutable { .. })));
    let recipe = Recipe::of_custom("x", &custom(&[]), None);
    assert!(matches!(machine.start(&recipe, true), Err(Error::NotInstalled { .. })));
}

#[test]
fn the_registry_names_newer_packages_and_more_agents() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = r#"{"agents": [
        {"id": "gemini", "distribution": {"npx": {"package": "@google/gemini-cli@99.0.0", "args": ["--acp"]}}},
        {"id": "stone", "name": "Stone", "distribution": {"uvx": {"package": "stone@2.0.0", "args": ["acp"]}}}]}"#;
    let file = dir.path().join("registry.json");
    fs::write(&file, text).expect("a file");
    let registry = Registry::open(&file.to_string_lossy(), dir.path()).expect("it is one");
    let agents = Agents::new("/proc/self/exe".into(), BTreeMap::new()).registry(Some(std::sync::Arc::new(registry)));
    let gemini = agents.recipe("gemini").expect("it is known");
    assert_eq!(gemini.npx.expect("a package").spec, "@google/gemini-cli@99.0.0");
    assert_eq!(gemini.commands, entry("gemini").commands, "what is installed still goes first");
    let stone = agents.detect().into_iter().find(|found| found.name == "stone").expect("it is listed");
    assert_eq!((stone.source, stone.title.as_deref()), (AgentSource::Registry, Some("Stone")));
    assert_eq!(stone.install.as_deref(), Some("uv tool install stone@2.0.0"));
}

#[test]
fn what_is_not_there_is_found_with_the_way_to_get_it() {
    let custom = CustomAgent { command: vec!["/nonexistent/agent".to_owned()], env: BTreeMap::new() };
    let agents = Agents::new("/proc/self/exe".into(), [("mine".to_owned(), custom)].into()).downloads(false);
    let found = agents.detect();
    let names: Vec<&str> = found.iter().map(|agent| agent.name.as_str()).collect();
    assert!(names.is_sorted() && CATALOGUE.iter().all(|entry| names.contains(&entry.name)), "{names:?}");
    let builtin = found.iter().find(|agent| agent.name == BUILTIN).expect("it is always there");
    assert!(builtin.installed && builtin.version.is_some() && builtin.findings.is_empty(), "{builtin:?}");
    let mine = found.iter().find(|agent| agent.name == "mine").expect("it is configured");
    assert!(!mine.installed && mine.findings.len() == 1, "{mine:?}");
    assert_eq!(mine.findings[0].code, "agent_missing");
    assert!(mine.findings[0].fix.contains("agents.mine.command"), "{mine:?}");
}

#[test]
fn a_version_below_the_floor_is_a_finding() {
    let kimi = entry("kimi");
    let finding = too_old(&kimi, "1.52.0").expect("it is too old");
    assert_eq!((finding.code.as_str(), finding.fix.as_str()), ("agent_old", kimi.install.as_str()));
    assert!(too_old(&kimi, "2.1.0").is_none());
    assert!(too_old(&entry("cline"), "0.0.1").is_none(), "nothing is known to be too old");
}

#[test]
fn programs_are_found_as_a_shell_would() {
    let dir = tempfile::tempdir().expect("a directory");
    let tool = dir.path().join("tool");
    fs::write(&tool, SHELL).expect("a file");
    let path = std::env::join_paths([Path::new("/nonexistent"), dir.path()]).expect("a path");
    assert_eq!(find_program("tool", Some(&path)), None, "it may not be run");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("a mode");
    assert_eq!(find_program("tool", Some(&path)), Some(tool.clone()));
    assert_eq!(find_program(&tool.to_string_lossy(), None), Some(tool));
    assert_eq!(find_program("tool", None), None);
}
