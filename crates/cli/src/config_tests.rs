use super::*;
use crate::failure::Failure;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}

fn parse(text: &str) -> Result<Config, String> {
    let mut config = Config::default();
    match file::read(text, Path::new("config.toml"), &mut config, &mut Origins::default()) {
        Ok(()) => Ok(config),
        Err(Failure::Problem(problem)) => {
            Err(format!("{}: {} / {}", problem.code, problem.detail, problem.hint.clone().unwrap_or_default()))
        }
        Err(other) => Err(format!("{other:?}")),
    }
}

/// Every key of the page of the command line, with its default.
const ALL: &str = r#"
server = { bind = "127.0.0.1:4747", roots = ["~", "$TMPDIR"], origins = [], trust_proxy = false, log_format = "text", log_level = "info" }
client = { url = "", token = "", autostart = true, reconnect_timeout = "10m" }
run = { agent = "builtin", permissions = "ask", timeout = "0s", on_turn_end = "keep", crash_policy = "ask" }
permissions = { ask_timeout = "5m", bell = true }
ui = { color = "auto", plain = false, thoughts = "folded", tools = "short", tool_lines = 12, diff_lines = 60, links = "text" }
limits = { sessions = 10000, queue = 10, prompt = "1 MB", line = "16 MB", hibernate_after = "15m", memory = "0 B", inactivity_warn = "15m", inactivity_timeout = "30m", requests = 60000, failed_auth = 300, tree_processes = 2000, tree_memory = "0 B" }
retention = { older_than = "0s", larger_than = "0 B", keep = 0, archived_only = false }
ledger = { dir = "" }
worker = { name = "local", seats = 32, labels = {}, start_timeout = "60s", sign_in_timeout = "10m", sandbox = "none", downloads = true, registry = "" }
"#;

#[test]
fn the_defaults_written_out_are_the_defaults() {
    assert_eq!(parse(ALL), Ok(Config::default()));
    assert_eq!(parse(""), Ok(Config::default()));
}

#[test]
fn every_key_can_be_set_from_the_environment() {
    let defaults: toml::Table = toml::from_str(ALL).expect("the example is TOML");
    for key in keys::KEYS {
        let (section, name) = key.split_once('.').expect("keys have a section");
        assert!(defaults[section].get(name).is_some(), "{key} is not in the example");
        let nothing = keys::set(&mut Config::default(), key, value::Raw::Other("nothing"));
        assert!(!matches!(nothing, Ok(false)), "{key} sets nothing");
    }
    let mut config = Config::default();
    let unknown = environment(&[
        ("CONVENE_RUN_AGENT", "codex"),
        ("CONVENE_WORKER_SEATS", "3"),
        ("CONVENE_WORKER_LABELS", "gpu=yes, zone=b"),
        ("CONVENE_SERVER_ROOTS", "/srv,/opt"),
        ("CONVENE_PERMISSIONS_ASK_TIMEOUT", "never"),
        ("CONVENE_TOKEN", "secret"),
        ("CONVENE_RUN_AGNT", "x"),
        ("PATH", "/bin"),
    ])
    .apply(&mut config, &mut Origins::default())
    .expect("the values fit");
    assert_eq!(unknown, [Unknown { name: "CONVENE_RUN_AGNT".into(), near: Some("CONVENE_RUN_AGENT".into()) }]);
    assert_eq!((config.run.agent.as_str(), config.worker.seats), ("codex", 3));
    assert_eq!(config.worker.labels["zone"], "b");
    assert_eq!(config.server.roots, ["/srv", "/opt"]);
    assert_eq!(config.permissions.ask_timeout, None);
}

#[test]
fn agents_of_ones_own() {
    let config = parse(
        "[agents.mine]\ncommand = [\"node\", \"agent.js\", \"--acp\"]\nenv = { KEY = \"env:MY_KEY\" }\n\n[mcp.files]\ncommand = [\"mcp-files\"]\n",
    )
    .expect("it is whole");
    assert_eq!(config.agents["mine"].command, ["node", "agent.js", "--acp"]);
    assert_eq!(config.agents["mine"].env["KEY"], "env:MY_KEY");
    assert_eq!(config.mcp["files"].command, ["mcp-files"]);
}

#[test]
fn complaints_name_the_line_and_the_nearest_name() {
    for (text, expected) in [
        (
            "\n[run]\nagnt = \"x\"\n",
            "config_unknown_key: config.toml:3: unknown key \"run.agnt\" / did you mean \"run.agent\"?",
        ),
        ("[servr]\n", "config_unknown_key: config.toml:1: unknown key \"servr\" / did you mean \"server\"?"),
        ("zzzzz = 1\n", "config_unknown_key: config.toml:1: unknown key \"zzzzz\" / "),
        ("run = 1\n", "config_invalid: config.toml:1: [run] is a table / "),
        (
            "[agents.mine]\ncommand = [\"x\"]\nenvv = {}\n",
            "config_unknown_key: config.toml:3: unknown key \"agents.mine.envv\" / did you mean \"env\"?",
        ),
        ("[agents.mine]\nenv = {}\n", "config_invalid: config.toml:1: agents.mine has no command / "),
        (
            "[agents.mine]\ncommand = []\n",
            "config_invalid: config.toml:2: agents.mine.command: the command is empty / ",
        ),
        (
            "[ui]\n\ncolor = \"sometimes\"\n",
            "config_invalid: config.toml:3: ui.color: auto, always, never is wanted, not \"sometimes\" / ",
        ),
        (
            "[run]\ntimeout = \"5 parsecs\"\n",
            "config_invalid: config.toml:2: run.timeout: a duration such as 90s, 5m or 1h is wanted, not \"5 parsecs\" / ",
        ),
        (
            "[client]\ntoken = \"hunter2\"\n",
            "config_invalid: config.toml:2: client.token: \"env:NAME\" or \"file:PATH\" is wanted, never the token itself / ",
        ),
        (
            "[worker]\nseats = -1\n",
            "config_invalid: config.toml:2: worker.seats: a whole number is wanted, not a number below zero or too large / ",
        ),
    ] {
        assert_eq!(parse(text).expect_err(text), expected, "{text}");
    }
    let broken = parse("[run]\nagent = \n").expect_err("it is no TOML");
    assert!(broken.starts_with("config_invalid: config.toml:2: "), "{broken}");
}

