//! A script: rules that pick an answer by what is said. `docs/mock-llm.md` describes it for people.

mod fill;
mod format;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use regex_lite::Regex;
use serde_json::Value;

use crate::{
    fault::Fault,
    plan::{Call, Plan, Speech, Step},
    shell,
    talk::{Provider, Said, Talk, ToolKind},
};
use fill::Words;
use format::{Document, Otherwise, RuleText, SpeechText, StepText};

/// A script, read and checked.
#[derive(Debug)]
pub struct Script {
    models: Vec<String>,
    key: Option<String>,
    otherwise: Otherwise,
    rules: Vec<Rule>,
    /// How often each rule's conditions held, and how often it answered.
    counts: Mutex<Vec<Count>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    held: u64,
    answered: u64,
}

#[derive(Debug)]
struct Rule {
    text: RuleText,
    provider: Option<Provider>,
    user: Option<Regex>,
    tool_result: Option<Regex>,
}

/// Why a script cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("the script {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no script.
    #[error("the script {} is wrong: {message}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        message: String,
    },
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// If it cannot be read or is wrong; the message says where.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ScriptError::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|message| ScriptError::Wrong { path: path.to_owned(), message })
    }

    /// Reads a script from text.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Document = serde_saphyr::from_str(text).map_err(|error| error.without_snippet().to_string())?;
        let rules = document.rules.into_iter().enumerate().map(|(at, rule)| Rule::new(at + 1, rule));
        let rules = rules.collect::<Result<Vec<_>, _>>()?;
        let counts = Mutex::new(vec![Count::default(); rules.len()]);
        Ok(Self { models: document.models, key: document.key, otherwise: document.otherwise, rules, counts })
    }

    /// The only models that there are; none when all are.
    pub(crate) fn models(&self) -> &[String] {
        &self.models
    }

    /// The only key that is right; none when all are.
    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Counts from the beginning again.
    pub(crate) fn reset(&self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.fill(Count::default());
    }

    /// The answer of the first rule that holds; none when the built-in behavior answers.
    pub(crate) fn plan(&self, talk: &Talk) -> Option<Plan> {
        let said = talk.said();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, (rule, count)) in self.rules.iter().zip(counts.iter_mut()).enumerate() {
            if !rule.holds(talk, &said) {
                continue;
            }
            count.held += 1;
            let due = rule.text.when.call.is_none_or(|call| call == count.held);
            let fresh = rule.text.repeat.is_none_or(|most| count.answered < most);
            if due && fresh {
                count.answered += 1;
                let number = at + 1;
                let does = rule.text.name.clone().unwrap_or_else(|| format!("rule {number}"));
                return Some(rule.plan(does, talk, &said, count.held));
            }
        }
        match self.otherwise {
            Otherwise::Builtin => None,
            Otherwise::Refuse => {
                let text = format!("no rule of the script holds for {:?}", said.last());
                Some(Plan {
                    does: "no rule".to_owned(),
                    steps: vec![Step::Fail(Fault::new(500, text))],
                    ..Plan::default()
                })
            }
        }
    }
}

fn contains(text: &str, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| text.to_lowercase().contains(&wanted.to_lowercase()))
}

impl Rule {
    fn new(number: usize, text: RuleText) -> Result<Self, String> {
        let wrong = |what: String| format!("rule {number}: {what}");
        let regex = |pattern: &Option<String>| {
            let pattern = pattern.as_deref();
            pattern
                .map(|p| Regex::new(p).map_err(|e| wrong(format!("{p:?} is no regular expression: {e}"))))
                .transpose()
        };
        let when = &text.when;
        let provider = match &when.provider {
            None => None,
            Some(name) => {
                let found = Provider::ALL.iter().find(|(known, _)| known == name);
                let names = Provider::ALL.map(|(known, _)| known).join(", ");
                Some(found.ok_or_else(|| wrong(format!("no provider is called {name:?}; there are {names}")))?.1)
            }
        };
        for step in &text.steps {
            step.check().map_err(wrong)?;
        }
        let (user, tool_result) = (regex(&when.user_regex)?, regex(&when.tool_result_regex)?);
        Ok(Self { text, provider, user, tool_result })
    }

    /// Whether the conditions hold that the request alone decides. Without a condition on a tool's result a rule is for
    /// what the user says, so that a rule that calls a tool does not call it for ever.
    fn holds(&self, talk: &Talk, said: &Said) -> bool {
        let when = &self.text.when;
        let for_result = when.tool_result.is_some() || self.tool_result.is_some();
        let result = said.results.join("\n");
        for_result != said.results.is_empty()
            && contains(said.last(), when.user.as_deref())
            && self.user.as_ref().is_none_or(|regex| regex.is_match(said.last()))
            && contains(&result, when.tool_result.as_deref())
            && self.tool_result.as_ref().is_none_or(|regex| regex.is_match(&result))
            && contains(&talk.system, when.system.as_deref())
            && when.model.as_ref().is_none_or(|model| *model == talk.model)
            && self.provider.is_none_or(|provider| provider == talk.provider)
            && when.turn.is_none_or(|turn| usize::try_from(turn).is_ok_and(|turn| turn == said.texts.len()))
    }

    fn plan(&self, does: String, talk: &Talk, said: &Said, call: u64) -> Plan {
        let words = Words { talk, said, call };
        let mut plan = Plan { does, ..Plan::default() };
        for step in &self.text.steps {
            match step {
                StepText::Text(speech) => plan.steps.push(Step::Text(speak(speech, &words))),
                StepText::Thoughts(speech) => plan.steps.push(Step::Thoughts(speak(speech, &words))),
                StepText::ToolCall(call) => {
                    let kind = talk.tool(&call.name).map_or(ToolKind::Function, |tool| tool.kind);
                    let input = words.fill_value(&call.input);
                    plan.steps.push(Step::Call(Call::new(call.name.clone(), kind, input)));
                }
                StepText::Shell(shell) => {
                    let command = words.fill(&shell.command, 1);
                    plan.steps.push(match shell::find(talk) {
                        Some(tool) => Step::Call(shell::call(tool, &command, shell.outside)),
                        None => Step::Text(Speech::quick("no shell among the tools of this request")),
                    });
                }
                StepText::DelayMs(ms) => plan.steps.push(Step::Wait(Duration::from_millis(*ms))),
                StepText::Error(error) => plan.steps.push(Step::Fail(Fault {
                    status: error.status,
                    kind: error.kind.clone(),
                    message: words.fill(&error.message, 1),
                    param: error.param.clone(),
                    code: error.code.clone(),
                    retry_after: error.retry_after_s,
                })),
                StepText::Disconnect => plan.steps.push(Step::Disconnect),
                StepText::StopReason(stop) => plan.stop = Some(*stop),
                StepText::Usage(usage) => plan.usage = *usage,
            }
        }
        plan
    }
}

fn speak(speech: &SpeechText, words: &Words<'_>) -> Speech {
    let text = (1..=speech.repeat).map(|n| words.fill(&speech.say, n)).collect();
    Speech { text, chunk: speech.chunk, pause: Duration::from_millis(speech.delay_ms) }
}

/// An empty object, which tools without arguments take.
fn no_input() -> Value {
    Value::Object(serde_json::Map::new())
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
