//! From the arguments to the exit code: what every command needs, and the dispatch.

use std::{future::Future, path::PathBuf, time::Duration};

use clap::FromArgMatches as _;
use convene_api::{
    body::ConfigView,
    exit,
    problem::{Code, Problem},
};
use jiff::Timestamp;

use crate::{
    args::{Cli, Command, Globals},
    commands,
    config::{self, ColorChoice, Config, Environment, Loaded, Origin, Origins, Unknown},
    failure::{Failure, Outcome, Report},
    help,
    out::{self, Out, Settings},
    render::style::Style,
};

/// What every command has.
#[derive(Debug)]
pub struct App {
    /// The flags that are the same everywhere.
    pub globals: Globals,
    /// The configuration, with its flags.
    pub config: Config,
    /// Where its values come from.
    pub origins: Origins,
    /// Where its file is, or would be.
    pub config_file: PathBuf,
    /// Why it is not what the file says, if the command does without one that is valid.
    pub config_problem: Option<Problem>,
    /// Variables that begin like ours and are none.
    pub unknown: Vec<Unknown>,
    /// The environment.
    pub environment: Environment,
    /// Where the local server's data is.
    pub data_dir: PathBuf,
    /// Standard output and standard error.
    pub out: Out,
    /// Whether programs read the result.
    pub json: bool,
}

/// Runs the command of this process's arguments.
pub fn main() -> u8 {
    let whole = std::env::args_os().any(|arg| arg == "--help");
    let parsed = help::command_for(whole).try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let environment = Environment::of_process();
    let (terminal, stderr_terminal) = out::probe();
    let report = |color| {
        if commands::is_json(&cli.command) { Report::Json } else { Report::Text { color } }
    };
    let early = early_color(&cli.globals, &environment, stderr_terminal);
    let app = match App::new(&cli, environment, terminal, stderr_terminal) {
        Ok(app) => app,
        Err(failure) => {
            failure.report(report(early));
            return failure.exit_code();
        }
    };
    convene_server::incident::catch_panics(&app.data_dir, commands::role(&cli.command));
    let how = report(app.out.settings().stderr_color);
    match commands::dispatch(app, cli.command) {
        Ok(code) => code,
        Err(failure) => {
            failure.report(how);
            failure.exit_code()
        }
    }
}

/// Says what is wrong with the arguments, or shows help or the version.
fn usage(error: &clap::Error) -> u8 {
    use clap::error::ErrorKind;
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Nobody is left to tell when the stream is closed.
        let _ = error.print();
        return if error.use_stderr() { exit::USAGE } else { exit::DONE };
    }
    let wants_json = wants_json(std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()));
    let color = color(ColorChoice::Auto, &Environment::of_process(), out::probe().1);
    let mut problem = usage_problem(&error.render().to_string());
    let general = problem.hint.as_deref().is_none_or(|hint| hint.starts_with("usage:"));
    if general && matches!(error.kind(), ErrorKind::InvalidSubcommand | ErrorKind::UnknownArgument) {
        let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        if let Some(near) = help::nearest_word(&words) {
            problem.hint = Some(format!("did you mean {near}?"));
        }
    }
    let failure = Failure::from(problem);
    failure.report(if wants_json { Report::Json } else { Report::Text { color } });
    exit::USAGE
}

/// The parser's words in the shape of every other error: what is wrong, then one thing to do.
pub fn usage_problem(text: &str) -> Problem {
    let mut paragraphs = text.split("\n\n");
    let first = paragraphs.next().unwrap_or_default().trim_start_matches("error: ");
    let what = first.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let line_of = |label: &str| text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let problem = Problem::new(Code::InvalidRequest, what);
    // Passing a flag as a value is hardly ever what was meant.
    match (line_of("tip:").filter(|tip| !tip.starts_with("to pass")), line_of("Usage:")) {
        (Some(tip), _) => problem.hint(meant(tip)),
        (None, Some(usage)) => problem.hint(format!("usage: {usage}")),
        (None, None) => problem,
    }
}

/// Whether arguments that cannot be read ask for JSON all the same.
fn wants_json(args: impl Iterator<Item = String>) -> bool {
    let args: Vec<String> = args.take_while(|arg| arg != "--").collect();
    let short = |arg: &str| matches!(arg, "--json" | "-ojson" | "-o=json" | "--output=json");
    let long =
        |pair: &[String]| matches!(pair, [flag, value] if (flag == "-o" || flag == "--output") && value == "json");
    args.iter().any(|arg| short(arg)) || args.windows(2).any(long)
}

/// The parser's guess in the words of every other one: `a similar argument exists: '--all'`.
fn meant(tip: &str) -> String {
    let names: Vec<&str> = tip.split('\'').skip(1).step_by(2).collect();
    match (tip.contains("similar"), names.as_slice()) {
        (true, [_, ..]) => format!("did you mean {}?", names.join(" or ")),
        (_, _) => tip.to_owned(),
    }
}

fn early_color(globals: &Globals, environment: &Environment, terminal: bool) -> bool {
    color(globals.color.unwrap_or_default(), environment, terminal)
}

/// `--color` > `NO_COLOR` > `CLICOLOR_FORCE` > `TERM=dumb` > is it a terminal.
fn color(choice: ColorChoice, environment: &Environment, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            if environment.get("NO_COLOR").is_some() {
                false
            } else if environment.get("CLICOLOR_FORCE").is_some_and(|v| v != "0") {
                true
            } else {
                terminal && environment.get("TERM") != Some("dumb")
            }
        }
    }
}

