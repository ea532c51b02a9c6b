//! What a command can say without a server: of its configuration, its environment, its terminal, and the port that the
//! server will want.

use std::{
    net::SocketAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use convene_api::doctor::{Check, Finding, FindingCode};

use crate::{app::App, connect, terminal};

/// Fewer columns are hard to read.
const NARROW: usize = 40;

/// The checks.
pub fn checks(app: &App) -> Vec<Check> {
    let of = |name, found: Vec<Finding>| Check::new(name, move || found);
    let token_files = token_files(app);
    let bind = app.config.server.bind.clone();
    let own = connect::browser_address(app).ok();
    vec![
        of("configuration", configuration(app)),
        of("variables", variables(app)),
        of("address", exposed(app)),
        of("terminal", limited(app)),
        Check::new("token files", move || token_files.iter().filter_map(|path| readable_by_others(path)).collect()),
        Check::new("port", move || taken(&bind, own.as_deref())),
    ]
}

fn configuration(app: &App) -> Vec<Finding> {
    let Some(problem) = &app.config_problem else { return Vec::new() };
    let unknown = problem.code == convene_api::problem::Code::ConfigUnknownKey;
    let code = if unknown { FindingCode::ConfigUnknownKey } else { FindingCode::ConfigInvalid };
    let fix =
        problem.hint.clone().unwrap_or_else(|| "mend it: `convene config schema` says what may stand there".into());
    let mut found = Finding::new(code, problem.detail.clone(), fix);
    for name in ["file", "line", "key", "variable"] {
        if let Some(value) = problem.fields.get(name) {
            found = found.with(name, value.clone());
        }
    }
    vec![found]
}

fn variables(app: &App) -> Vec<Finding> {
    let told = app.unknown.iter().map(|unknown| {
        let name = &unknown.name;
        let fix = match &unknown.near {
            Some(near) => format!("did you mean {near}? Else: unset {name}"),
            None => format!("unset {name}"),
        };
        Finding::new(FindingCode::EnvironmentUnknown, format!("nothing reads {name}"), fix)
            .with("variable", name.as_str())
    });
    told.collect()
}

fn exposed(app: &App) -> Vec<Finding> {
    let server = &app.config.server;
    let Ok(addr) = server.bind.parse::<SocketAddr>() else {
        let summary = format!("server.bind is {:?}, which is no address with a port", server.bind);
        return vec![
            Finding::new(FindingCode::ConfigInvalid, summary, "set it to 127.0.0.1:4747").with("key", "server.bind"),
        ];
    };
    if addr.ip().is_loopback() || server.trust_proxy {
        return Vec::new();
    }
    let summary = format!("server.bind is {addr}, which the network reaches, without TLS: the server will not start");
    let fix = "set it to 127.0.0.1:4747, or put a proxy with TLS before it and set server.trust_proxy";
    vec![Finding::new(FindingCode::BindExposed, summary, fix).with("address", addr.to_string())]
}

fn limited(app: &App) -> Vec<Finding> {
    let settings = app.out.settings();
    if !settings.terminal || settings.plain {
        return Vec::new();
    }
    let mut why = Vec::new();
    if !app.speaks_utf8() {
        why.push("its locale is not UTF-8".to_owned());
    }
    let width = terminal::width();
    if width < NARROW {
        why.push(format!("it has {width} columns"));
    }
    if why.is_empty() {
        return Vec::new();
    }
    let summary = format!("this terminal is limited: {}", why.join(", "));
    vec![Finding::new(FindingCode::TerminalLimited, summary, "--plain says everything in words")]
}

/// Files with tokens that the configuration or a flag name.
fn token_files(app: &App) -> Vec<PathBuf> {
    let configured = app.config.client.token.strip_prefix("file:").map(PathBuf::from);
    app.globals.token_file.clone().into_iter().chain(configured).collect()
}

fn readable_by_others(path: &Path) -> Option<Finding> {
    let mode = path.metadata().ok()?.mode() & 0o777;
    if mode & 0o077 == 0 {
        return None;
    }
    let shown = path.display();
    let summary = format!("others may read the token in {shown}: its mode is {mode:04o}");
    let found = Finding::new(FindingCode::SecretsOpen, summary, format!("chmod 600 {shown}"));
    Some(found.with("path", shown.to_string()).with("mode", format!("{mode:04o}")))
}

/// Whether another program listens where the server is to listen; `own` is where our server listens, if it said so.
fn taken(bind: &str, own: Option<&str>) -> Vec<Finding> {
    let Ok(addr) = bind.parse::<SocketAddr>() else { return Vec::new() };
    if addr.port() == 0 || own == Some(format!("http://{addr}").as_str()) {
        return Vec::new();
    }
    let Some(holder) = convene_server::doctor::holder(addr) else { return Vec::new() };
    let summary = format!("{addr} is taken by {holder}");
    let fix = "`convene serve --bind 127.0.0.1:0` takes a free port, as a server does that a command starts";
    let found = Finding::new(FindingCode::PortInUse, summary, fix).with("address", addr.to_string());
    vec![match holder.pid {
        Some(pid) => found.with("pid", pid),
        None => found,
    }]
}
