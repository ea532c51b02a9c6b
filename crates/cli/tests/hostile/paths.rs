//! Paths that lead where nobody should go.

use std::{fs, os::unix::fs::symlink};

use anyhow::{Result, ensure};
use convene_api::client::{CommandKey, SessionsQuery};
use convene_testkit::cluster::Topic;
use serde_json::{Value, json};

use crate::door::{Answer, Door};

impl Door {
    /// Asks for a session of the fake agent with other fields.
    async fn ask_with(&self, fields: Value) -> Result<Answer> {
        let mut body = json!({"agent": "fake", "cwd": self.cluster.home().work(), "prompt": "you are mine"});
        for (name, value) in fields.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.send(&["POST /v1/sessions HTTP/1.1", &self.bearer()], &body.to_string()).await
    }
}

/// Directories that are no place to work in, each with why.
fn places(door: &Door) -> Result<Vec<String>> {
    let work = door.cluster.home().work();
    let data = door.cluster.home().data();
    symlink("/etc", work.join("link"))?;
    symlink(&data, work.join("data"))?;
    symlink("/", work.join("whole"))?;
    symlink(work.join("loop"), work.join("loop"))?;
    let at = |path: &str| work.join(path).to_string_lossy().into_owned();
    let up = "../".repeat(30);
    let mut places: Vec<String> = [
        "/",
        "/etc",
        "/usr/../etc",
        "/proc",
        "/proc/self",
        "/proc/self/root",
        "/proc/self/cwd",
        "/proc/1/cwd",
        "/sys",
        "/dev",
        "/dev/fd",
        "/usr/bin",
        "/var/lib",
        "",
        ".",
        "..",
        "work",
        "./work",
        "../../etc",
        "~",
        "~root",
        "~/work",
        "\\\\evil.example\\share",
        "\\\\?\\C:\\",
        "C:\\Windows",
        "c:/",
        "//evil.example/share",
        "file:///etc",
        "http://evil.example/",
        "/etc\u{0}/tmp",
        "\u{0}",
        "/tmp/\u{0}",
        "/etc/.",
        "//etc",
        "/./etc",
        "/tmp/../etc",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    places.extend([at("link"), at("whole/etc"), at("data"), at("data/auth"), at("loop"), at(&format!("{up}etc"))]);
    places.extend([data.to_string_lossy().into_owned(), data.join("auth").to_string_lossy().into_owned()]);
    places.push(format!("/{}", "a/".repeat(3000)));
    places.push("a".repeat(100_000));
    Ok(places)
}

#[tokio::test]
async fn directories_outside_of_the_roots() -> Result<()> {
    let door = Door::open().await?;
    for place in places(&door)? {
        let what: String = place.chars().take(60).collect();
        let fields = [json!({"cwd": place}), json!({"add_dirs": [place]}), json!({"add_dirs": [".", place]})];
        for fields in fields {
            let answer = door.ask_with(fields).await?;
            ensure!(matches!(answer.status, 400 | 403), "{what:?}: {answer:?}");
            let known = ["invalid_request", "cwd_missing", "cwd_not_allowed", "cwd_not_a_directory"];
            ensure!(known.contains(&answer.code().as_str()), "{what:?}: {answer:?}");
        }
    }
    door.close_untouched().await
}

/// A link is what it led to when it was checked: what it is turned to later is looked at again by who goes there.
#[tokio::test]
async fn a_link_that_is_turned_later() -> Result<()> {
    let door = Door::open().await?;
    let work = door.cluster.home().work();
    let (inside, link) = (work.join("inside"), work.join("turned"));
    fs::create_dir(&inside)?;
    symlink(&inside, &link)?;
    let mut body = door.cluster.session_of("fake", "hello");
    body.cwd = Some(link.to_string_lossy().into_owned());
    let created = door.cluster.client()?.create_session(&body, &CommandKey::fresh()).await?;
    // The link itself is not kept, so that turning it changes nothing.
    ensure!(created.session.cwd == inside.canonicalize()?.to_string_lossy(), "it is {}", created.session.cwd);
    fs::remove_file(&link)?;
    symlink("/etc", &link)?;
    door.cluster.wait_idle(created.session.id).await?;
    let tree = door.cluster.tree(created.session.id).await?;
    let at = fs::read_link(format!("/proc/{}/cwd", tree.agent))?;
    ensure!(at == inside.canonicalize()?, "the agent is in {}", at.display());
    let answer = door.ask_with(json!({"cwd": link})).await?;
    ensure!(answer.code() == "cwd_not_allowed", "{answer:?}");
    door.cluster.end().await
}

/// What an agent reads and writes through us stays inside its session's directories, wherever links lead.
#[tokio::test]
async fn files_outside_of_the_session() -> Result<()> {
    let door = Door::open().await?;
    let work = door.cluster.home().work();
    let secret = door.cluster.home().root().join("secret");
    fs::write(&secret, "the secret")?;
    symlink(&secret, work.join("link"))?;
    symlink(door.cluster.home().root(), work.join("up"))?;
    let token = door.cluster.home().data().join("auth/token");
    let data_link = work.join("token");
    symlink(&token, &data_link)?;
    let mut prompt = String::new();
    for path in [
        secret.to_string_lossy().into_owned(),
        work.join("link").to_string_lossy().into_owned(),
        work.join("up/secret").to_string_lossy().into_owned(),
        work.join("../../secret").to_string_lossy().into_owned(),
        data_link.to_string_lossy().into_owned(),
        token.to_string_lossy().into_owned(),
        "/etc/passwd".to_owned(),
        "/proc/self/environ".to_owned(),
        "../../secret".to_owned(),
    ] {
        prompt.push_str(&format!("READ {path}\nWRITE {path} overwritten\n"));
    }
    let mut body = door.cluster.session_of("fake", &prompt);
    body.permissions = Some(convene_core::spec::PermissionMode::All);
    let id = door.cluster.client()?.create_session(&body, &CommandKey::fresh()).await?.session.id;
    let recorder = door.cluster.record(Topic::Session(id), 0)?;
    recorder.wait("the turn ended", |seen| seen.count("turn_ended") == 1).await?;
    let said = recorder.seen().text.clone();
    ensure!(!said.contains("the secret") && !said.contains("root:") && !said.contains(&door.token), "it read: {said}");
    ensure!(!said.contains("ok") && said.matches("error").count() == 18, "it was let in: {said}");
    ensure!(fs::read_to_string(&secret)? == "the secret", "it wrote");
    ensure!(door.cluster.home().owner_token()? == door.token, "it wrote the token");
    door.cluster.end().await
}

/// MCP servers are programs that the agent starts: their shape is checked, and a person who may make sessions may name
/// any. Names of sessions and blobs lead to no file.
#[tokio::test]
async fn names_that_are_paths() -> Result<()> {
    let door = Door::open().await?;
    let bearer = door.bearer();
    for name in
        ["..%2f..%2fauth%2ftoken", "../auth/token", "%2e%2e/%2e%2e/auth/token", "....//auth", "auth%5ctoken", "%00"]
    {
        for place in ["sessions", "blobs", "threads", "tokens", "agents"] {
            let line = format!("GET /v1/{place}/{name} HTTP/1.1");
            let answer = door.send(&[&line, &bearer], "").await?;
            ensure!(answer.status >= 400, "{line}: {answer:?}");
            ensure!(!answer.body.contains(&door.token), "{line} hands the token out");
        }
    }
    for servers in [json!("sh -c id"), json!([["sh", "-c", "id"]]), json!({"a": {"command": "sh"}}), json!([7])] {
        let answer = door.ask_with(json!({"mcp_servers": servers})).await?;
        ensure!(answer.status == 400, "{servers}: {answer:?}");
    }
    for env in [json!({"A": 1}), json!({"": "x"}), json!({"A=B": "x"}), json!({"A\u{0}": "x"}), json!({"A": "x\u{0}y"})]
    {
        let answer = door.ask_with(json!({"env": env})).await?;
        ensure!(answer.status == 400, "{env}: {answer:?}");
    }
    // Nobody puts words into the mouth of the product.
    for name in ["CONVENE_TOKEN", "CONVENE_SESSION_ID", "LD_PRELOAD", "LD_LIBRARY_PATH"] {
        let answer = door.ask_with(json!({"env": {name: "x"}})).await?;
        let wanted = if name.starts_with("CONVENE_") { 400 } else { 201 };
        ensure!(answer.status == wanted, "{name}: {answer:?}");
    }
    let sessions = door.cluster.client()?.sessions(&SessionsQuery::default()).await?.items;
    ensure!(sessions.len() == 2, "a refused session was made: {sessions:#?}");
    door.cluster.end().await
}