/// Puts what the flags say over the layers below.
fn flags(globals: &Globals, config: &mut Config, origins: &mut Origins) {
    if let Some(choice) = globals.color {
        config.ui.color = choice;
        origins.set("ui.color", Origin::Flag { name: "--color" });
    }
    if globals.plain {
        config.ui.plain = true;
        origins.set("ui.plain", Origin::Flag { name: "--plain" });
    }
    if let Some(format) = globals.log_format {
        config.server.log_format = format;
        origins.set("server.log_format", Origin::Flag { name: "--log-format" });
    }
    if globals.no_autostart {
        config.client.autostart = false;
        origins.set("client.autostart", Origin::Flag { name: "--no-autostart" });
    }
}

impl App {
    fn new(cli: &Cli, environment: Environment, terminal: bool, stderr_terminal: bool) -> Result<Self, Failure> {
        let globals = cli.globals.clone();
        let named = globals.config.clone().or_else(|| environment.path("CONVENE_CONFIG").map(PathBuf::from));
        let config_file = named.clone().unwrap_or_else(|| config::default_path(&environment));
        let (loaded, config_problem) = match Config::load(&config_file, named.is_some(), &environment) {
            Ok(loaded) => (loaded, None),
            Err(Failure::Problem(problem)) if commands::does_without_config(&cli.command) => {
                (Loaded::default(), Some(*problem))
            }
            Err(failure) => return Err(failure),
        };
        let Loaded { mut config, unknown, mut origins } = loaded;
        flags(&globals, &mut config, &mut origins);
        config.ui.plain |= globals.plain
            || environment.get("ACCESSIBLE").is_some_and(|v| v != "0")
            || environment.get("TERM") == Some("dumb");
        let data_dir = globals.data_dir.clone().or_else(|| environment.path("CONVENE_DATA_DIR").map(PathBuf::from));
        let data_dir = data_dir.unwrap_or_else(|| config::default_data_dir(&environment));
        let data_dir = std::path::absolute(&data_dir).unwrap_or(data_dir);
        let settings = Settings {
            terminal,
            stderr_terminal,
            color: color(config.ui.color, &environment, terminal),
            stderr_color: color(config.ui.color, &environment, stderr_terminal),
            plain: config.ui.plain,
            // `NO_COLOR` asks for a terminal without any escape sequence.
            live: !config.ui.plain && (config.ui.color != ColorChoice::Auto || environment.get("NO_COLOR").is_none()),
        };
        let out = Out::new(settings);
        // The doctor has them among its findings.
        for unknown in unknown.iter().filter(|_| !matches!(cli.command, Command::Doctor(_))) {
            let near = unknown.near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            out.warn("config_unknown_key", &format!("nothing reads {}{near}", unknown.name));
        }
        let json = commands::is_json(&cli.command);
        Ok(Self { globals, config, origins, config_file, config_problem, unknown, environment, data_dir, out, json })
    }

    /// The configuration as it may be shown, with what the environment and flags say of the server.
    pub fn shown_config(&self) -> ConfigView {
        let (mut config, mut origins) = (self.config.clone(), self.origins.clone());
        let variable = |name: &str| Origin::Environment { name: name.to_owned() };
        if let Some(url) = &self.globals.server {
            config.client.url.clone_from(url);
            origins.set("client.url", Origin::Flag { name: "--server" });
        } else if let Some(url) = self.environment.get("CONVENE_URL") {
            url.clone_into(&mut config.client.url);
            origins.set("client.url", variable("CONVENE_URL"));
        }
        if let Some(file) = &self.globals.token_file {
            config.client.token = format!("file:{}", file.display());
            origins.set("client.token", Origin::Flag { name: "--token-file" });
        } else if self.environment.get("CONVENE_TOKEN").is_some() {
            // Its name, never itself.
            config.client.token = "env:CONVENE_TOKEN".to_owned();
            origins.set("client.token", variable("CONVENE_TOKEN"));
        }
        config::view(&config, &origins, &self.config_file)
    }

    /// How text is drawn on standard output.
    pub fn style(&self) -> Style {
        let settings = self.out.settings();
        Style { color: settings.color, unicode: !settings.plain && self.speaks_utf8(), plain: settings.plain }
    }

    /// Whether the locale says that text is UTF-8.
    pub fn speaks_utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.environment.get(name));
        locale.is_some_and(|l| {
            let l = l.to_ascii_lowercase();
            l.contains("utf-8") || l.contains("utf8")
        })
    }

    /// The person's home directory, as text.
    pub fn home(&self) -> Option<String> {
        self.environment.home().map(|home| home.to_string_lossy().into_owned())
    }

    /// Whether somebody may be asked on this run, as far as flags and environment go.
    pub fn may_ask(&self) -> bool {
        !self.globals.no_input && self.environment.get("CI").is_none() && !self.environment.inside_agent()
    }

    /// Runs a future to its end.
    ///
    /// # Errors
    /// Those of the future, or if the system gives no runtime.
    pub fn block_on<T>(&self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure::new(Code::Internal, format!("the system gives no event loop: {e}")))?;
        let result = runtime.block_on(future);
        // A thread that reads standard input cannot be woken; nobody waits for it.
        runtime.shutdown_timeout(Duration::ZERO);
        result
    }
}

/// Runs a command that needs the server and the event loop.
pub fn with_loop<F, Fut>(app: App, command: F) -> Outcome
where
    F: FnOnce(std::rc::Rc<App>) -> Fut,
    Fut: Future<Output = Outcome>,
{
    let app = std::rc::Rc::new(app);
    app.clone().block_on(command(app))
}

/// The wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge of a role: durations on the screen are against the person's clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}
