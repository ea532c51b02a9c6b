//! `convene open`: the dashboard in a browser.

use std::process::{Command, Stdio};

use clap::Args;
use convene_api::{
    client::{CommandKey, Endpoint},
    exit,
};

use crate::{app::App, args::TEMPLATE, connect, failure::Outcome, ids};

const EXAMPLES: &str = "\
Examples:
  convene open
  convene open k3f9qz
  convene open --print            the address only";

/// Open the dashboard
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct OpenArgs {
    /// Session: id, prefix, short id, title or @
    pub id: Option<String>,
    /// Print the address and open nothing
    #[arg(long)]
    pub print: bool,
}

/// Runs it. The address opens once and within ten minutes.
pub async fn run(app: &App, args: OpenArgs) -> Outcome {
    let client = connect::client(app).await?;
    let session = match &args.id {
        Some(typed) => Some(ids::session(app, &client, typed).await?),
        None => None,
    };
    let link = client.login_link(&CommandKey::fresh()).await?;
    let address = match client.endpoint() {
        Endpoint::Tcp { .. } => client.endpoint().to_string(),
        Endpoint::Unix(_) => connect::browser_address(app)?,
    };
    let session = session.map(|session| format!("&s={}", session.id)).unwrap_or_default();
    let url = format!("{address}{}{session}", link.path);
    if args.print || !in_browser(app, &url) {
        app.out.line(&url)?;
    }
    Ok(exit::DONE)
}

/// Opens an address in the person's browser; tells whether there is one.
pub fn in_browser(app: &App, url: &str) -> bool {
    let own = app.environment.get("BROWSER");
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| app.environment.get(name).is_some());
    let program = match own {
        Some(own) => own,
        None if cfg!(target_os = "macos") => "open",
        None if screen => "xdg-open",
        None => return false,
    };
    let mut words = program.split_whitespace();
    let Some(first) = words.next() else { return false };
    let started = Command::new(first)
        .args(words)
        .arg(url)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.is_ok()
}
