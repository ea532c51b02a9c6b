//! Chooses the form in which an agent is started: what is installed goes first, then what a package manager would fetch.

use std::{
    ffi::OsString,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use super::{
    Error, find_program,
    recipe::{Pack, Recipe},
};

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// This program.
    Builtin,
    /// A command of the configuration.
    Config,
    /// A command that was found.
    Path,
    /// A package of npm.
    Npx,
    /// A package of PyPI.
    Uvx,
}

impl Form {
    /// Whether the first start may download the agent.
    pub(super) const fn downloads(self) -> bool {
        matches!(self, Self::Npx | Self::Uvx)
    }

    /// As people see it.
    pub(super) fn words(self, command: &[String]) -> String {
        match self {
            Self::Builtin => "built in".to_owned(),
            Self::Config => "config".to_owned(),
            Self::Npx => "npx".to_owned(),
            Self::Uvx => "uvx".to_owned(),
            Self::Path => command.first().cloned().unwrap_or_default(),
        }
    }
}

/// How an agent is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) form: Form,
    pub(super) command: Vec<String>,
    /// Its version, where the form says it.
    pub(super) version: Option<String>,
}

/// What is looked through.
pub(super) struct Search<'a> {
    pub(super) path: Option<OsString>,
    pub(super) downloads: bool,
    /// The version of a `node`, if it is known.
    pub(super) node: &'a dyn Fn(&Path) -> Option<String>,
}

impl Search<'_> {
    /// The first form that would work; else why the most promising one would not.
    pub(super) fn start(&self, recipe: &Recipe) -> Result<Start, Error> {
        let form = if recipe.source == convene_core::dispatch::AgentSource::Config { Form::Config } else { Form::Path };
        let mut obstacle = None;
        for command in &recipe.commands {
            match self.command(recipe, command) {
                Ok(command) => return Ok(Start { form, command, version: None }),
                // That it is there and does not work says more than that something else is not there.
                Err(Error::NotInstalled { .. }) if obstacle.is_some() => {}
                Err(error) => obstacle = Some(error),
            }
        }
        for (form, pack) in [(Form::Npx, &recipe.npx), (Form::Uvx, &recipe.uvx)] {
            let Some(pack) = pack.as_ref().filter(|_| self.downloads) else { continue };
            match self.package(recipe, form, pack) {
                Some(Ok(start)) => return Ok(start),
                Some(Err(error)) if matches!(obstacle, None | Some(Error::NotInstalled { .. })) => {
                    obstacle = Some(error);
                }
                Some(Err(_)) | None => {}
            }
        }
        Err(obstacle.unwrap_or_else(|| Error::NotInstalled {
            name: recipe.name.clone(),
            program: "a package manager that could fetch it".to_owned(),
        }))
    }

    /// A command with its program as an absolute path.
    fn command(&self, recipe: &Recipe, command: &[String]) -> Result<Vec<String>, Error> {
        let name = recipe.name.clone();
        let Some(program) = command.first() else {
            return Err(Error::NotInstalled { name, program: "(an empty command)".to_owned() });
        };
        let Some(found) = find_program(program, self.path.as_deref()) else {
            if program.contains('/') && Path::new(program).exists() {
                return Err(Error::NotExecutable { name, program: program.clone() });
            }
            return Err(Error::NotInstalled { name, program: program.clone() });
        };
        if recipe.node > 0 && is_node_script(&found) {
            self.check_node(recipe)?;
        }
        self.check_needs(recipe)?;
        let mut command = command.to_vec();
        command[0] = found.to_string_lossy().into_owned();
        Ok(command)
    }

    /// The package manager's command; `None` if it is not there.
    fn package(&self, recipe: &Recipe, form: Form, pack: &Pack) -> Option<Result<Start, Error>> {
        let program = if form == Form::Npx { "npx" } else { "uvx" };
        let manager = find_program(program, self.path.as_deref())?;
        let node = if form == Form::Npx { self.check_node(recipe) } else { Ok(()) };
        if let Err(error) = node.and_then(|()| self.check_needs(recipe)) {
            return Some(Err(error));
        }
        let mut command = vec![manager.to_string_lossy().into_owned()];
        let words: Vec<&str> = match (form, &pack.program) {
            (Form::Npx, None) => vec!["--yes", &pack.spec],
            (Form::Npx, Some(program)) => vec!["--yes", "--package", &pack.spec, "--", program],
            (_, None) => vec![&pack.spec],
            (_, Some(program)) => vec!["--from", &pack.spec, program],
        };
        command.extend(words.into_iter().map(str::to_owned));
        command.extend(pack.args.iter().cloned());
        Some(Ok(Start { form, command, version: pack.version.clone() }))
    }

    /// A version that nobody could tell is given the benefit of the doubt: the agent itself will say.
    fn check_node(&self, recipe: &Recipe) -> Result<(), Error> {
        let name = || recipe.name.clone();
        let Some(node) = find_program("node", self.path.as_deref()) else {
            return Err(Error::NeedsProgram { name: name(), program: "node".to_owned() });
        };
        let Some(found) = (self.node)(&node) else { return Ok(()) };
        if convene_core::catalogue::is_older(&found, &recipe.node.to_string()) {
            return Err(Error::NodeOld { name: name(), wanted: recipe.node, found });
        }
        Ok(())
    }

    fn check_needs(&self, recipe: &Recipe) -> Result<(), Error> {
        match &recipe.needs {
            Some(program) if find_program(program, self.path.as_deref()).is_none() => {
                Err(Error::NeedsProgram { name: recipe.name.clone(), program: program.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether a file is a script for `node`, by its first line.
fn is_node_script(path: &PathBuf) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(128).read_to_end(&mut start));
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    read.is_ok() && line.starts_with(b"#!") && String::from_utf8_lossy(line).contains("node")
}
