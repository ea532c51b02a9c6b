//! What is typed during a watch: answers to questions, and in line mode prompts and commands.

use convene_api::{client::SessionEvent, exit, problem::Problem};
use convene_core::event::{EventBody, KnownEvent};

use super::{
    Watch, action,
    asker::Wish,
    line::{Line, Meaning, Typed},
};
use crate::{
    app::now,
    failure::Failure,
    render::{
        clean::clean_line,
        facts::{self, Facts},
        screen::LiveRow,
    },
    terminal::{self, Keys},
};

/// Requests that were typed and are on their way at the same time; more wait in the row.
const SENT_MAX: usize = 16;

impl Watch<'_> {
    /// Takes in keys.
    pub(super) fn typed(&mut self, bytes: &[u8]) -> Result<Option<u8>, Failure> {
        let single = self.keys.as_ref().is_some_and(Keys::single);
        if let Some(line) = &mut self.line
            && !self.asker.is_open()
        {
            if line.read_only {
                let leaves = bytes.is_empty() || bytes.contains(&b'\x04');
                return if leaves { self.leave() } else { Ok(None) };
            }
            if bytes.is_empty() {
                return self.leave();
            }
            for typed in line.editor.feed(bytes) {
                let code = match typed {
                    Typed::Leave => self.leave()?,
                    Typed::Line(text) => {
                        if !single {
                            self.view.screen().line_was_closed();
                        }
                        self.said(&text)?
                    }
                };
                if code.is_some() {
                    return Ok(code);
                }
            }
            return Ok(None);
        }
        let (id, client) = (self.session.id, self.client.clone());
        match self.asker.typed(bytes, single, self.view.screen()) {
            Wish::Nothing => Ok(None),
            Wish::Leave => self.leave(),
            Wish::Decide { request, option } => {
                let key = self.view.new_key();
                self.actions.push(action::decide(client, id, request, option, key));
                Ok(None)
            }
            Wish::Answer { request, body } => {
                let key = self.view.new_key();
                self.actions.push(match self.sign_in.body(request, &body) {
                    Some(method) => action::authenticate(client, id, method, key),
                    None => action::answer(client, id, request, body, key),
                });
                Ok(None)
            }
        }
    }

    fn leave(&mut self) -> Result<Option<u8>, Failure> {
        self.detach()?;
        Ok(Some(exit::DONE))
    }

    /// Does what a typed line means.
    fn said(&mut self, text: &str) -> Result<Option<u8>, Failure> {
        let Some(line) = &mut self.line else { return Ok(None) };
        let meaning = line.meaning(text);
        let (client, id, typed) = (self.client.clone(), self.session.id, text.to_owned());
        let action = match meaning {
            Meaning::Nothing => return Ok(None),
            Meaning::Detach => return self.leave(),
            Meaning::Help => {
                let screen = self.view.screen();
                Line::help().for_each(|row| screen.row(&row));
                return Ok(None);
            }
            Meaning::Unclear(why) => {
                line.editor.restore(text);
                self.view.say(&why);
                return Ok(None);
            }
            _ if line.sent >= SENT_MAX => {
                line.editor.restore(text);
                self.view.say("the server has not answered yet; Enter again sends it");
                return Ok(None);
            }
            Meaning::Prompt(text, mode) => action::prompt(client, id, (text, mode), self.view.new_key(), typed),
            Meaning::Cancel => action::cancel_running(client, id, self.view.new_key(), typed),
            Meaning::Queue => action::queue(client, id, None, self.view.new_key(), typed),
            Meaning::Change(entry, edit) => {
                action::queue(client, id, Some((entry, edit.into())), self.view.new_key(), typed)
            }
            Meaning::Set(pairs) => action::set(client, id, pairs, self.app.style(), self.view.new_key(), typed),
        };
        if let Some(line) = &mut self.line {
            line.sent += 1;
        }
        self.actions.push(action);
        Ok(None)
    }

    /// A request that was typed has its answer.
    pub(super) fn answered(&mut self) {
        if let Some(line) = &mut self.line {
            line.sent = line.sent.saturating_sub(1);
        }
    }

    /// What was typed was refused: it is said why, and the text comes back.
    pub(super) fn not_taken(&mut self, problem: &Problem, typed: &str) {
        let hint = problem.hint.as_deref().map(|hint| format!("; {}", clean_line(hint))).unwrap_or_default();
        self.view.say(&format!("{}: {}{hint}", problem.code.as_str(), clean_line(&problem.detail)));
        if let Some(line) = self.line.as_mut().filter(|_| typed.trim() != "/cancel") {
            line.editor.restore(typed);
        }
    }

    /// Takes back what was typed; tells whether there was something.
    pub(super) fn clear_typed(&mut self) -> bool {
        if self.asker.is_open() {
            return self.asker.clear_typed();
        }
        self.line.as_mut().is_some_and(|line| line.editor.clear())
    }

    /// Whether Ctrl-C has nothing to cancel here.
    pub(super) fn only_looks(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.read_only || !line.busy)
    }

    /// Whether something is typed that is no answer to a question.
    pub(super) fn is_typing(&self) -> bool {
        self.line.as_ref().is_some_and(|line| !line.editor.is_empty()) && !self.asker.is_open()
    }

    /// Whether the row is another one since the last look.
    pub(super) fn typing_changed(&mut self) -> bool {
        self.line.as_mut().is_some_and(|line| line.editor.changed())
    }

    /// The live row of line mode; while a turn is being cancelled it says that, unless somebody types.
    pub(super) fn typing_row(&self) -> Option<LiveRow> {
        let line = self.line.as_ref()?;
        if self.ending.is_some() && line.editor.is_empty() {
            return None;
        }
        if !self.view.is_live() {
            // Without a live row only a turn that runs gives signs of life.
            return (!line.busy).then(|| LiveRow::Text(String::new()));
        }
        let status = if line.busy { self.view.status(&self.facts, now()) } else { String::new() };
        Some(LiveRow::Drawn(line.row(&status, terminal::width())))
    }

    /// Without a live row the terminal itself edits and echoes, behind a mark.
    pub(super) fn prompt_in_line(&mut self) {
        let Some(line) = &self.line else { return };
        let waits = !line.read_only && !line.busy && line.sent == 0 && self.caught_up && !self.asker.is_open();
        if waits && !self.view.is_live() && !self.view.screen().line_open() {
            self.view.screen().text("> ");
        }
    }

    /// In line mode each turn is one's own, unless the watch is for one.
    pub(super) fn follow_turns(&mut self, event: &SessionEvent) {
        let Some(line) = &mut self.line else { return };
        let EventBody::Known(known) = &event.data.body else { return };
        match known {
            KnownEvent::TurnStarted { .. } => {
                line.busy = true;
                if !line.once || self.facts.turn.is_none() {
                    self.facts = Facts::of(event.data.turn);
                }
            }
            KnownEvent::TurnEnded { .. } | KnownEvent::TurnRequeued {} | KnownEvent::SessionStopped { .. } => {
                line.busy = false;
            }
            KnownEvent::AgentCommandsUpdated { commands } => {
                line.commands(commands.iter().map(|command| command.name.clone()));
            }
            _ => {}
        }
    }

    /// Whether the end of the turn is the end of the watch.
    pub(super) fn ends_with_turn(&self) -> bool {
        self.ending.is_some() || self.line.as_ref().is_none_or(|line| line.once)
    }

    /// A session that is gone has nothing more to show.
    pub(super) fn removed(&self, event: &SessionEvent) -> Option<u8> {
        let gone = matches!(&event.data.body, EventBody::Known(KnownEvent::SessionDeleted { .. }));
        (gone && self.line.is_some()).then_some(exit::NOT_COMPLETED)
    }

    /// The past is over: a watch for one turn of a session that never had one has nothing to wait for.
    pub(super) fn nothing_to_wait_for(&mut self) -> Option<u8> {
        self.caught_up = true;
        let line = self.line.as_ref()?;
        let over = line.once && line.idle_at_start && self.facts.end.is_none() && !line.busy;
        over.then(|| facts::session_exit_code(&self.session))
    }
}
