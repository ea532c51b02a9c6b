//! Commands in a hermetic home, without a server: what they say, where they say it, how they end.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// A home of its own, which goes with it.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory") }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// A command that sees nothing of the machine's environment, and starts no server.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_convene"));
        command
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/bin:/bin")
            .env("CONVENE_CLIENT_AUTOSTART", "false")
            .current_dir(self.path())
            .stdin(Stdio::null())
            .args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        said(self.command(args).output().expect("it runs"), self.path())
    }
}

#[must_use = "look at what was said, or at the exit code"]
#[derive(Debug)]
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

fn said(output: Output, home: &Path) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").replace(&home.display().to_string(), "HOME");
    Said { code: output.status.code().expect("an exit code"), stdout: text(output.stdout), stderr: text(output.stderr) }
}

const DOWN: &str = "\
error[server_unreachable]: nothing answers at HOME/.local/share/convene/server.sock
  hint: start it with `convene serve`, or leave --no-autostart out
";

#[test]
fn without_a_server_every_command_says_so() {
    let home = Home::new();
    for args in [
        &["ls"][..],
        &["run", "hello"],
        &["new"],
        &["show", "@"],
        &["logs", "x"],
        &["wait", "x"],
        &["prompt", "x", "hello"],
        &["queue", "x"],
        &["queue", "x", "promote", "1"],
        &["attach", "x"],
        &["set", "x", "title=y"],
        &["prompt", "x", "--retry"],
        &["cancel", "x"],
        &["approve", "x"],
        &["deny", "x"],
        &["stop", "x"],
        &["rm", "-y", "x"],
        &["archive", "x"],
        &["resume", "x"],
        &["hibernate", "x"],
        &["clear", "x"],
        &["fork", "x"],
        &["thread", "ls"],
        &["agents"],
        &["open"],
        &["status"],
        &["shutdown"],
        &["token", "ls"],
    ] {
        let said = home.run(args);
        assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (6, "", DOWN), "{args:?}");
    }
    assert!(!home.path().join(".local").exists(), "nothing is made by asking");
}

#[test]
fn with_json_a_problem_is_one_line_on_stderr() {
    let home = Home::new();
    let said = home.run(&["ls", "--json"]);
    assert_eq!((said.code, said.stdout.as_str()), (6, ""));
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    let problem: serde_json::Value = serde_json::from_str(&said.stderr).expect("JSON");
    assert_eq!((problem["code"].as_str(), problem["exit"].as_u64()), (Some("server_unreachable"), Some(6)));
    let said = home.run(&["show", "--json"]);
    let problem: serde_json::Value = serde_json::from_str(&said.stderr).expect("JSON");
    assert_eq!((said.code, problem["code"].as_str()), (2, Some("invalid_request")));
    assert_eq!(said.stdout, "");
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    let home = Home::new();
    for name in ["operator", "crd", "acp", "mcp", "agent"] {
        let said = home.run(&[name]);
        let first = said.stderr.lines().next().unwrap_or_default();
        assert_eq!(first, format!("error[not_supported_yet]: convene {name} is not built yet"));
        assert_eq!((said.code, said.stdout.as_str()), (1, ""), "{name}");
    }
}

