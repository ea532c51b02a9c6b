//! What keeps a server from starting, each told apart; and how it ends.

mod support;

use std::os::unix::fs::PermissionsExt as _;

use convene_api::{
    body::{CreateSession, PromptInput, Shutdown},
    client::CommandKey,
    problem::Code,
};
use convene_server::ServeError;
use support::{http::Request, socket::Socket, worker::Worker};

#[tokio::test]
async fn two_servers_on_one_directory() {
    let server = support::start().await;
    let home = server.dir.parent().unwrap().to_owned();
    let error = support::start_in(support::config(&home)).await.map(drop).unwrap_err();
    assert!(matches!(error, ServeError::AlreadyRunning { pid } if pid == std::process::id()), "{error:?}");
    assert_eq!(error.problem().code.as_str(), "server_already_running");
    // The first one is none the worse.
    let answer = Request::new("GET", "/v1/status").token(&server.token).send_local(&server).await;
    assert_eq!(answer.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_port_in_use() {
    let server = support::start().await;
    let home = tempfile::tempdir().unwrap();
    let mut config = support::config(home.path());
    config.bind = server.info.addr;
    let error = support::start_in(config).await.map(drop).unwrap_err();
    assert_eq!(error.problem().code.as_str(), "port_in_use");
    server.stop().await;
    // And nothing is left that hinders the next try.
    support::start_in(support::config(home.path())).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_bind_that_is_open_to_the_network() {
    let home = tempfile::tempdir().unwrap();
    let mut config = support::config(home.path());
    config.bind = ([0, 0, 0, 0], 0).into();
    let error = support::start_in(config.clone()).await.map(drop).unwrap_err();
    assert_eq!(error.problem().code.as_str(), "bind_refused");
    assert!(!config.data_dir.exists(), "nothing was made");
    config.trust_proxy = true;
    let mut server = support::start_in(config).await.unwrap();
    let port = server.info.addr.port();
    let asked = |host: &str| Request::new("GET", "/healthz").header("host", &format!("{host}:{port}"));
    server.info.addr = ([127, 0, 0, 1], port).into();
    assert_eq!(asked("0.0.0.0").send(&server).await.code(), "origin_denied");
    assert_eq!(asked("127.0.0.1").send(&server).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_database_of_a_newer_version() {
    let server = support::start().await;
    let home = server.stop().await.unwrap();
    let database = rusqlite::Connection::open(home.path().join("data/convene.db")).unwrap();
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (99, 'x', '', '')";
    database.execute(newer, []).unwrap();
    let error = support::start_in(support::config(home.path())).await.map(drop).unwrap_err();
    assert!(matches!(error, ServeError::Store(_)), "{error:?}");
    assert_eq!(error.problem().code.as_str(), "database_newer", "{error:?}");
    database.execute("DELETE FROM refinery_schema_history WHERE version = 99", []).unwrap();
    drop(database);
    support::start_in(support::config(home.path())).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_written() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("data"), "a file is in the way").unwrap();
    let error = support::start_in(support::config(home.path())).await.map(drop).unwrap_err();
    assert!(matches!(error, ServeError::Files { .. }), "{error:?}");
    if rustix::process::geteuid().is_root() {
        return; // The superuser writes everywhere.
    }
    std::fs::remove_file(home.path().join("data")).unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    let error = support::start_in(support::config(home.path())).await.map(drop).unwrap_err();
    assert_eq!(error.problem().code.as_str(), "storage_readonly");
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn the_socket_of_a_server_that_was_killed_is_no_hindrance() {
    let home = tempfile::tempdir().unwrap();
    let config = support::config(home.path());
    std::fs::create_dir(&config.data_dir).unwrap();
    drop(std::os::unix::net::UnixListener::bind(config.data_dir.join("server.sock")).unwrap());
    std::fs::write(config.data_dir.join("server.lock"), "999999\n").unwrap();
    let server = support::start_in(config).await.unwrap();
    assert_eq!(Request::new("GET", "/readyz").send_local(&server).await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_shutdown_lets_go_of_open_sockets_and_sessions_go_on() {
    let server = support::start().await;
    let client = server.client();
    let mut list = Socket::open(&server).await;
    let mut worker = Worker::connect(&server).await;
    let body = CreateSession { prompt: Some(PromptInput::Text("hi".to_owned())), ..CreateSession::default() };
    let created = client.create_session(&body, &CommandKey::fresh()).await.unwrap();
    let start = worker.take_start().await;
    let answer = client.shutdown(&Shutdown::of(server.info.epoch), &CommandKey::fresh()).await.unwrap();
    assert_eq!((answer.sessions_going_on, answer.sessions_stopped), (1, 0));
    let closed = list.next_that(|f| f.get("close").is_some()).await;
    assert!(closed["close"][1].as_str().unwrap().starts_with("unavailable"), "{closed}");
    let dir = server.dir.parent().unwrap().to_owned();
    let home = server.stop().await.unwrap();
    let again = support::start_in(support::config(&dir)).await.unwrap();
    let session = again.client().session(&created.session.id.to_string()).await.unwrap();
    assert_eq!((session.state.as_str(), session.attempt), ("starting", start.attempt));
    again.stop().await;
    drop(home);
}

#[tokio::test]
async fn a_shutdown_may_stop_the_sessions_first() {
    let server = support::start().await;
    let client = server.client();
    let body = CreateSession { prompt: Some(PromptInput::Text("hi".to_owned())), ..CreateSession::default() };
    client.create_session(&body, &CommandKey::fresh()).await.unwrap();
    let other = client.shutdown(&Shutdown::of(server.info.epoch + 1), &CommandKey::fresh()).await.unwrap_err();
    assert_eq!(other.into_problem().code, Code::WrongState, "it is another server that is meant");
    let end = Shutdown { stop_sessions: true, ..Shutdown::of(server.info.epoch) };
    let answer = client.shutdown(&end, &CommandKey::fresh()).await.unwrap();
    assert_eq!((answer.sessions_going_on, answer.sessions_stopped), (0, 1));
    server.ended().await;
}
