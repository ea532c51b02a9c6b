//! What goes where: JSON, colors, pipes, secrets.

use std::process::Stdio;

use anyhow::Result;
use serde_json::Value;

use crate::home::{self, Home, cluster};

/// Commands that print something without a server.
const ALONE: &[&[&str]] = &[
    &["doctor"],
    &["config", "show"],
    &["config", "show", "--origin"],
    &["config", "path"],
    &["config", "schema"],
    &["completion", "bash"],
    &["completion", "zsh", "--static"],
    &["--help"],
    &["openapi"],
];

/// Commands that ask the server, each with something that it refuses.
const ASKING: &[&[&str]] = &[
    &["ls"],
    &["show", "nobody"],
    &["logs", "nobody"],
    &["wait", "nobody"],
    &["prompt", "nobody", "hello"],
    &["queue", "nobody"],
    &["cancel", "nobody"],
    &["approve", "nobody"],
    &["deny", "nobody"],
    &["stop", "nobody"],
    &["archive", "nobody"],
    &["unarchive", "nobody"],
    &["rm", "-y", "nobody"],
    &["set", "nobody", "title=x"],
    &["export", "nobody"],
    &["thread", "show", "nobody"],
    &["thread", "ls"],
    &["token", "revoke", "nobody"],
    &["token", "ls"],
    &["agents"],
    &["agents", "show", "nobody"],
    &["status"],
    &["run", "-a", "nobody", "hello"],
    &["new", "-a", "nobody"],
];

/// check 9
#[tokio::test(flavor = "multi_thread")]
async fn with_json_stdout_is_empty_or_json_and_a_problem_is_one_line() -> Result<()> {
    let cluster = cluster().start().await?;
    let home = Home::new();
    for args in ASKING {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        for said in [home.run(&args), home::run(&cluster, &args)] {
            for line in said.stdout.lines() {
                let parsed = serde_json::from_str::<Value>(line);
                assert!(parsed.is_ok(), "{args:?}: {line}");
            }
            if said.code == 0 {
                assert_eq!(said.stderr, "", "{args:?}");
                continue;
            }
            assert_eq!(said.stderr.lines().count(), 1, "{args:?}: {}", said.stderr);
            let problem = said.problem();
            assert_eq!(problem["exit"].as_i64(), Some(said.code.into()), "{args:?}: {problem}");
            assert!(problem["code"].as_str().is_some_and(|code| !code.is_empty()), "{args:?}: {problem}");
        }
    }
    for args in [
        &["ls", "--bogus", "--json"][..],
        &["ls", "-o", "json", "--bogus"],
        &["--output=json", "ls", "--bogus"],
        &["token", "-o", "json"],
    ] {
        let said = home.run(args);
        assert_eq!((said.code, said.stdout.as_str(), said.stderr.lines().count()), (2, "", 1), "{args:?}: {said:?}");
        assert_eq!(said.problem()["exit"], 2, "{args:?}");
    }
    for args in [&["doctor", "--json"][..], &["config", "show", "--json"], &["config", "path", "--json"]] {
        assert!(home.run(args).json().is_object(), "{args:?}");
    }
    cluster.end().await
}

/// check 7
#[test]
fn no_escape_byte_goes_into_a_pipe_or_a_dumb_terminal() {
    let home = Home::new();
    for args in ALONE.iter().chain(ASKING) {
        for variables in [&[][..], &[("NO_COLOR", "1")], &[("TERM", "dumb")]] {
            let said = home.run_with(args, variables);
            assert!(!said.stdout.contains('\x1b') && !said.stderr.contains('\x1b'), "{args:?} {variables:?}: {said:?}");
        }
    }
}

/// check 8
#[test]
fn clicolor_force_colors_a_pipe_and_no_color_wins_over_it() {
    let home = Home::new();
    for args in [&["ls"][..], &["show", "x"], &["export", "x"]] {
        assert!(home.run_with(args, &[("CLICOLOR_FORCE", "1")]).stderr.contains('\x1b'), "{args:?}");
        let both = home.run_with(args, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]);
        assert!(!both.stderr.contains('\x1b'), "{args:?}");
    }
}

/// check 11
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_141_without_a_word() -> Result<()> {
    let cluster = cluster().start().await?;
    let id = cluster.create("say hello").await?.session.id;
    cluster.wait_idle(id).await?;
    let id = id.to_string();
    let home = Home::new();
    let printing: [&[&str]; 6] =
        [&["ls"], &["show", &id], &["logs", &id], &["export", &id], &["agents"], &["thread", "ls"]];
    let alone = ALONE.iter().filter(|args| **args != ["--help"]).map(|args| home.command(args));
    let asking = printing.iter().map(|args| cluster.command(args));
    for mut command in alone.chain(asking) {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let output = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output()?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(141), ""), "{command:?}");
    }
    cluster.end().await
}

/// check 40
#[test]
fn a_secret_in_arguments_environment_or_configuration_is_never_printed() {
    const CANARY: &str = "cvo_0canary0canary0canary0canary0canary0";
    let home = Home::new();
    home.write("token", CANARY);
    let config = format!(
        "[client]\nurl = \"http://ana:{CANARY}@127.0.0.1:9\"\ntoken = \"file:HOME/token\"\n[agents.a]\n\
         command = [\"true\", \"--api-key\", \"{CANARY}\", \"--token={CANARY}\"]\nenv = {{ K = \"{CANARY}\" }}\n\
         [mcp.m]\ncommand = [\"true\"]\nenv = {{ K = \"{CANARY}\" }}\n"
    );
    let config = home.write("good.toml", &config.replace("HOME", &home.path("").display().to_string()));
    let bad = home.write("bad.toml", &format!("[client]\ntoken = \"{CANARY}\"\n"));
    let worse = home.write("worse.toml", &format!("[agents.a]\ncommand = \"{CANARY}\"\nenv = {{ K = {CANARY} }}\n"));
    let variables = [
        ("CONVENE_TOKEN", CANARY),
        ("OPENAI_API_KEY", CANARY),
        ("HTTPS_PROXY", "http://ana:cvo_0canary0canary0canary0canary0canary0@proxy:1"),
    ];
    for file in [&config, &bad, &worse] {
        let file = file.to_str().expect("text");
        for args in [
            &["config", "show"][..],
            &["config", "show", "--origin", "--json"],
            &["doctor"],
            &["doctor", "--json"],
            &["-v", "ls"],
            &["-v", "--no-autostart", "run", "hello"],
            &["worker", "--token", CANARY, "--bogus"],
            &["worker", "--tokn", CANARY],
            &["ls", "--token", CANARY],
            &["ls", "--token=cvo_0canary0canary0canary0canary0canary0"],
        ] {
            let args: Vec<&str> = ["--config", file].into_iter().chain(args.iter().copied()).collect();
            let said = home.run_with(&args, &variables);
            let all = said.stdout + &said.stderr;
            assert!(!all.contains("canary0"), "{args:?}: {all}");
        }
    }
    let said = home.run_with(&["ls"], &[("CONVENE_CLIENT_TOKEN", CANARY)]);
    assert!(said.code == 2 && !said.stderr.contains("canary0"), "{}", said.stderr);
}
