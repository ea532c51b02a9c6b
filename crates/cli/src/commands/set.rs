//! `convene set`: changes what is wanted of a session, and says what came of it.

use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use convene_api::{
    body::PatchSession,
    client::{Client, CommandKey, StreamItem},
    exit,
    problem::{Code, Problem},
};
use convene_core::{
    catalogue::nearest,
    content::ConfigOption,
    event::{EventBody, KnownEvent},
    view::SessionView,
};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::spec;
use crate::{
    app::App,
    args::{Output, TEMPLATE},
    config, connect,
    failure::{Failure, Outcome},
    ids,
    render::{clean::clean_line, style::Style, words},
};

const EXAMPLES: &str = "\
Examples:
  convene set k3f9qz title=\"the cart\" labels.team=shop
  convene set k3f9qz model=gpt-5 permissions=reads
  convene set k3f9qz timeout=30m labels.team=    an empty label goes";
const KEYS_HELP: &str = "\
Keys: title, model, mode, permissions (deny, ask, reads, all), timeout (90s, 5m, 1h, 0s is none),
      labels.NAME, and the options of the agent by their ids: `convene show ID` lists them";
/// The keys that every session has.
const KEYS: &[&str] = &["title", "model", "mode", "permissions", "timeout", "labels"];
/// A live agent answers within this time, or it is said that it has not.
const PATIENCE: Duration = Duration::from_secs(5);

/// Change a session's title, model, mode, permissions, labels or options
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = KEYS_HELP)]
pub struct SetArgs {
    /// Session: id, prefix, short id, title or @
    pub id: String,
    /// What changes: key=value
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = spec::pair)]
    pub pairs: Vec<(String, String)>,
    #[command(flatten)]
    pub output: Output,
}

/// Runs it.
pub async fn run(app: &App, args: SetArgs) -> Outcome {
    let client = connect::client(app).await?;
    let session = ids::session(app, &client, &args.id).await?;
    let change = Change::new(&session, &args.pairs)?;
    let done = change.apply(&client, &session, &CommandKey::fresh(), app.style()).await?;
    if app.json {
        app.out.json(&client.session(&session.id.to_string()).await?)?;
    } else {
        done.said.iter().for_each(|line| app.out.note(line));
    }
    done.refused.into_iter().next().map_or(Ok(exit::DONE), Err)
}

/// What is to change.
pub struct Change {
    body: PatchSession,
    /// Each key with its value as text, in the order in which they were given.
    pairs: Vec<(String, String)>,
    /// What the agent is asked for: option and value.
    asked: Vec<(String, Value)>,
}

/// What came of a change.
#[derive(Default)]
pub struct Done {
    /// A line for each key.
    pub said: Vec<String>,
    /// What the agent would not take.
    pub refused: Vec<Failure>,
}

impl Change {
    /// The change of these pairs.
    ///
    /// # Errors
    /// If a key is unknown or given twice, or a value does not fit.
    pub fn new(session: &SessionView, pairs: &[(String, String)]) -> Result<Self, Failure> {
        let mut change = Self { body: PatchSession::default(), pairs: Vec::new(), asked: Vec::new() };
        for (key, value) in pairs {
            if change.pairs.iter().any(|(known, _)| known == key) {
                return Err(invalid(key, "it is given twice"));
            }
            change.add(session, key, value)?;
            change.pairs.push((key.clone(), value.clone()));
        }
        Ok(change)
    }

    fn add(&mut self, session: &SessionView, key: &str, value: &str) -> Result<(), Failure> {
        match key {
            "title" => self.body.title = Some(value.to_owned()),
            "permissions" => {
                let mode = spec::permissions(value).map_err(|why| invalid(key, &why))?;
                self.body.permissions = Some(mode);
            }
            "timeout" => {
                let timeout = config::duration(value).map_err(|why| invalid(key, &why))?;
                self.body.timeout = Some(timeout.as_secs());
            }
            "model" => {
                self.body.model = Some(value.to_owned());
                self.asked.push((key.to_owned(), value.into()));
            }
            "mode" => {
                self.body.mode = Some(value.to_owned());
                self.asked.push((key.to_owned(), value.into()));
            }
            key => match key.strip_prefix("labels.") {
                Some("") => return Err(invalid(key, "the label has no name")),
                Some(name) => {
                    let labels: &mut BTreeMap<String, String> =
                        self.body.labels.get_or_insert_with(|| session.labels.clone());
                    if value.is_empty() {
                        labels.remove(name);
                    } else {
                        labels.insert(name.to_owned(), value.to_owned());
                    }
                }
                None => {
                    let option = option(session, key)?;
                    let value = typed(option, value);
                    self.body.config.insert(key.to_owned(), value.clone());
                    self.asked.push((key.to_owned(), value));
                }
            },
        }
        Ok(())
    }

