//! The commands, one file each, and which one runs.

pub mod agent;
pub mod agents;
pub mod approve;
pub mod archive;
pub mod attach;
pub mod audit;
pub mod backup;
pub mod cancel;
pub mod clear;
pub mod completion;
pub mod config;
pub mod deny;
pub mod doctor;
pub mod export;
pub mod fork;
pub mod hibernate;
pub mod logs;
pub mod ls;
pub mod mock_llm;
pub mod new;
pub mod not_built;
pub mod open;
pub mod openapi;
pub mod prompt;
pub mod prune;
pub mod queue;
pub mod repair;
pub mod replay;
pub mod restore;
pub mod resume;
pub mod rewind;
pub mod rm;
pub mod run;
pub mod runner;
pub mod serve;
pub mod set;
pub mod show;
pub mod shutdown;
pub mod spec;
pub mod status;
pub mod stop;
pub mod thread;
pub mod token;
pub mod wait;
pub mod worker;

use crate::{
    app::{App, with_loop},
    args::Command,
    failure::Outcome,
};

/// Whether programs read the result.
pub fn is_json(command: &Command) -> bool {
    match command {
        Command::Run(args) => args.is_json(),
        Command::New(args) => args.output.is_json(),
        Command::Ls(args) => args.output.is_json(),
        Command::Show(args) => args.output.is_json(),
        Command::Logs(args) => args.json,
        Command::Attach(args) => args.is_json(),
        Command::Wait(args) => args.output.is_json(),
        Command::Prompt(args) => args.json,
        Command::Queue(args) => args.output.is_json(),
        Command::Cancel(args) => args.output.is_json(),
        Command::Set(args) => args.output.is_json(),
        Command::Approve(args) => args.output.is_json(),
        Command::Deny(args) => args.output.is_json(),
        Command::Stop(args) => args.output.is_json(),
        Command::Resume(args) => args.output.is_json(),
        Command::Hibernate(args) => args.output.is_json(),
        Command::Clear(args) => args.output.is_json(),
        Command::Rewind(args) => args.output.is_json(),
        Command::Prune(args) => args.output.is_json(),
        Command::Repair(args) => args.output.is_json(),
        Command::Replay(args) => args.json,
        Command::Fork(args) => args.output.is_json(),
        Command::Archive(args) | Command::Unarchive(args) => args.output.is_json(),
        Command::Rm(args) => args.output.is_json(),
        Command::Thread(args) => args.output.is_json(),
        Command::Agents(args) => args.is_json(),
        Command::Doctor(args) => args.output.is_json(),
        Command::Config(args) => args.output.is_json(),
        Command::Export(args) => args.json,
        Command::Completion(_) => false,
        Command::Status(args) => args.output.is_json(),
        Command::Shutdown(args) => args.output.is_json(),
        Command::Token(args) => args.output.is_json(),
        Command::Audit(args) => args.output.is_json(),
        Command::Backup(args) => args.output.is_json(),
        Command::Restore(args) => args.output.is_json(),
        Command::Serve(_)
        | Command::Open(_)
        | Command::Worker(_)
        | Command::MockLlm(_)
        | Command::Agent(_)
        | Command::Openapi(_) => false,
        Command::Runner(rest)
        | Command::Operator(rest)
        | Command::Crd(rest)
        | Command::Acp(rest)
        | Command::Mcp(rest) => rest.is_json(),
    }
}

/// What a process with this command is, for the files about bugs.
pub const fn role(command: &Command) -> &'static str {
    if matches!(command, Command::Serve(_)) {
        "server"
    } else if matches!(command, Command::Worker(_)) {
        "worker"
    } else {
        "command"
    }
}

/// Whether a command does its work without a configuration that is valid.
pub fn does_without_config(command: &Command) -> bool {
    if let Command::Config(args) = command {
        return !matches!(args.action, config::ConfigAction::Show { .. });
    }
    matches!(command, Command::Doctor(_) | Command::Completion(_))
}

