//! `convene token`: the keys to the server.

use std::time::Duration;

use clap::{Args, Subcommand};
use convene_api::{
    body::{CreateToken, RotateToken, TokenView},
    client::{Client, CommandKey},
    exit,
    problem::{Code, Problem},
};

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    config, connect,
    failure::{Failure, Outcome},
    render::{clean::clean_line, words},
    table::{self, Column},
};

const EXAMPLES: &str = "\
Examples:
  convene token create --name laptop --expires 30d
  convene token create --name wall-screen --scope read
  convene token ls
  convene token rotate laptop --grace 1h
  convene token revoke 4fa21c";

/// Make, renew and revoke tokens
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES)]
pub struct TokenArgs {
    /// What to do
    #[command(subcommand)]
    pub action: TokenAction,
    #[command(flatten)]
    pub output: Output,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenAction {
    /// Make one; its secret is shown once
    Create {
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        name: String,
        /// read, approve, write, admin, worker [default: admin]
        ///
        /// read: look at everything but tokens and the audit log. approve: and answer what agents ask. write: and make,
        /// prompt, change and end sessions. admin: everything. worker: serve as a worker, and nothing else.
        #[arg(long, value_name = "SCOPE", value_parser = ["read", "approve", "write", "admin", "worker"])]
        scope: Option<String>,
        /// When it ends: 1h, 30d [default: never]
        #[arg(long, value_name = "TIME", value_parser = config::duration)]
        expires: Option<Duration>,
    },
    /// List them
    Ls,
    /// Give one a new secret, which is shown once
    Rotate {
        /// Its id, the end of it, or its name
        id: String,
        /// For how long the old secret still works: 10m, 1h [default: not at all]
        #[arg(long, value_name = "TIME", value_parser = config::duration)]
        grace: Option<Duration>,
    },
    /// End one
    Revoke {
        /// Its id, the end of it, or its name
        id: String,
    },
}

/// Runs it.
pub async fn run(app: &App, args: TokenArgs) -> Outcome {
    let client = connect::client(app).await?;
    match args.action {
        TokenAction::Create { name, scope, expires } => {
            let body = CreateToken { name, expires_in: expires.map(|e| e.as_secs()), scope };
            let created = client.create_token(&body, &CommandKey::fresh()).await?;
            if app.json {
                app.out.json(&created)?;
            } else {
                app.out.line(&created.secret)?;
                app.out
                    .note(&format!("shown only now; it ends with: convene token revoke {}", created.token.id.short()));
            }
            Ok(exit::DONE)
        }
        TokenAction::Rotate { id, grace } => {
            let token = find(&client, &id).await?;
            let body = RotateToken { grace: grace.map_or(0, |grace| grace.as_secs()) };
            let rotated = client.rotate_token(token.id, &body, &CommandKey::fresh()).await?;
            if app.json {
                app.out.json(&rotated)?;
            } else {
                app.out.line(&rotated.secret)?;
                let old = rotated.token.previous_until;
                let old = old.map_or_else(|| "has ended".to_owned(), |until| format!("works until {until}"));
                app.out.note(&format!("shown only now; the old secret {old}"));
            }
            Ok(exit::DONE)
        }
        TokenAction::Ls => list(app, &client.tokens().await?.items),
        TokenAction::Revoke { id } => {
            let token = find(&client, &id).await?;
            client.revoke_token(token.id, &CommandKey::fresh()).await?;
            if app.json {
                app.out.json(&serde_json::json!({ "id": token.id, "revoked": true }))?;
            } else {
                app.out.note(&format!("revoked {}", token.id.short()));
            }
            Ok(exit::DONE)
        }
    }
}

fn list(app: &App, tokens: &[TokenView]) -> Outcome {
    if app.json {
        app.out.json(&serde_json::json!({ "items": tokens, "next_cursor": null }))?;
        return Ok(exit::DONE);
    }
    let terminal = app.out.settings().terminal;
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            let id = if terminal { token.id.short() } else { token.id.to_string() };
            let ends = token.expires_at.map_or_else(|| "never".to_owned(), words::time);
            let used = token.last_used_at.map_or_else(|| "never".to_owned(), words::time);
            vec![id, token.scope.clone(), clean_line(&token.name), ends, used]
        })
        .collect();
    const COLUMNS: &[Column] = &[
        Column::new("ID"),
        Column::new("SCOPE"),
        Column::new("NAME").cut(8),
        Column::new("ENDS"),
        Column::new("USED").goes(1),
    ];
    table::print(app, COLUMNS, &rows)?;
    Ok(exit::DONE)
}

async fn find(client: &Client, typed: &str) -> Result<TokenView, Failure> {
    let mut found: Vec<TokenView> = client
        .tokens()
        .await?
        .items
        .into_iter()
        .filter(|token| {
            let id = token.id.to_string();
            id == typed || (!token.name.is_empty() && token.name == typed) || (typed.len() >= 4 && id.ends_with(typed))
        })
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(token), true) => Ok(token),
        (Some(_), false) => Err(Failure::new(Code::InvalidRequest, format!("several tokens fit {typed:?}"))),
        (None, _) => Err(Problem::new(Code::InvalidRequest, format!("no token fits {typed:?}"))
            .hint("`convene token ls` lists them")
            .into()),
    }
}
