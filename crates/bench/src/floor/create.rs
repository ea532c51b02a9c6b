//! A `POST` that does nothing but make its body durable, many bodies at a time.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use anyhow::Result;
use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use tokio::sync::oneshot;

use super::{asked, tell};

/// More than the bench sends at once.
const WAITING: usize = 1024;

type Posted = (Bytes, oneshot::Sender<()>);

pub fn run(log: &Path) -> Result<()> {
    let log = File::create(log)?;
    let (sender, posted) = sync_channel(WAITING);
    std::thread::spawn(move || write(log, &posted));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        use axum::serve::ListenerExt as _;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        tell(&format!("port {}", listener.local_addr()?.port()));
        let listener = listener.tap_io(|stream| {
            // It only makes the floor slower if it fails.
            let _ = stream.set_nodelay(true);
        });
        let app = Router::new().route("/v1/sessions", post(create)).with_state(sender);
        let over = tokio::task::spawn_blocking(|| while asked().is_some() {});
        tokio::select! {
            served = axum::serve(listener, app) => Ok(served?),
            over = over => Ok(over?),
        }
    })
}

async fn create(State(log): State<SyncSender<Posted>>, body: Bytes) -> StatusCode {
    let (done, durable) = oneshot::channel();
    if log.try_send((body, done)).is_err() || durable.await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::CREATED
}

/// Takes all that waits, appends it, syncs once, and answers all.
fn write(mut log: File, posted: &Receiver<Posted>) {
    while let Ok(first) = posted.recv() {
        let mut group = vec![first];
        group.extend(posted.try_iter());
        let bytes: Vec<u8> = group.iter().flat_map(|(body, _)| body.iter().copied()).collect();
        if log.write_all(&bytes).and_then(|()| log.sync_data()).is_err() {
            return;
        }
        for (_, done) in group {
            // Whoever asked may be gone.
            let _ = done.send(());
        }
    }
}
