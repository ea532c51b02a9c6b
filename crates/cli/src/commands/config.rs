//! `convene config`: the configuration that holds, where its file is, and what may stand in it.

use clap::{Args, Subcommand};
use convene_api::exit;

use crate::{
    app::App,
    args::{Output, TEMPLATE},
    config,
    failure::Outcome,
    table::{self, Column},
};

const EXAMPLES: &str = "\
Examples:
  convene config show --origin    which layer won: default, file, variable or flag
  convene config show > config.toml
  convene config path";
const AFTER: &str = "\
Layers, each over the one before: defaults, the file, CONVENE_SECTION_KEY variables, flags.
Nothing that may be a secret is shown: values of env tables are hidden unless they are references.
Exit: 0 done · 2 the configuration is not valid";

/// Show the configuration
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = AFTER)]
pub struct ConfigArgs {
    /// What to do
    #[command(subcommand)]
    pub action: ConfigAction,
    #[command(flatten)]
    pub output: Output,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Print every key with its value, as the file would spell it
    Show {
        /// Say where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Print where the file is, also if there is none
    Path,
    /// Print the JSON Schema of the file
    Schema,
}

/// Runs it; no server is asked.
pub fn run(app: &App, args: &ConfigArgs) -> Outcome {
    match args.action {
        ConfigAction::Show { origin } => show(app, origin),
        ConfigAction::Path => path(app),
        ConfigAction::Schema => {
            let schema = config::schema();
            if app.json {
                app.out.json(&schema)?;
            } else {
                app.out.line(&format!("{schema:#}"))?;
            }
            Ok(exit::DONE)
        }
    }
}

fn show(app: &App, origin: bool) -> Outcome {
    let view = app.shown_config();
    if app.json {
        app.out.json(&serde_json::json!({ "file": view.file, "items": view.items, "next_cursor": null }))?;
        return Ok(exit::DONE);
    }
    if !origin {
        let lines: String = view
            .items
            .iter()
            .map(|item| format!("{} = {}\n", config::toml_key(&item.key), config::toml_value(&item.value)))
            .collect();
        app.out.text(&lines)?;
        return Ok(exit::DONE);
    }
    let rows: Vec<Vec<String>> = view
        .items
        .iter()
        .map(|item| {
            let from = item.source.clone().unwrap_or_else(|| item.origin.clone());
            vec![config::toml_key(&item.key), config::toml_value(&item.value), from]
        })
        .collect();
    const COLUMNS: &[Column] = &[Column::new("KEY"), Column::new("VALUE"), Column::new("FROM").path(12)];
    table::print(app, COLUMNS, &rows)?;
    Ok(exit::DONE)
}

fn path(app: &App) -> Outcome {
    let exists = app.config_file.is_file();
    if app.json {
        let data_dir = app.data_dir.display().to_string();
        let file = app.config_file.display().to_string();
        app.out.json(&serde_json::json!({ "file": file, "exists": exists, "data_dir": data_dir }))?;
        return Ok(exit::DONE);
    }
    app.out.line(&app.config_file.display().to_string())?;
    if !exists && app.out.settings().terminal {
        app.out.note("there is no such file yet; without one the defaults hold");
    }
    Ok(exit::DONE)
}
