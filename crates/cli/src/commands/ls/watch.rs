//! `convene ls --watch`: the sessions, then a row for each change. What is printed is never touched again.

use std::collections::HashMap;

use convene_api::{
    client::{Client, ListItem},
    exit,
    frame::ListFrame,
};
use convene_core::{ids::SessionId, view::SessionView};
use serde::Deserialize;

use super::{COLUMNS, Wanted, found, row};
use crate::{
    app::App,
    failure::{Failure, Outcome},
    table::Drawn,
};

/// What a column may grow to later: the longest state, and a title.
const LATER: [&str; 6] = ["k3f9qz", "waiting for auth", "opencode", "a title of some length", "~/a/directory", "59m"];

pub(super) async fn watch(app: &App, client: &Client, wanted: &Wanted<'_>) -> Outcome {
    let mut stream = client.follow_list(None);
    let mut shown = Shown { app, drawn: None, rows: HashMap::new() };
    let mut away = false;
    loop {
        match stream.next().await? {
            // What changes from here on is told; what is there is asked for after that.
            ListItem::CaughtUp if shown.drawn.is_none() => {
                let (sessions, _) = found(client, wanted, usize::MAX).await?;
                shown.begin(&sessions)?;
            }
            ListItem::CaughtUp => {
                if std::mem::take(&mut away) {
                    app.out.note("the server is back");
                }
            }
            ListItem::Change(frame) if shown.drawn.is_some() => shown.change(&frame, wanted)?,
            ListItem::Change(_) => {}
            ListItem::Away { since } => {
                if since.elapsed() > app.config.client.reconnect_timeout {
                    return Ok(exit::SERVER_UNREACHABLE);
                }
                if !std::mem::replace(&mut away, true) {
                    app.out.note("the server is away; changes are told when it is back");
                }
            }
        }
    }
}

struct Shown<'a> {
    app: &'a App,
    drawn: Option<Drawn<'static>>,
    /// What was printed of each session last, without its age.
    rows: HashMap<SessionId, Vec<String>>,
}

/// What is left of a session that was removed.
#[derive(Deserialize)]
struct Gone {
    id: SessionId,
}

impl Shown<'_> {
    fn begin(&mut self, sessions: &[SessionView]) -> Result<(), Failure> {
        let rows: Vec<Vec<String>> = sessions.iter().map(|session| row(self.app, session)).collect();
        let mut widest = rows.clone();
        widest.push(LATER.map(str::to_owned).to_vec());
        self.drawn = Some(Drawn::new(self.app, COLUMNS, &widest));
        if !self.app.json
            && let Some(drawn) = &self.drawn
        {
            self.app.out.text(&drawn.header())?;
        }
        // The newest last, as what comes after.
        sessions.iter().rev().try_for_each(|session| self.print(session))
    }

    fn change(&mut self, frame: &ListFrame, wanted: &Wanted<'_>) -> Result<(), Failure> {
        if frame.kind == "session:deleted" {
            let gone: Option<Gone> = serde_json::from_str(frame.data.get()).ok();
            return gone.map_or(Ok(()), |gone| self.removed(gone.id));
        }
        let Some(session) = frame.session() else { return Ok(()) };
        // One that was shown is told of once more when it no longer fits: its state is why.
        let was_shown = self.rows.contains_key(&session.id);
        if wanted.wants(&session) || was_shown && wanted.args.state.is_some() {
            self.print(&session)?;
        }
        if !wanted.wants(&session) {
            self.rows.remove(&session.id);
        }
        Ok(())
    }

    fn print(&mut self, session: &SessionView) -> Result<(), Failure> {
        let cells = row(self.app, session);
        let mut known = cells.clone();
        known.pop();
        if self.rows.insert(session.id, known.clone()).is_some_and(|before| before == known) {
            return Ok(());
        }
        if self.app.json {
            return self.app.out.json(session);
        }
        self.line(&cells)
    }

    fn removed(&mut self, id: SessionId) -> Result<(), Failure> {
        let Some(mut cells) = self.rows.remove(&id) else { return Ok(()) };
        if self.app.json {
            return self.app.out.json(&serde_json::json!({ "id": id, "deleted": true }));
        }
        if let Some(state) = cells.get_mut(1) {
            "removed".clone_into(state);
        }
        self.line(&cells)
    }

    fn line(&self, cells: &[String]) -> Result<(), Failure> {
        match &self.drawn {
            Some(drawn) => self.app.out.text(&drawn.row(cells)),
            None => Ok(()),
        }
    }
}
