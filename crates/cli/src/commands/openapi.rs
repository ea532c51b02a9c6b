//! `convene openapi`: the API's description, as the server serves it.

use clap::Args;

use crate::{app::App, failure::Outcome};

/// Print the OpenAPI description of the server
#[derive(Debug, Args)]
pub struct OpenapiArgs {}

/// Runs it.
pub fn run(app: &App, _args: OpenapiArgs) -> Outcome {
    app.out.line(convene_server::openapi().trim_end())?;
    Ok(convene_api::exit::DONE)
}