#[test]
fn bad_prompts() {
    let home = Home::new();
    let empty = home.run(&["run", "  "]);
    assert_eq!(empty.stderr, "error[prompt_empty]: the prompt is empty\n  hint: give text, - or -F\n");
    assert_eq!(empty.code, 2);
    let file = home.write("large", &"x".repeat(10_400_000));
    let large = home.run(&["run", "-F", file.to_str().expect("text")]);
    let expected = "\
error[prompt_too_large]: prompt is 10.4 MB, limit 1.0 MB
  hint: put it into a file and name it
";
    assert_eq!((large.code, large.stderr.as_str()), (2, expected));
    let mut child = home.command(&["run", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("a pipe").write_all(b"ab\xffcd").expect("a write");
    let bytes = said(child.wait_with_output().expect("it ends"), home.path());
    assert_eq!((bytes.code, bytes.stderr.as_str()), (2, "error[prompt_not_text]: the prompt is not UTF-8 at byte 2\n"));
}

#[test]
fn a_prompt_that_is_given_leaves_standard_input_alone() {
    let home = Home::new();
    // The pipe stays open: whoever reads it waits for ever.
    let mut child = home
        .command(&["run", "hello"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let stdin = child.stdin.take();
    let said = said(child.wait_with_output().expect("it ends"), home.path());
    drop(stdin);
    assert_eq!((said.code, said.stderr.as_str()), (6, DOWN));
}

#[test]
fn the_configuration_is_checked_before_anything_else() {
    let home = Home::new();
    home.write(".config/convene/config.toml", "[run]\nagnt = \"codex\"\n");
    let said = home.run(&["ls"]);
    let expected = "\
error[config_unknown_key]: HOME/.config/convene/config.toml:2: unknown key \"run.agnt\"
  hint: did you mean \"run.agent\"?
";
    assert_eq!((said.code, said.stderr.as_str()), (2, expected));
    let missing = home.run(&["--config", "nowhere.toml", "ls"]);
    assert!(
        missing.stderr.starts_with("error[config_invalid]: nowhere.toml: there is no such file"),
        "{}",
        missing.stderr
    );
    assert_eq!(missing.code, 2);
}

#[test]
fn an_unknown_variable_is_a_warning() {
    let home = Home::new();
    let output = home.command(&["ls"]).env("CONVENE_RUN_AGNT", "x").output().expect("it runs");
    let said = said(output, home.path());
    let first = said.stderr.lines().next().unwrap_or_default();
    assert_eq!(first, "warning[config_unknown_key]: nothing reads CONVENE_RUN_AGNT; did you mean CONVENE_RUN_AGENT?");
    assert_eq!(said.code, 6, "a warning never changes the exit code");
}

#[test]
fn usage_errors_name_the_nearest() {
    let home = Home::new();
    for (args, near) in [
        (&["rnu", "x"][..], "run"),
        (&["ls", "--archivd"], "--archived"),
        (&["run", "x", "--permissions", "sometimes"], "deny, ask, reads or all"),
        (&["run", "x", "--thoughts", "ful"], "full"),
    ] {
        let said = home.run(args);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{args:?}");
        assert!(said.stderr.contains(near), "{args:?}: {}", said.stderr);
    }
}

#[test]
fn no_escape_byte_without_a_terminal_unless_asked_for() {
    let home = Home::new();
    let run = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = home.command(args);
        command.envs(variables.iter().copied());
        said(command.output().expect("it runs"), home.path()).stderr.contains('\x1b')
    };
    assert!(!run(&[], &["ls"]));
    assert!(run(&[("CLICOLOR_FORCE", "1")], &["ls"]));
    assert!(!run(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &["ls"]));
    assert!(run(&[("NO_COLOR", "1")], &["ls", "--color", "always"]));
    assert!(!run(&[("CLICOLOR_FORCE", "1")], &["ls", "--color", "never"]));
}

#[test]
fn help_and_version_touch_nothing() {
    let home = Home::new();
    home.write(".config/convene/config.toml", "broken = [");
    for args in [&["--help"][..], &["run", "--help"], &["approve", "-h"], &["--version"]] {
        let said = home.run(args);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{args:?}");
        assert!(said.stdout.contains("convene"), "{}", said.stdout);
    }
    let none = home.run(&[]);
    assert_eq!((none.code, none.stdout.as_str()), (2, ""));
    assert!(none.stderr.contains("Usage: convene"));
}

#[test]
fn a_server_that_does_not_start_says_why() {
    let home = Home::new();
    let data = home.write("data", "no directory");
    let output = home
        .command(&["ls", "--data-dir", data.to_str().expect("text")])
        .env_remove("CONVENE_CLIENT_AUTOSTART")
        .output()
        .expect("it runs");
    let said = said(output, home.path());
    assert_eq!((said.code, said.stdout.as_str()), (1, ""));
    assert!(said.stderr.starts_with("error[storage_readonly]: cannot write HOME/data"), "{}", said.stderr);
    home.write(".config/convene/config.toml", "[server]\nbind = \"0.0.0.0:0\"\n");
    let output = home.command(&["ls"]).env_remove("CONVENE_CLIENT_AUTOSTART").output().expect("it runs");
    let said = self::said(output, home.path());
    assert_eq!((said.code, said.stdout.as_str()), (6, ""));
    let expected =
        "error[server_start_failed]: the local server ended: error[bind_refused]: 0.0.0.0:0 is open to the network";
    assert!(said.stderr.starts_with(expected), "{}", said.stderr);
}

#[test]
fn the_address_of_a_server_is_checked() {
    let home = Home::new();
    let said = home.run(&["--server", "https://a.example", "ls"]);
    assert!(said.stderr.starts_with("error[invalid_request]: \"https://a.example\" is no address"), "{}", said.stderr);
    assert_eq!(said.code, 2);
    let said = home.run(&["--server", "http://127.0.0.1:9", "ls"]);
    assert!(
        said.stderr.starts_with("error[server_unreachable]: nothing answers at http://127.0.0.1:9"),
        "{}",
        said.stderr
    );
    assert_eq!(said.code, 6);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = home.command(&["openapi"]).stdout(writer).stderr(Stdio::piped()).output().expect("it runs");
    let said = said(output, home.path());
    assert_eq!((said.code, said.stderr.as_str()), (141, ""));
}