/// Runs a command.
///
/// # Errors
/// The command's.
pub fn dispatch(app: App, command: Command) -> Outcome {
    match command {
        Command::Run(args) => with_loop(app, |app| async move { run::run(&app, *args).await }),
        Command::New(args) => with_loop(app, |app| async move { new::run(&app, *args).await }),
        Command::Ls(args) => with_loop(app, |app| async move { ls::run(&app, args).await }),
        Command::Show(args) => with_loop(app, |app| async move { show::run(&app, args).await }),
        Command::Logs(args) => with_loop(app, |app| async move { logs::run(&app, args).await }),
        Command::Attach(args) => with_loop(app, |app| async move { attach::run(&app, args).await }),
        Command::Wait(args) => with_loop(app, |app| async move { wait::run(&app, args).await }),
        Command::Prompt(args) => with_loop(app, |app| async move { prompt::run(&app, args).await }),
        Command::Queue(args) => with_loop(app, |app| async move { queue::run(&app, args).await }),
        Command::Cancel(args) => with_loop(app, |app| async move { cancel::run(&app, args).await }),
        Command::Set(args) => with_loop(app, |app| async move { set::run(&app, args).await }),
        Command::Approve(args) => with_loop(app, |app| async move { approve::run(&app, args).await }),
        Command::Deny(args) => with_loop(app, |app| async move { deny::run(&app, args).await }),
        Command::Stop(args) => with_loop(app, |app| async move { stop::run(&app, args).await }),
        Command::Resume(args) => with_loop(app, |app| async move { resume::run(&app, args).await }),
        Command::Hibernate(args) => with_loop(app, |app| async move { hibernate::run(&app, args).await }),
        Command::Clear(args) => with_loop(app, |app| async move { clear::run(&app, args).await }),
        Command::Prune(args) => with_loop(app, |app| async move { prune::run(&app, args).await }),
        Command::Rewind(args) => with_loop(app, |app| async move { rewind::run(&app, args).await }),
        Command::Repair(args) => with_loop(app, |app| async move { repair::run(&app, args).await }),
        Command::Replay(args) => with_loop(app, |app| async move { replay::run(&app, args).await }),
        Command::Fork(args) => with_loop(app, |app| async move { fork::run(&app, args).await }),
        Command::Archive(args) => {
            with_loop(app, |app| async move { archive::run(&app, args, archive::Way::Archive).await })
        }
        Command::Unarchive(args) => {
            with_loop(app, |app| async move { archive::run(&app, args, archive::Way::Unarchive).await })
        }
        Command::Rm(args) => with_loop(app, |app| async move { rm::run(&app, args).await }),
        Command::Thread(args) => with_loop(app, |app| async move { thread::run(&app, args).await }),
        Command::Agents(args) => with_loop(app, |app| async move { agents::run(&app, args).await }),
        Command::Doctor(args) => with_loop(app, |app| async move { doctor::run(&app, args).await }),
        Command::Export(args) => with_loop(app, |app| async move { export::run(&app, args).await }),
        Command::Config(args) => config::run(&app, &args),
        Command::Completion(args) => completion::run(&app, &args),
        Command::Open(args) => with_loop(app, |app| async move { open::run(&app, args).await }),
        Command::Status(args) => with_loop(app, |app| async move { status::run(&app, args).await }),
        Command::Shutdown(args) => with_loop(app, |app| async move { shutdown::run(&app, args).await }),
        Command::Token(args) => with_loop(app, |app| async move { token::run(&app, args).await }),
        Command::Audit(args) => with_loop(app, |app| async move { audit::run(&app, args).await }),
        Command::Backup(args) => backup::run(&app, &args),
        Command::Restore(args) => restore::run(&app, &args),
        Command::Serve(args) => serve::run(&app, args),
        Command::Worker(args) => worker::run(&app, args),
        Command::Agent(args) => agent::run(&app, args),
        Command::Openapi(args) => openapi::run(&app, args),
        Command::Runner(_) => not_built::refuse("runner by hand", Some("workers start it")),
        Command::Operator(_) => not_built::refuse("operator", None),
        Command::Crd(_) => not_built::refuse("crd", None),
        Command::Acp(_) => not_built::refuse("acp", None),
        Command::Mcp(_) => not_built::refuse("mcp", None),
        Command::MockLlm(args) => mock_llm::run(&app, args),
    }
}
