//! The configuration as it is shown.

use anyhow::Result;

use crate::home::{self, Home, cluster};

#[test]
fn what_is_shown_is_a_configuration_that_can_be_used() {
    let home = Home::new();
    home.write(
        ".config/convene/config.toml",
        "[run]\nagent = \"codex\"\n[agents.my-own]\ncommand = [\"a\", \"b c\"]\n",
    );
    let shown = home.run(&["config", "show"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    assert!(shown.stdout.contains("run.agent = \"codex\"\n"), "{}", shown.stdout);
    let copy = home.write("copy.toml", &shown.stdout.replace("client.autostart = false", "client.autostart = true"));
    let again = home.run(&["--config", copy.to_str().expect("text"), "config", "show"]);
    assert_eq!(again.stdout, shown.stdout, "{}", again.stderr);
}

#[test]
fn every_value_says_which_layer_won() {
    let home = Home::new();
    home.write(".config/convene/config.toml", "[run]\nagent = \"codex\"\ntimeout = \"5m\"\n");
    let variables = [("CONVENE_RUN_TIMEOUT", "7m"), ("CONVENE_URL", "http://127.0.0.1:9")];
    let said = home.run_with(&["--plain", "config", "show", "--origin"], &variables);
    for row in [
        "run.agent\t\"codex\"\tHOME/.config/convene/config.toml:2",
        "run.timeout\t\"7m\"\tCONVENE_RUN_TIMEOUT",
        "run.permissions\t\"ask\"\tdefault",
        "ui.plain\ttrue\t--plain",
        "client.autostart\tfalse\tCONVENE_CLIENT_AUTOSTART",
        "client.url\t\"http://127.0.0.1:9\"\tCONVENE_URL",
    ] {
        assert!(said.stdout.lines().any(|line| line == row), "{row:?} is not in\n{}", said.stdout);
    }
}

#[test]
fn path_and_schema_do_without_a_configuration_that_is_valid() {
    let home = Home::new();
    let path = home.run(&["config", "path"]);
    assert_eq!((path.code, path.stdout.as_str()), (0, "HOME/.config/convene/config.toml\n"));
    home.write(".config/convene/config.toml", "broken = [");
    assert_eq!(home.run(&["config", "path", "--json"]).json()["exists"], true);
    let schema = home.run(&["config", "schema"]).json();
    assert_eq!(schema["properties"]["run"]["properties"]["permissions"]["default"], "ask");
    assert_eq!(home.run(&["config", "show"]).code, 2, "what is not valid cannot be shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_shows_what_it_was_started_with_and_no_secret() -> Result<()> {
    let cluster = cluster()
        .config(
            "[agents.a]\ncommand = [\"true\", \"--api-key\", \"canary0\"]\nenv = { K = \"canary0\", R = \"env:NAME\" }",
        )
        .environment("CONVENE_RUN_CRASH_POLICY", "fail")
        .start()
        .await?;
    let token = cluster.home().owner_token()?;
    let answer = cluster.http("GET", "/v1/config", &[("authorization", &format!("Bearer {token}"))], b"").await?;
    let text = answer.body.clone();
    assert_eq!(answer.status, 200, "{text}");
    assert!(!text.contains("canary0") && text.contains("env:NAME"), "{text}");
    let view: serde_json::Value = serde_json::from_str(&text)?;
    let items = view["items"].as_array().expect("items");
    let policy = items.iter().find(|item| item["key"] == "run.crash_policy").expect("the key");
    assert_eq!((policy["value"].as_str(), policy["source"].as_str()), (Some("fail"), Some("CONVENE_RUN_CRASH_POLICY")));
    let shown = home::run(&cluster, &["config", "show"]);
    assert!(shown.code == 0 && !shown.stdout.contains("canary0"), "{shown:?}");
    cluster.end().await
}
