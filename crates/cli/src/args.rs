//! The arguments: what is the same everywhere, and the list of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    commands::{self, not_built::NotBuilt},
    config::{ColorChoice, LogFormat},
};

/// Exit codes and what to read next, below the help.
const AFTER_HELP: &str = "\
Exit codes: 0 done · 1 refused or failed · 2 usage · 3 turn not completed · 4 permission denied
            5 agent failed · 6 server unreachable · 124 wait timed out · 130 Ctrl-C · 143 SIGTERM
Start here: convene run \"explain this repository\"";

/// How help is laid out: examples stand before the flags.
pub const TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}{all-args}{after-help}";

/// Run, watch and keep sessions of coding agents.
#[derive(Debug, Parser)]
#[command(name = "convene", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = AFTER_HELP, disable_help_subcommand = true)]
pub struct Cli {
    /// What is the same everywhere.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What is the same everywhere.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Globals {
    /// Address of the server [default: the local one]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub server: Option<String>,
    /// File with the token of that server
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub token_file: Option<PathBuf>,
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub config: Option<PathBuf>,
    /// Data directory of the local server
    #[arg(long, global = true, value_name = "DIR", hide_short_help = true)]
    pub data_dir: Option<PathBuf>,
    /// When to use colors
    #[arg(long, global = true, value_name = "WHEN", hide_short_help = true)]
    pub color: Option<ColorChoice>,
    /// Words instead of signs, no live row
    #[arg(long, global = true, hide_short_help = true)]
    pub plain: bool,
    /// Never ask
    #[arg(long, global = true, hide_short_help = true)]
    pub no_input: bool,
    /// Do not start a local server
    #[arg(long, global = true, hide_short_help = true)]
    pub no_autostart: bool,
    /// How logs of servers and workers are written
    #[arg(long, global = true, value_name = "FORMAT", hide_short_help = true)]
    pub log_format: Option<LogFormat>,
    /// Say more
    #[arg(short, long, global = true, hide_short_help = true)]
    pub verbose: bool,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct Output {
    /// How the result is written
    #[arg(short, long, value_name = "FORMAT", default_value = "table", global = true)]
    pub output: Format,
    /// Short for -o json
    #[arg(long, global = true)]
    pub json: bool,
}

impl Output {
    /// Whether programs read it.
    pub fn is_json(self) -> bool {
        self.json || self.output == Format::Json
    }
}

/// How a result is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// The commands, each a file.
#[derive(Debug, Subcommand)]
pub enum Command {
    Run(Box<commands::run::RunArgs>),
    New(Box<commands::new::NewArgs>),
    Ls(commands::ls::LsArgs),
    Show(commands::show::ShowArgs),
    Logs(commands::logs::LogsArgs),
    Attach(commands::attach::AttachArgs),
    Export(commands::export::ExportArgs),
    Replay(commands::replay::ReplayArgs),
    Wait(commands::wait::WaitArgs),
    Prompt(commands::prompt::PromptArgs),
    Queue(commands::queue::QueueArgs),
    Cancel(commands::cancel::CancelArgs),
    Set(commands::set::SetArgs),
    Approve(commands::approve::ApproveArgs),
    Deny(commands::deny::DenyArgs),
    Stop(commands::stop::StopArgs),
    Resume(commands::resume::ResumeArgs),
    Hibernate(commands::hibernate::HibernateArgs),
    Clear(commands::clear::ClearArgs),
    Rewind(commands::rewind::RewindArgs),
    Repair(commands::repair::RepairArgs),
    Fork(commands::fork::ForkArgs),
    /// Put sessions away
    Archive(commands::archive::ArchiveArgs),
    /// Take sessions out of the archive
    Unarchive(commands::archive::ArchiveArgs),
    Rm(commands::rm::RmArgs),
    Prune(commands::prune::PruneArgs),
    Thread(commands::thread::ThreadArgs),
    Agents(commands::agents::AgentsArgs),
    Doctor(commands::doctor::DoctorArgs),
    Config(commands::config::ConfigArgs),
    Completion(commands::completion::CompletionArgs),
    Serve(commands::serve::ServeArgs),
    Open(commands::open::OpenArgs),
    Status(commands::status::StatusArgs),
    Shutdown(commands::shutdown::ShutdownArgs),
    Token(commands::token::TokenArgs),
    Audit(commands::audit::AuditArgs),
    Backup(commands::backup::BackupArgs),
    Restore(commands::restore::RestoreArgs),
    Worker(commands::worker::WorkerArgs),
    Agent(commands::agent::AgentArgs),
    #[command(hide = true)]
    Openapi(commands::openapi::OpenapiArgs),
    /// Carry one attempt of a session (internal: workers start it)
    #[command(hide = true)]
    Runner(NotBuilt),
    /// Run sessions as Kubernetes pods (not built yet)
    #[command(hide = true)]
    Operator(NotBuilt),
    /// Print the Kubernetes resource definition (not built yet)
    #[command(hide = true)]
    Crd(NotBuilt),
    /// Offer the server's sessions as an ACP agent (not built yet)
    #[command(hide = true)]
    Acp(NotBuilt),
    /// Offer the server's sessions as an MCP server (not built yet)
    #[command(hide = true)]
    Mcp(NotBuilt),
    MockLlm(commands::mock_llm::MockLlmArgs),
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
