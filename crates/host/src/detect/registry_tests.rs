use std::io::{Read as _, Write as _};

use super::*;

const ODD: &str = r#"{
  "version": "1.0.0",
  "agents": [
    {"id": "nova", "name": "Nova", "version": "1.2.3", "icon": "nova.svg", "authors": ["Somebody"],
     "distribution": {"npx": {"package": "@nova/agent@1.2.3", "args": ["--acp"], "env": {"NOVA_QUIET": "1"}}}},
    {"id": "gemini", "name": "Gemini CLI", "version": "9.9.9",
     "distribution": {"npx": {"package": "@google/gemini-cli@9.9.9", "args": ["--acp"]}}},
    {"id": "mistral-vibe", "name": "Mistral Vibe", "version": "4.0.0",
     "distribution": {"uvx": {"package": "mistral-vibe==4.0.0"}, "teleport": {"to": "anywhere"}}},
    {"id": "stone", "name": "Stone", "version": "1.0.0", "repository": "https://example.com/stone",
     "distribution": {"binary": {
       "linux-x86_64": {"archive": "https://example.com/s.tar.gz", "cmd": "./bin/stone", "args": ["acp"]},
       "linux-aarch64": {"archive": "https://example.com/s.tar.gz", "cmd": "./bin/stone", "args": ["acp"]},
       "darwin-x86_64": {"archive": "https://example.com/s.tar.gz", "cmd": "./bin/stone", "args": ["acp"]},
       "darwin-aarch64": {"archive": "https://example.com/s.tar.gz", "cmd": "./bin/stone", "args": ["acp"]}}}},
    {"name": "No id", "distribution": {"npx": {"package": "x"}}},
    {"id": "No Name!", "distribution": {"npx": {"package": "x"}}},
    {"id": "nowhere"},
    {"id": "teleported", "distribution": {"teleport": {}}},
    {"id": "flagged", "distribution": {"npx": {"package": "--eval=boom"}}},
    {"id": "thief", "distribution": {"npx": {"package": "x", "env": {"KEY": "env:HOME"}}}},
    {"id": "args", "distribution": {"npx": {"package": "x", "args": "--acp"}}},
    {"id": "builtin", "distribution": {"npx": {"package": "x"}}},
    {"id": "nova", "name": "Another", "distribution": {"npx": {"package": "other"}}},
    "not even an object"
  ],
  "extensions": [{"id": "whatever"}]
}"#;

#[test]
fn good_entries_become_agents_and_bad_ones_are_passed_over() {
    let Parsed { agents, passed_over } = parse::parse(ODD.as_bytes()).expect("it is a registry");
    let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
    assert_eq!(names, ["nova", "gemini", "vibe", "stone"], "aliases mean the agent of the catalogue");
    let nova = &agents[0];
    let pack = nova.npx.as_ref().expect("a package");
    assert_eq!((pack.spec.as_str(), pack.version.as_deref()), ("@nova/agent@1.2.3", Some("1.2.3")));
    assert_eq!((pack.args.as_slice(), &nova.set_env["NOVA_QUIET"]), (["--acp".to_owned()].as_slice(), &"1".to_owned()));
    assert_eq!(agents[3].commands, [["stone", "acp"]], "only the name of its program is of use");
    let entries: Vec<&str> = passed_over.iter().map(|(entry, _)| entry.as_str()).collect();
    let bad = ["#5", "No Name!", "nowhere", "teleported", "flagged", "thief", "args", "builtin", "nova", "#14"];
    assert_eq!(entries, bad);
    assert!(passed_over.iter().all(|(_, why)| !why.is_empty()));
}

#[test]
fn a_file_that_is_no_registry_is_an_error_that_says_why() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("registry.json");
    let open = || Registry::open(&path.to_string_lossy(), dir.path());
    assert!(matches!(open(), Err(Error::Unreadable { .. })), "it is not there");
    fs::write(&path, "{\n  \"agents\": [,]\n}").expect("a file");
    let error = open().expect_err("it is no JSON").to_string();
    assert!(error.contains("line 2"), "{error}");
    fs::write(&path, "[]").expect("a file");
    let error = open().expect_err("it has no agents").to_string();
    assert!(error.contains("no list of agents"), "{error}");
    fs::write(&path, ODD).expect("a file");
    assert_eq!(open().expect("it is one").names(), ["gemini", "nova", "stone", "vibe"]);
}

#[test]
fn a_file_that_changes_is_read_again_and_one_that_breaks_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("registry.json");
    let one = |id: &str| format!(r#"{{"agents":[{{"id":"{id}","distribution":{{"uvx":{{"package":"{id}"}}}}}}]}}"#);
    fs::write(&path, one("a")).expect("a file");
    let registry = Registry::open(&path.to_string_lossy(), dir.path()).expect("it is one");
    fs::write(&path, one("b")).expect("a file");
    registry.refresh();
    assert_eq!(registry.names(), ["b"]);
    fs::write(&path, "broken").expect("a file");
    registry.refresh();
    assert_eq!(registry.names(), ["b"], "what was known stays");
    fs::remove_file(&path).expect("it was there");
    registry.keep_fresh();
    assert_eq!(registry.names(), ["b"]);
}

/// Answers one request with a body.
fn serve(body: String) -> (String, std::thread::JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/registry.json", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a client");
        let mut request = [0; 1024];
        assert!(socket.read(&mut request).expect("a request") > 0);
        // A client that has read enough hangs up.
        let _ = write!(socket, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    });
    (url, server)
}

#[test]
fn a_url_is_fetched_kept_and_bounded() {
    let dir = tempfile::tempdir().expect("a directory");
    let (url, server) = serve(ODD.to_owned());
    let registry = Registry::open(&url, dir.path()).expect("nothing is fetched yet");
    assert_eq!(registry.names(), [""; 0]);
    registry.keep_fresh();
    server.join().expect("it served");
    assert_eq!(registry.names(), ["gemini", "nova", "stone", "vibe"]);
    // Nobody serves any more: the copy is what there is.
    registry.refresh();
    assert_eq!(registry.names().len(), 4);
    assert_eq!(Registry::open(&url, dir.path()).expect("there is a copy").names().len(), 4);

    let copy = dir.path().join("other.json");
    let (url, server) = serve("<html>a portal</html>".to_owned());
    assert!(matches!(fetch::fetch(&url, &copy), Err(Error::Malformed { .. })));
    server.join().expect("it served");
    let (url, server) = serve(" ".repeat(usize::try_from(fetch::LARGEST).expect("it fits") + 10));
    let error = fetch::fetch(&url, &copy).expect_err("it is too large").to_string();
    assert!(error.contains("larger"), "{error}");
    server.join().expect("it served");
    assert!(!copy.exists(), "nothing bad is kept");
}
