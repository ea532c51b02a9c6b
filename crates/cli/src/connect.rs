//! Finds the server: by address, else by the socket in the data directory; starts a local one when none runs.

mod autostart;

use std::{path::Path, sync::Arc, time::Duration};

use convene_api::{
    client::{BadUrl, Client, ClientError, Endpoint},
    problem::{Code, Problem},
};

use crate::{app::App, config, failure::Failure};

/// The socket in the data directory.
pub const SOCKET: &str = "server.sock";
/// The owner's token in the data directory.
pub const TOKEN: &str = "auth/token";

/// Where the local server listens for browsers, in the data directory.
const ADDRESS: &str = "server.url";

/// Remembers where the local server listens for browsers; clients of its socket do not see it.
///
/// # Errors
/// If the data directory cannot be written.
pub fn remember_address(data_dir: &Path, url: &str) -> std::io::Result<()> {
    std::fs::write(data_dir.join(ADDRESS), format!("{url}\n"))
}

/// Where the local server listens for browsers.
///
/// # Errors
/// If the server has not said so.
pub fn browser_address(app: &App) -> Result<String, Failure> {
    let file = app.data_dir.join(ADDRESS);
    let text = std::fs::read_to_string(&file)
        .map_err(|error| Failure::new(Code::ServerUnreachable, format!("cannot read {}: {error}", file.display())))?;
    Ok(text.trim().to_owned())
}

/// A client of the server that is meant; a local one is started when none runs.
///
/// # Errors
/// If nothing answers there and none may be started.
pub async fn client(app: &App) -> Result<Client, Failure> {
    if let Some(client) = by_address(app)? {
        return Ok(client);
    }
    let refused = match local(app).await {
        Ok(client) => return Ok(client),
        Err(refused) => refused,
    };
    if !may_start(app) {
        return Err(refused);
    }
    autostart::start(app).await?;
    local(app).await
}

/// A client of a server that runs already.
///
/// # Errors
/// If nothing answers there.
pub async fn running(app: &App) -> Result<Client, Failure> {
    match by_address(app)? {
        Some(client) => Ok(client),
        None => local(app).await,
    }
}

fn may_start(app: &App) -> bool {
    app.config.client.autostart && !app.globals.no_autostart && !app.environment.inside_agent()
}

/// The server of a flag, of the environment, or of the config.
fn by_address(app: &App) -> Result<Option<Client>, Failure> {
    let flag = app.globals.server.as_deref();
    let configured = Some(app.config.client.url.as_str()).filter(|url| !url.is_empty());
    let Some(url) = flag.or_else(|| app.environment.get("CONVENE_URL")).or(configured) else { return Ok(None) };
    let endpoint: Endpoint = url.parse().map_err(|error: BadUrl| {
        // The address may have a password in it.
        Failure::new(Code::InvalidRequest, error.to_string().replace(url, &config::without_password(url)))
    })?;
    Ok(Some(patient(app, Client::new(endpoint, token(app)?))))
}

/// The token for a server that was named.
fn token(app: &App) -> Result<Option<String>, Failure> {
    if let Some(file) = &app.globals.token_file {
        return read_token(file).map(Some);
    }
    if let Some(token) = app.environment.get("CONVENE_TOKEN") {
        return Ok(Some(token.to_owned()));
    }
    let reference = app.config.client.token.as_str();
    if let Some(name) = reference.strip_prefix("env:") {
        return Ok(app.environment.get(name).map(str::to_owned));
    }
    reference.strip_prefix("file:").map(|path| read_token(Path::new(path))).transpose()
}

fn read_token(path: &Path) -> Result<String, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => {
            Err(Failure::new(Code::AuthRequired, format!("cannot read the token in {}: {error}", path.display())))
        }
    }
}

/// The server of the data directory, if it answers.
async fn local(app: &App) -> Result<Client, Failure> {
    let client = socket_client(app)?;
    match client.ready().await {
        Ok(_) => Ok(client),
        // It answers, and says that it is not ready yet or what else is wrong.
        Err(ClientError::Problem(problem)) if problem.code != Code::Unavailable => Ok(client),
        Err(error) => Err(unreachable(app, error)),
    }
}

fn socket_client(app: &App) -> Result<Client, Failure> {
    let file = app.globals.token_file.clone().unwrap_or_else(|| app.data_dir.join(TOKEN));
    let token = match std::fs::read_to_string(&file) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            app.environment.get("CONVENE_TOKEN").map(str::to_owned)
        }
        Err(_) => Some(read_token(&file)?),
    };
    Ok(patient(app, Client::new(Endpoint::Unix(app.data_dir.join(SOCKET)), token)))
}

fn patient(app: &App, client: Client) -> Client {
    let out = app.out.clone();
    let json = app.json;
    client.patience(app.config.client.reconnect_timeout).on_retry(Arc::new(
        move |error: &ClientError, waited: Duration| {
            if !json {
                out.note(&format!("convene: {error}; trying again for {} s already", waited.as_secs()));
            }
        },
    ))
}

fn unreachable(app: &App, error: ClientError) -> Failure {
    let problem = error.into_problem();
    if problem.code != Code::ServerUnreachable {
        return problem.into();
    }
    let socket = app.data_dir.join(SOCKET).display().to_string();
    let hint = if may_start(app) || app.environment.inside_agent() {
        "start it with `convene serve`"
    } else {
        "start it with `convene serve`, or leave --no-autostart out"
    };
    Problem::filled(Code::ServerUnreachable, [("addr", socket.into())]).hint(hint).into()
}