#[test]
fn durations_and_sizes() {
    use std::time::Duration;
    for (text, seconds) in [("90s", 90), ("5m", 300), ("1h", 3_600), ("2d", 172_800), ("0s", 0)] {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for text in ["", "5", "m", "5 m x", "-1s", "99999999999999999999s"] {
        assert!(duration(text).is_err(), "{text:?}");
    }
    for (text, size) in [("1 MB", 1_000_000), ("16MB", 16_000_000), ("512", 512), ("2 kB", 2_000)] {
        assert_eq!(value::Raw::Text(text.into()).size(), Ok(size), "{text}");
    }
    assert!(value::Raw::Text("1 QB".into()).size().is_err());
}

#[test]
fn places_follow_the_environment() {
    let plain = environment(&[("HOME", "/home/ana")]);
    assert_eq!(default_path(&plain), Path::new("/home/ana/.config/convene/config.toml"));
    assert_eq!(default_data_dir(&plain), Path::new("/home/ana/.local/share/convene"));
    let xdg = environment(&[("HOME", "/home/ana"), ("XDG_DATA_HOME", "/data"), ("XDG_CONFIG_HOME", "relative")]);
    assert_eq!(default_data_dir(&xdg), Path::new("/data/convene"));
    assert_eq!(default_path(&xdg), Path::new("/home/ana/.config/convene/config.toml"));
}

#[test]
fn every_key_is_shown_and_described_and_the_defaults_fit_the_schema() {
    let schema = schema();
    let defaults: toml::Table = toml::from_str(ALL).expect("the example is TOML");
    for key in keys::KEYS {
        let (section, name) = key.split_once('.').expect("keys have a section");
        let property = &schema["properties"][section]["properties"][name];
        assert!(property["description"].as_str().is_some_and(|d| !d.is_empty()), "{key} is not described");
        let value = shown::value(&Config::default(), key).expect("it is shown");
        let written = serde_json::to_value(&defaults[section][name]).expect("JSON");
        assert_eq!((&value, &property["default"]), (&written, &written), "{key}");
    }
}

#[test]
fn what_is_shown_can_be_read_again() {
    let mut config = Config::default();
    config.run.agent = "a \"quoted\" one".into();
    config.worker.labels.insert("gpu".into(), "yes".into());
    config.permissions.ask_timeout = None;
    config.agents.insert(
        "my.own".into(),
        Agent {
            command: vec!["node".into(), "agent.js".into()],
            env: [("KEY".to_owned(), "env:MY_KEY".to_owned())].into(),
        },
    );
    let view = view(&config, &Origins::default(), Path::new("config.toml"));
    let text: String =
        view.items.iter().map(|item| format!("{} = {}\n", toml_key(&item.key), toml_value(&item.value))).collect();
    assert_eq!(parse(&text), Ok(config), "{text}");
}

#[test]
fn nothing_that_may_be_a_secret_is_shown() {
    let mut config = parse(
        "[client]\nurl = \"http://ana:canary@host:1\"\n[agents.a]\ncommand = [\"a\", \"--api-key\", \"canary\", \"--token=canary\", \"http://x:canary@h/\", \"--acp\"]\nenv = { K = \"canary\", R = \"env:NAME\" }\n[mcp.m]\ncommand = [\"m\"]\nenv = { P = \"canary\" }\n",
    )
    .expect("it is whole");
    config.client.token = "env:NAME".into();
    let text = serde_json::to_string(&view(&config, &Origins::default(), Path::new("c"))).expect("JSON");
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains("env:NAME") && text.contains("--acp") && text.contains("--api-key"), "{text}");
}

#[test]
fn origins_name_the_layer_that_won() {
    let (mut config, mut origins) = (Config::default(), Origins::default());
    file::read("[run]\nagent = \"a\"\npermissions = \"all\"\n", Path::new("c.toml"), &mut config, &mut origins)
        .expect("it is whole");
    environment(&[("CONVENE_RUN_AGENT", "b")]).apply(&mut config, &mut origins).expect("it fits");
    let view = view(&config, &origins, Path::new("c.toml"));
    let of = |key: &str| {
        let item = view.items.iter().find(|item| item.key == key).expect("it is there");
        (item.value.clone(), item.origin.clone(), item.source.clone())
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(of("run.agent"), ("b".into(), "environment".into(), text("CONVENE_RUN_AGENT")));
    assert_eq!(of("run.permissions"), ("all".into(), "file".into(), text("c.toml:3")));
    assert_eq!(of("run.timeout"), ("0s".into(), "default".into(), None));
}

/// `cargo xtask gen` runs this with `CONVENE_GEN` set, which writes the file.
#[test]
fn generated_config_schema() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.schema.json");
    let schema = format!("{:#}\n", schema());
    if std::env::var_os("CONVENE_GEN").is_some() {
        std::fs::write(file, &schema).expect("the schema can be written");
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    assert!(committed == schema, "docs/config.schema.json is stale: run `cargo xtask gen`");
}
