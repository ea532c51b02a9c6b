//! `convene export`: takes a session out, to standard output or to a file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use convene_api::{
    body::ExportFormat,
    exit,
    problem::{Code, Problem},
};

use crate::{
    app::App,
    args::TEMPLATE,
    connect,
    failure::{Failure, Outcome},
    ids,
    render::words,
};

const EXAMPLES: &str = "\
Examples:
  convene export k3f9qz -O cart.jsonl
  convene export @ --format md | less
  convene export k3f9qz | jq -r 'select(.type == \"turn_ended\") | .stop_reason'";
const AFTER: &str = "\
Forms: jsonl, the stored events, one a line · md, for reading · json, one object with session and events
Exit: 0 done · 1 refused (a damaged log) · 2 usage · 6 no server · 141 the reader went away";

/// Take a session out
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = AFTER)]
pub struct ExportArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// In which form [default: by the file's ending, else jsonl]
    #[arg(long, value_name = "FORM")]
    pub format: Option<Form>,
    /// Into this file, whole or not at all
    #[arg(short = 'O', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What was written, as JSON; only with -O. Problems as JSON in any case
    #[arg(long)]
    pub json: bool,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// The stored events, one a line
    Jsonl,
    /// For reading
    Md,
    /// One object with session and events
    Json,
}

impl From<Form> for ExportFormat {
    fn from(form: Form) -> Self {
        match form {
            Form::Jsonl => Self::Jsonl,
            Form::Md => Self::Md,
            Form::Json => Self::Json,
        }
    }
}

/// Runs it.
pub async fn run(app: &App, args: ExportArgs) -> Outcome {
    let form = form(&args);
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    let Some(path) = &args.out else {
        let out = app.out.clone();
        let mut piece = move |bytes: &[u8]| out.bytes(bytes);
        client.export(session.id, form, &mut piece).await?.map_err(|error| crate::out::failure(&error))?;
        return Ok(exit::DONE);
    };
    let mut file = Whole::new(path).map_err(|error| unwritable(path, &error))?;
    let mut piece = |bytes: &[u8]| file.write(bytes);
    client.export(session.id, form, &mut piece).await?.map_err(|error| unwritable(path, &error))?;
    let size = file.finish().map_err(|error| unwritable(path, &error))?;
    if app.json {
        let file = path.display().to_string();
        app.out.json(&serde_json::json!({ "id": session.id, "file": file, "bytes": size, "events": session.seq }))?;
    } else {
        let events = words::count(usize::try_from(session.seq).unwrap_or(usize::MAX), "event");
        let size = words::size(usize::try_from(size).unwrap_or(usize::MAX));
        app.out.note(&format!("wrote {} ({events}, {size})", path.display()));
    }
    Ok(exit::DONE)
}

fn form(args: &ExportArgs) -> ExportFormat {
    let ending = args.out.as_deref().and_then(Path::extension).and_then(|ending| ending.to_str());
    let by_name = || match ending {
        Some("md" | "markdown") => Form::Md,
        Some("json") => Form::Json,
        Some(_) | None => Form::Jsonl,
    };
    args.format.unwrap_or_else(by_name).into()
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let mut problem = Problem::new(Code::StorageFailed, format!("cannot write {}: {error}", path.display()));
    problem.hint = Some("name another file with -O".to_owned());
    problem.into()
}

/// A file that appears when it is whole; until then it has another name, and on a failure it goes.
struct Whole {
    file: File,
    draft: PathBuf,
    path: PathBuf,
    size: u64,
    done: bool,
}

impl Whole {
    fn new(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
        let draft = path.with_file_name(format!(".{name}.{}", std::process::id()));
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        Ok(Self { file, draft, path: path.to_owned(), size: 0, done: false })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<u64> {
        self.file.sync_all()?;
        fs::rename(&self.draft, &self.path)?;
        self.done = true;
        Ok(self.size)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.done {
            // It may be gone already.
            let _ = fs::remove_file(&self.draft);
        }
    }
}