    /// Makes the change and waits for what a live agent says to it.
    ///
    /// # Errors
    /// If the server refuses it; then nothing has changed.
    pub async fn apply(
        &self,
        client: &Client,
        before: &SessionView,
        key: &CommandKey,
        style: Style,
    ) -> Result<Done, Failure> {
        let after = client.patch_session(before.id, &self.body, key).await?;
        let live = matches!(after.state.as_str(), "idle" | "running");
        let wanted: Vec<&(String, Value)> = self.asked.iter().filter(|(o, v)| now(before, o) != Some(v)).collect();
        let mut answers = BTreeMap::new();
        if live && !wanted.is_empty() {
            answers = listen(client, &after, &wanted).await?;
        }
        let mut done = Done::default();
        for (key, text) in &self.pairs {
            let arrow = if style.unicode { "→" } else { "->" };
            let key_ = clean_line(key);
            let shown = clean_line(text);
            let Some((_, value)) = self.asked.iter().find(|(option, _)| option == key) else {
                done.said.push(self.plain(before, key, arrow));
                continue;
            };
            let was = now(before, key);
            if was == Some(value) {
                done.said.push(format!("{key_} is {shown} already"));
                continue;
            }
            let was = was.map(|v| format!("{} {arrow} ", clean_line(&value_text(v)))).unwrap_or_default();
            let when = if !live {
                " (takes effect when the agent starts)"
            } else if after.turn.is_some() {
                " (takes effect at the next turn)"
            } else {
                ""
            };
            match answers.get(key) {
                Some(Err(detail)) => {
                    let agent = &before.agent;
                    done.refused.push(invalid(key, &format!("{agent} would not take {text}: {detail}")));
                }
                Some(Ok(())) => done.said.push(format!("{key_}: {was}{shown}{when}")),
                None if live => {
                    let (agent, id) = (&before.agent, &before.short_id);
                    done.said.push(format!(
                        "{key_}: asked {agent} for {shown}, which has not answered yet; see `convene show {id}`"
                    ));
                }
                None => done.said.push(format!("{key_}: {was}{shown}{when}")),
            }
        }
        Ok(done)
    }

    /// What is now true of a setting that no agent is asked about.
    fn plain(&self, before: &SessionView, key: &str, arrow: &str) -> String {
        let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { clean_line(text) };
        match key {
            "title" => {
                let new = self.body.title.as_deref().unwrap_or_default();
                format!("title: {} {arrow} {}", or_none(&before.title), or_none(new))
            }
            "permissions" => {
                let was = spec::permissions_name(before.effective_permissions);
                let new = self.body.permissions.map(spec::permissions_name).unwrap_or_default();
                format!("permissions: {was} {arrow} {new}")
            }
            "timeout" => match self.body.timeout {
                Some(0) | None => "timeout: none".to_owned(),
                Some(seconds) => format!("timeout: {}", words::took(Duration::from_secs(seconds))),
            },
            label => {
                let name = label.trim_start_matches("labels.");
                let was = before.labels.get(name).map_or("", String::as_str);
                let new = self.body.labels.as_ref().and_then(|l| l.get(name)).map_or("", String::as_str);
                format!("{}: {} {arrow} {}", clean_line(label), or_none(was), or_none(new))
            }
        }
    }
}

/// What the agent says to each option: done, or why not; none of those on which it is silent.
async fn listen(
    client: &Client,
    after: &SessionView,
    wanted: &[&(String, Value)],
) -> Result<BTreeMap<String, Result<(), String>>, Failure> {
    let mut answers = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE;
    let mut stream = client.follow(after.id, after.seq);
    while answers.len() < wanted.len() {
        let Ok(item) = timeout_at(deadline, stream.next()).await else { break };
        let StreamItem::Event(event) = item? else { continue };
        match &event.data.body {
            EventBody::Known(KnownEvent::ConfigUpdated { options }) => {
                for (option, value) in wanted {
                    if options.iter().any(|o| o.is_named(option) && o.value == *value) {
                        answers.insert(option.clone(), Ok(()));
                    }
                }
            }
            EventBody::Known(KnownEvent::ConfigRejected { option, detail }) => {
                answers.insert(option.clone(), Err(detail.clone()));
            }
            // Whatever it was asked, it does not answer any more.
            EventBody::Known(KnownEvent::AgentExited { .. } | KnownEvent::SessionDeleted { .. }) => break,
            EventBody::Known(_) | EventBody::Unknown(_) => {}
        }
    }
    Ok(answers)
}

/// The value of an option as the agent told it last.
fn now<'a>(session: &'a SessionView, option: &str) -> Option<&'a Value> {
    session.config_options.iter().find(|o| o.is_named(option)).map(|o| &o.value)
}

/// The agent's option of that name, as far as its options are known.
fn option<'a>(session: &'a SessionView, key: &str) -> Result<Option<&'a ConfigOption>, Failure> {
    let options = &session.config_options;
    if let Some(found) = options.iter().find(|o| o.is_named(key)) {
        return Ok(Some(found));
    }
    let known: Vec<&str> = options.iter().map(|o| o.id.as_str()).collect();
    let near = nearest(key, KEYS.iter().copied().chain(known.iter().copied()));
    // What nobody has told yet is the agent's to refuse, unless it is plainly a slip.
    if near.is_empty() && known.is_empty() {
        return Ok(None);
    }
    let fields = [("agent", session.agent.clone().into()), ("key", key.into()), ("list", known.into())];
    let problem = Problem::filled(Code::ConfigOptionUnknown, fields);
    Err(match near.first() {
        Some(near) => problem.hint(format!("did you mean {near}?")).into(),
        None => problem.into(),
    })
}

/// A value as the option wants it: a truth where it has no choices, else a text.
fn typed(option: Option<&ConfigOption>, value: &str) -> Value {
    let truth = option.is_none_or(|o| o.choices.is_empty());
    match value {
        "true" | "on" | "yes" if truth => true.into(),
        "false" | "off" | "no" if truth => false.into(),
        text => text.into(),
    }
}

/// A value as people read it.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        value @ (Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) => value.to_string(),
    }
}

fn invalid(key: &str, why: &str) -> Failure {
    Problem::filled(Code::InvalidRequest, [("field", key.into()), ("why", why.into())]).into()
}
