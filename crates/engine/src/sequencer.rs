//! The sequencer: decides every item on the newest speculative state, and commits them as a group.
//!
//! It runs on a thread of its own and is the store's only writer, so deciding and committing need no lock and no
//! second try. While it waits for the disk the next group gathers: that is the group commit.
//!
//! What it decides is in a [`Draft`] until the store has it; what is committed is in [`Shared`]. So a refused item and
//! a failed commit have nothing to undo.

mod mend;
mod room;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use convene_core::{
    command::{Command, Create},
    ids::{SessionId, ThreadId, TokenId},
    rejection::Rejection,
    session::{self, Phase},
    thread::{ThreadEvent, ThreadState},
};
use convene_store::{ChangedObject, LogKey, Reader, Store};

use crate::{
    draft::Draft,
    env::Env,
    error::Error,
    load,
    metrics::Metrics,
    shared::{Published, PublishedThread, Shared},
    story::Step,
    work::{Done, Idempotency, NewSession, NewThread, Outcome, ThreadPlace, TokenChange, Work},
};

/// The owner of all decisions. Synchronous: a simulator calls [`Sequencer::run_group`] itself.
pub struct Sequencer<S: Store> {
    store: S,
    reader: S::Reader,
    env: Env,
    shared: Arc<Shared>,
    /// The highest position and key that were ever given, also to what was not committed: neither is given again.
    last_pos: u64,
    last_key: LogKey,
    /// A group whose commit failed, as long as nobody could see whether the store has it nevertheless.
    unsure: Option<Draft>,
    /// What is committed and not told yet.
    untold: Vec<Step>,
}

impl<S: Store> Sequencer<S> {
    /// A sequencer over a store, with every live session loaded and published. Sessions whose logs cannot be read are
    /// shown as far as they go, take no command (quarantined), and are returned with the reason; the others go on.
    ///
    /// # Errors
    /// If the store cannot be read at all.
    pub fn open(store: S, env: Env) -> Result<(Self, Vec<(SessionId, String)>), Error> {
        let info = store.info();
        let reader = store.reader();
        let shared = Arc::new(Shared::new(info.last_pos, info.epoch));
        let mut quarantined = Vec::new();
        let live = reader.live_sessions()?;
        for (id, loaded) in live.iter().copied().zip(load::sessions(&reader, &live)) {
            match loaded {
                Ok(published) => {
                    quarantined.extend(published.damaged.as_ref().map(|why| (id, why.to_string())));
                    shared.begin_with(id, published);
                }
                Err(Error::SessionNotFound(_)) => {}
                Err(Error::Damaged { why, .. }) => quarantined.push((id, why)),
                Err(error) => return Err(error),
            }
        }
        let (last_pos, last_key) = (info.last_pos, info.last_key);
        Ok((Self { store, reader, env, shared, last_pos, last_key, unsure: None, untold: Vec::new() }, quarantined))
    }

    /// What it publishes.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// A reader of its store.
    pub fn reader(&self) -> S::Reader {
        self.reader.clone()
    }

