//! `GET /v1/sessions/{id}/export`: a session taken out, in one of three forms.

use std::collections::VecDeque;

use axum::{
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use convene_api::body::ExportFormat;
use convene_core::{
    event::{Cut, Event, EventData, wire_json},
    export::Markdown,
    ids::SessionId,
    ledger::Meta,
    session::SessionState,
    view,
};
use convene_engine::storage::{EventFilter, EventRow};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    app::App,
    extract::{Params, SessionName},
    refusal::Refusal,
};

/// How many events are read at once; with what is on its way to the client, all that is held. Few, because one event may
/// be as large as the longest line of an agent.
const PAGE: usize = 64;

/// How many are read at once to see whether they can be, and how many bytes of them.
const CHECKED: usize = 1000;
const CHECKED_BYTES: usize = 1 << 20;

/// In which form.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `jsonl` (the session's ledger: a line about it, then the stored events, one a line), `md` (for reading) or `json` (session and events in one object).
    #[serde(default)]
    #[param(inline)]
    format: ExportFormat,
}

/// A session as it is now: its events in order, read by cursor while they are sent.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/export", tag = "sessions", params(("id" = String, Path), Wanted),
    responses((status = 200, content((String = "application/x-ndjson"), (String = "text/markdown"), (Object = "application/json")))),
)]
pub async fn export_session(
    State(app): State<App>,
    SessionName(id): SessionName,
    Params(wanted): Params<Wanted>,
) -> Result<Response, Refusal> {
    let published = app.engine.session(id).await?;
    if let Some(why) = &published.damaged {
        // Half a log would pass for a whole one.
        let error = convene_engine::Error::Damaged { session: id, why: why.to_string() };
        return Err(error.into());
    }
    let session = &published.state;
    readable(&app, id, session.seq).await?;
    let (kind, ending) = match wanted.format {
        ExportFormat::Jsonl => ("application/x-ndjson", "jsonl"),
        ExportFormat::Md => ("text/markdown; charset=utf-8", "md"),
        ExportFormat::Json => ("application/json", "json"),
    };
    let name = format!("attachment; filename=\"{}.{ending}\"", session.id.short());
    let export = Export::new(app, session, wanted.format);
    let body = Body::from_stream(stream::try_unfold(export, Export::next));
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name.as_str())], body)
        .into_response())
}

/// All that is to be sent can be read: what ends in the middle looks like a connection that broke.
async fn readable(app: &App, id: SessionId, last: u64) -> Result<(), convene_engine::Error> {
    let mut after = 0;
    while after < last {
        let filter = EventFilter {
            after: Some(after),
            before: Some(last + 1),
            limit: CHECKED,
            bytes: Some(CHECKED_BYTES),
            ..EventFilter::default()
        };
        after = app.engine.events(id, filter).await?.last().map_or(last, |row| row.seq);
    }
    Ok(())
}

/// An export under way.
struct Export {
    app: App,
    session: SessionId,
    format: ExportFormat,
    markdown: Markdown,
    /// What was taken back: not for reading.
    cuts: Vec<Cut>,
    /// The last event that was read, and the last that belongs to it: what comes later is not waited for.
    after: u64,
    last: u64,
    first: bool,
    /// Pieces that stand before and behind the events.
    ready: VecDeque<Bytes>,
    done: bool,
}

impl Export {
    fn new(app: App, session: &SessionState, format: ExportFormat) -> Self {
        let head = match format {
            ExportFormat::Jsonl => Meta::of(session).line(),
            ExportFormat::Md => Markdown::head(&view::session(session)),
            ExportFormat::Json => {
                let view = serde_json::to_string(&view::session(session)).unwrap_or_default();
                format!("{{\"session\":{view},\"events\":[")
            }
        };
        Self {
            app,
            session: session.id,
            format,
            markdown: Markdown::default(),
            cuts: session.rewound.clone(),
            after: 0,
            last: session.seq,
            first: true,
            ready: VecDeque::from_iter((!head.is_empty()).then(|| head.into())),
            done: false,
        }
    }

    /// The next piece of the body.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, convene_engine::Error> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some((piece, self)));
            }
            if self.done {
                return Ok(None);
            }
            let before = Some(self.last + 1);
            let filter = EventFilter { after: Some(self.after), before, limit: PAGE, ..EventFilter::default() };
            let rows = self.app.engine.events(self.session, filter).await?;
            let text: String = rows.iter().map(|row| self.event(row)).collect();
            self.after = rows.last().map_or(self.last, |row| row.seq);
            let mut piece = text;
            if self.after >= self.last {
                self.done = true;
                piece += &self.tail();
            }
            if !piece.is_empty() {
                self.ready.push_back(piece.into());
            }
        }
    }

    fn event(&mut self, row: &EventRow) -> String {
        match self.format {
            ExportFormat::Md if self.cuts.iter().any(|cut| cut.holds(row.seq)) => String::new(),
            ExportFormat::Md => match EventData::from_json(&row.data) {
                Ok(data) => self.markdown.event(&Event {
                    session: self.session,
                    seq: row.seq,
                    pos: row.pos,
                    at: row.at,
                    index: row.index,
                    data,
                }),
                Err(_unreadable) => String::new(),
            },
            ExportFormat::Jsonl => self.json(row) + "\n",
            ExportFormat::Json => {
                let comma = if std::mem::take(&mut self.first) { "" } else { "," };
                format!("{comma}{}", self.json(row))
            }
        }
    }

    fn json(&self, row: &EventRow) -> String {
        wire_json(self.session, row.seq, row.pos, row.at, &row.data)
    }

    fn tail(&mut self) -> String {
        match self.format {
            ExportFormat::Jsonl => String::new(),
            ExportFormat::Md => self.markdown.end(),
            ExportFormat::Json => "]}\n".to_owned(),
        }
    }
}
