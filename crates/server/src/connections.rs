//! Serves the connections of a listener, each in a task of its own, and lets go of those that never come to a request.

use std::time::Duration;

use axum::{Router, body::Body, extract::connect_info::ConnectInfo, serve::Listener};
use hyper::{Request, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{pin, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{
    listen::Peer,
    wire::{Connection, Halves},
};

/// How long the head of a request may take to come. Whoever needs longer holds a descriptor that somebody else wants.
const HEAD: Duration = Duration::from_secs(30);

/// Accepts until `closing`, and then waits for what is under way.
pub async fn accept<L>(mut listener: L, routes: Router, closing: CancellationToken)
where
    L: Listener<Addr = Peer, Io: Halves>,
{
    // Not bounded by a number of ours: descriptors are the bound, and the listener waits when there are none.
    let mut connections = JoinSet::new();
    loop {
        let (io, peer) = tokio::select! {
            () = closing.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(_ended) = connections.join_next() => continue,
        };
        connections.spawn(serve(Connection::new(io), peer, routes.clone(), closing.clone()));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(io: Connection, peer: Peer, routes: Router, closing: CancellationToken) {
    let wire = io.wire();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        if request.headers().contains_key(header::UPGRADE) {
            request.extensions_mut().insert(wire.clone());
        }
        routes.clone().oneshot(request.map(Body::new))
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let connection = builder.serve_connection(TokioIo::new(io), service).with_upgrades();
    pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
}