    /// Decides and commits a group; answers come in the order of the items.
    pub fn run_group(&mut self, items: Vec<(Work, Option<Idempotency>)>) -> Vec<Result<Done, Error>> {
        self.tell();
        Metrics::add(&self.shared.metrics.items, items.len());
        if let Err(error) = self.make_sure() {
            return items.iter().map(|_| Err(error.clone())).collect();
        }
        let mut draft = Draft::default();
        let mut answers = Vec::with_capacity(items.len());
        for (work, idempotency) in items {
            answers.push(self.decide(&mut draft, work, idempotency));
        }
        self.count_refusals(&answers);
        draft.fill_rows();
        if draft.group.is_empty() {
            return answers;
        }
        match self.commit(draft, answers.len()) {
            Ok(()) => answers,
            // A refusal may rest on what another item of the group decided, and that did not happen.
            Err(error) => answers.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// Tells the log and the metrics what was committed. Whoever waits for an answer need not wait for this.
    pub fn tell(&mut self) {
        for step in self.untold.drain(..) {
            step.tell(&self.shared.metrics);
        }
    }

    fn count_refusals(&self, answers: &[Result<Done, Error>]) {
        let refused = answers.iter().filter(|a| a.is_err()).count();
        let fenced = answers.iter().filter(|a| matches!(a, Err(Error::Rejected(Rejection::Fenced { .. })))).count();
        Metrics::add(&self.shared.metrics.rejected, refused);
        Metrics::add(&self.shared.metrics.fenced, fenced);
    }

    /// Makes a draft durable and publishes it.
    fn commit(&mut self, draft: Draft, items: usize) -> Result<(), Error> {
        let started = std::time::Instant::now();
        let result = self.store.commit(&draft.group);
        self.shared.metrics.committed(items, draft.group.events.len(), started.elapsed());
        let Err(error) = result else {
            self.publish(draft);
            return Ok(());
        };
        self.shared.metrics.failed_commits.fetch_add(1, Ordering::Relaxed);
        tracing::error!(error = %error, source = ?std::error::Error::source(&error), "the store refused a group");
        self.unsure = Some(draft);
        match self.make_sure() {
            // The answer was lost, not the group.
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Error::Store(self.hold(error))),
        }
    }

    /// Finds out what became of a commit that failed, before anything is decided after it: what the store has must be
    /// published in its order. Tells whether the store has it.
    fn make_sure(&mut self) -> Result<bool, Error> {
        let Some(draft) = self.unsure.take() else { return Ok(false) };
        match draft.landed(&self.reader) {
            Ok(true) => {
                tracing::warn!("the store has a group that it failed to confirm");
                self.publish(draft);
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(error) => {
                self.unsure = Some(draft);
                Err(error.into())
            }
        }
    }

    fn decide(&mut self, draft: &mut Draft, work: Work, idempotency: Option<Idempotency>) -> Result<Done, Error> {
        if let Some(idempotency) = &idempotency
            && let Some(body) = self.recorded(draft, idempotency)?
        {
            return Ok(Done::Replayed(body));
        }
        let key = idempotency.as_ref().map(|i| Arc::clone(&i.key));
        let outcome = match work {
            Work::CreateSession(new) => self.create_session(draft, *new, key)?,
            Work::CreateThread(new) => self.create_thread(draft, *new, key)?,
            Work::Command { session, command } => self.command(draft, session, command, key)?,
            Work::Repair(repair) => self.repair(draft, *repair, key)?,
            Work::Tidy(chore) => Outcome { pos: u64::from(self.store.tidy(chore)?), ..Outcome::default() },
            Work::Record => Outcome::default(),
            Work::ChangeThread { thread, changes } => {
                self.thread_event(draft, thread, &ThreadEvent::ThreadUpdated { changes })?
            }
            Work::DeleteThread { thread, by } => self.delete_thread(draft, thread, by, key)?,
            Work::AddToken(row) => {
                draft.group.tokens.push(row);
                Outcome::default()
            }
            Work::ChangeTokens(changes) => self.change_tokens(draft, changes)?,
            Work::RevokeToken(id) => {
                draft.group.revoked.push(id);
                Outcome::default()
            }
        };
        if let Some(idempotency) = idempotency {
            let reply = (idempotency.render)(&outcome);
            let at = self.env.clock.now();
            draft.record(idempotency.owner, &idempotency.key, idempotency.request, reply, at);
        }
        Ok(Done::Fresh(outcome))
    }

    fn change_tokens(&self, draft: &mut Draft, changes: Vec<(TokenId, TokenChange)>) -> Result<Outcome, Error> {
        for (id, change) in changes {
            if draft.group.revoked.contains(&id) {
                continue;
            }
            let drafted = draft.group.tokens.iter().rev().find(|row| row.id == id).cloned();
            let row = match drafted {
                Some(row) => Some(row),
                None => self.reader.token(id)?,
            };
            let Some(mut row) = row else { continue };
            match change {
                TokenChange::Rotate { generation, hash, previous_until } => {
                    row.generation = generation;
                    row.hash = hash;
                    row.previous_until = previous_until;
                }
                TokenChange::Used(at) => row.last_used_at = row.last_used_at.max(Some(at)),
            }
            draft.group.tokens.push(row);
        }
        Ok(Outcome::default())
    }

    /// The answer that was recorded under this key, in the store or earlier in this group.
    fn recorded(&self, draft: &Draft, idempotency: &Idempotency) -> Result<Option<String>, Error> {
        let row = match draft.reply(&idempotency.owner, &idempotency.key) {
            Some(row) => Some(row.clone()),
            None => self.reader.reply(&idempotency.owner, &idempotency.key)?,
        };
        match row {
            Some(row) if row.request == idempotency.request => Ok(Some(row.reply)),
            Some(_) => Err(Error::IdempotencyConflict),
            None => Ok(None),
        }
    }

    fn create_session(&mut self, draft: &mut Draft, new: NewSession, key: Option<Arc<str>>) -> Result<Outcome, Error> {
        let (owner, namespace) = (new.owner.clone(), new.namespace.clone());
        let thread = match new.thread {
            ThreadPlace::Existing(id) => {
                self.thread(draft, id)?;
                return self.begin_session(draft, new, id, key);
            }
            ThreadPlace::New(id) => id,
        };
        let mut outcome = self.begin_session(draft, new, thread, key)?;
        let title = outcome.session.as_ref().map(|s| s.title.clone()).unwrap_or_default();
        let (topic, labels) = (String::new(), BTreeMap::new());
        let event = ThreadEvent::ThreadCreated { owner, namespace, title, topic, labels, own: true };
        outcome.thread = self.begin_thread(draft, thread, &event);
        outcome.pos = self.last_pos;
        Ok(outcome)
    }

    fn create_thread(&mut self, draft: &mut Draft, new: NewThread, key: Option<Arc<str>>) -> Result<Outcome, Error> {
        let mut title = new.title;
        // The session comes first because it may be refused; the thread cannot.
        let mut outcome = match new.session {
            Some(first) => self.begin_session(draft, first, new.id, key)?,
            None => Outcome::default(),
        };
        if let (Some(session), true) = (&outcome.session, title.is_empty()) {
            title.clone_from(&session.title);
        }
        let event = ThreadEvent::ThreadCreated {
            owner: new.owner,
            namespace: new.namespace,
            title,
            topic: new.topic,
            labels: new.labels,
            own: false,
        };
        outcome.thread = self.begin_thread(draft, new.id, &event);
        outcome.pos = self.last_pos;
        Ok(outcome)
    }

    /// Makes a session in a thread that exists or is made in the same transaction.
    fn begin_session(
        &mut self,
        draft: &mut Draft,
        new: NewSession,
        thread: ThreadId,
        key: Option<Arc<str>>,
    ) -> Result<Outcome, Error> {
        let create = Create {
            spec: new.spec,
            thread,
            owner: new.owner,
            namespace: new.namespace,
            origin: new.origin,
            title: new.title,
            labels: new.labels,
            prompt: new.prompt,
            fork: new.fork,
        };
        let max = self.shared.live_max();
        if max < usize::MAX {
            // Those that this group has made are not published yet; what it ends counts until it has ended.
            let drafted = draft.sessions.keys().filter(|id| self.shared.session(**id).is_none()).count();
            let live = self.shared.live() + drafted;
            if live >= max {
                return Err(Error::Rejected(Rejection::SessionLimit { live, max }));
            }
        }
        let mut pos = self.last_pos;
        let decision = session::create(new.id, create, self.env.clock.now(), &mut || {
            pos += 1;
            pos
        })?;
        self.last_pos = pos;
        let created = Published {
            log: self.next_key(),
            state: Arc::new(decision.state.clone()),
            created_pos: decision.events.first().map_or(pos, |e| e.pos),
            command: None,
            damaged: None,
            snapshot_seq: 0,
        };
        Ok(draft.take(created, decision, key))
    }

    fn command(
        &mut self,
        draft: &mut Draft,
        id: SessionId,
        command: Command,
        key: Option<Arc<str>>,
    ) -> Result<Outcome, Error> {
        let published = self.meant(draft, id, &command)?;
        let state = Arc::clone(&published.state);
        if matches!(command, Command::Prompt { .. }) && state.queue.len() >= self.shared.queue_max() {
            return Err(Error::Rejected(Rejection::QueueFull { length: state.queue.len() }));
        }
        let removed_by =
            if let Command::Delete { by, .. } | Command::Prune { by, .. } = &command { Some(by.clone()) } else { None };
        let outcome = self.decide_on(draft, published, &state, command, key)?;
        if let Some(by) = removed_by {
            self.remove_own_thread(draft, state.thread, by)?;
        }
        Ok(outcome)
    }

    fn begin_thread(&mut self, draft: &mut Draft, id: ThreadId, event: &ThreadEvent) -> Option<Arc<ThreadState>> {
        let (log, now) = (self.next_key(), self.env.clock.now());
        self.last_pos += 1;
        let created_pos = self.last_pos;
        let state = Arc::new(ThreadState::fold(None, id, event, 1, created_pos, now)?);
        draft.take_thread(PublishedThread { log, state: Arc::clone(&state), created_pos }, now, event);
        Some(state)
    }

    fn thread_event(&mut self, draft: &mut Draft, id: ThreadId, event: &ThreadEvent) -> Result<Outcome, Error> {
        let thread = self.thread(draft, id)?;
        let (seq, pos, now) = (thread.state.seq + 1, self.last_pos + 1, self.env.clock.now());
        let before = ThreadState::clone(&thread.state);
        let Some(state) = ThreadState::fold(Some(before), id, event, seq, pos, now) else {
            return Err(Error::Rejected(Rejection::Nothing));
        };
        self.last_pos = pos;
        let state = Arc::new(state);
        draft.take_thread(PublishedThread { state: Arc::clone(&state), ..thread }, now, event);
        Ok(Outcome { session: None, thread: Some(state), pos })
    }

    /// Removes a thread and its sessions: all of them, or none if one is at work.
    fn delete_thread(
        &mut self,
        draft: &mut Draft,
        id: ThreadId,
        by: String,
        key: Option<Arc<str>>,
    ) -> Result<Outcome, Error> {
        self.thread(draft, id)?;
        let mut ids = self.reader.thread_sessions(id)?;
        // Sessions that were made earlier in this group are not in the store yet.
        ids.extend(draft.sessions.values().filter(|p| p.state.thread == id).map(|p| p.state.id));
        ids.sort_unstable();
        ids.dedup();
        let (mut pos, now) = (self.last_pos, self.env.clock.now());
        let mut decided = Vec::with_capacity(ids.len());
        for session in ids {
            let published = match self.session(draft, session) {
                Ok(published) => published,
                Err(Error::SessionNotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let decision = session::handle(
                &published.state,
                Command::Delete { damaged: false, by: by.clone() },
                now,
                &mut || {
                    pos += 1;
                    pos
                },
            )?;
            decided.push((published, decision));
        }
        // Nothing was refused: from here on the draft may grow.
        self.last_pos = pos;
        for (published, decision) in decided {
            draft.take(published, decision, key.clone());
        }
        self.thread_event(draft, id, &ThreadEvent::ThreadDeleted { by })
    }

    /// A session as the next item sees it.
    fn session(&self, draft: &Draft, id: SessionId) -> Result<Published, Error> {
        let published = match draft.sessions.get(&id) {
            Some(published) => published.clone(),
            None => self.shared.find_session(&self.reader, id)?,
        };
        if let Some(why) = published.damaged {
            return Err(Error::Damaged { session: id, why: why.to_string() });
        }
        if published.state.deleted { Err(Error::SessionNotFound(id)) } else { Ok(published) }
    }

    /// A thread as the next item sees it.
    fn thread(&self, draft: &Draft, id: ThreadId) -> Result<PublishedThread, Error> {
        let thread = match draft.threads.get(&id) {
            Some(thread) => thread.clone(),
            None => self.shared.find_thread(&self.reader, id)?,
        };
        if thread.state.deleted { Err(Error::ThreadNotFound(id)) } else { Ok(thread) }
    }

    /// Shows everybody what the store has: states first, then the changes of lists, then what wakes the readers.
    fn publish(&mut self, draft: Draft) {
        let shared = &self.shared;
        let mut changed = Vec::with_capacity(draft.sessions.len() + draft.threads.len());
        let (mut dispatch, mut placed, mut material) = (false, false, !draft.threads.is_empty());
        for (id, published) in draft.sessions {
            let state = &published.state;
            changed.push((ChangedObject::Session(id), state.pos));
            match state.phase {
                Phase::Pending { .. } | Phase::Stopped { .. } | Phase::Hibernated => dispatch = true,
                // Its worker may have something to do.
                Phase::Starting { .. } | Phase::Stopping { .. } => placed = true,
                Phase::Idle { .. } | Phase::Running { .. } => {}
            }
            material |= shared.put_session(published);
        }
        for (id, thread) in draft.threads {
            changed.push((ChangedObject::Thread(id), thread.state.pos));
            shared.put_thread(thread);
        }
        shared.changed(changed);
        shared.metrics.commits.fetch_add(1, Ordering::Relaxed);
        shared.metrics.published();
        Metrics::add(&shared.metrics.events, draft.group.events.len());
        self.untold.extend(draft.steps);
        for log in draft.group.purged {
            // Before its last event is published, so that who follows it sees that one and no more.
            shared.feed.forget(log);
        }
        let pos = draft.group.events.last().map_or(0, |event| event.pos);
        if pos > 0 {
            shared.feed.publish(&draft.group.events, pos);
        }
        if material {
            shared.material.send_replace(pos);
        }
        if placed {
            shared.placed.send_modify(|n| *n += 1);
        }
        if dispatch {
            shared.dispatch.notify_one();
        }
    }

    const fn next_key(&mut self) -> LogKey {
        self.last_key = LogKey(self.last_key.0 + 1);
        self.last_key
    }
}
