//! An agent that wants a sign-in before it opens its session: the ways that it offers are a question like any other.

use convene_api::{
    body::{AnswerElicitation, Authenticate},
    problem::{Code, Problem},
};
use convene_core::{
    content::{AuthKind, AuthMethod},
    event::KnownEvent,
    ids::ElicitationId,
};
use serde_json::{Value, json};

use super::{Ending, Watch, action};
use crate::{
    failure::{self, Report},
    render::clean::clean_line,
};

/// The field of the question, which nobody sees.
const METHOD: &str = "method";

/// A sign-in, as the watch knows it.
#[derive(Debug)]
pub struct SignIn {
    /// The question's id; no agent knows it.
    request: ElicitationId,
    methods: Vec<AuthMethod>,
}

impl SignIn {
    pub fn new() -> Self {
        Self { request: ElicitationId::new(uuid::Uuid::now_v7()), methods: Vec::new() }
    }

    /// What is to be sent, if this is an answer to the sign-in.
    pub fn body(&self, request: ElicitationId, answer: &AnswerElicitation) -> Option<Authenticate> {
        let method = answer.content.as_ref().filter(|_| request == self.request)?.get(METHOD)?.as_str()?;
        Some(Authenticate { method_id: method.to_owned() })
    }

    /// The question in the shape of an agent's.
    fn params(&self) -> Value {
        let choices: Vec<Value> =
            self.methods.iter().map(|method| json!({"const": method.id, "title": words(method)})).collect();
        json!({
            "mode": "choice",
            "requestedSchema": {
                "type": "object",
                "properties": {METHOD: {"type": "string", "oneOf": choices}},
                "required": [METHOD],
            },
        })
    }
}

/// A way to sign in, and what a person does for it.
fn words(method: &AuthMethod) -> String {
    let name = clean_line(&method.name);
    match method.kind {
        AuthKind::Terminal if !method.command.is_empty() => {
            let set = method.env.iter().map(|(name, value)| format!("{name}={value} ")).collect::<String>();
            let command = clean_line(&format!("{set}{}", method.command.join(" ")));
            format!("{name}: run `{command}` in another terminal, then pick this")
        }
        AuthKind::EnvVar if !method.variables.is_empty() => {
            format!("{name}: needs {} where the agent runs", clean_line(&method.variables.join(" or ")))
        }
        AuthKind::Agent | AuthKind::EnvVar | AuthKind::Terminal | AuthKind::Other => match &method.description {
            Some(description) => format!("{name}: {}", clean_line(description)),
            None => name,
        },
    }
}

impl Watch<'_> {
    /// Takes in what is said about a sign-in. An agent that says it in a turn has ended that turn.
    pub(super) fn on_sign_in(&mut self, event: &KnownEvent, in_turn: bool) {
        match event {
            KnownEvent::AgentAuthRequired { methods } if !in_turn && !methods.is_empty() => {
                self.sign_in.methods.clone_from(methods);
                if self.keys.is_some() { self.ask_for_sign_in() } else { self.nobody_signs_in() }
            }
            KnownEvent::AgentSignInRequested { .. } => self.close_sign_in(),
            KnownEvent::AgentSignedIn { .. } => {
                self.close_sign_in();
                self.view.say("signed in");
            }
            KnownEvent::AgentSignInFailed { detail, .. } => {
                self.close_sign_in();
                self.view.say(&format!("the sign-in failed: {}", clean_line(detail)));
                if self.keys.is_some() && !self.sign_in.methods.is_empty() {
                    self.ask_for_sign_in();
                }
            }
            _ => {}
        }
    }

    fn ask_for_sign_in(&mut self) {
        let message = format!("{} wants you to sign in", self.session.agent);
        self.asker.elicited(self.sign_in.request, &message, &self.sign_in.params());
    }

    fn close_sign_in(&mut self) {
        let open = self.asker.answered(self.sign_in.request);
        self.view.question_closed(open);
    }

    /// Without a terminal it is no use to wait: what is missing is said, and the turn taken back.
    fn nobody_signs_in(&mut self) {
        let ways: Vec<String> = self.sign_in.methods.iter().map(words).collect();
        let fields = [("agent", self.session.agent.clone().into()), ("methods", ways.join("; or ").into())];
        let problem = Problem::filled(Code::AgentAuthRequired, fields);
        let code = problem.exit_code();
        let how =
            if self.app.json { Report::Json } else { Report::Text { color: self.app.out.settings().stderr_color } };
        self.app.out.note(failure::text_of_end(&problem, how, code).trim_end());
        if self.ending.is_none() {
            self.ending = Some(Ending { code, deadline: None });
            let key = self.view.new_key();
            self.actions.push(action::cancel(self.client.clone(), self.session.id, self.facts.turn, key));
        }
    }
}
