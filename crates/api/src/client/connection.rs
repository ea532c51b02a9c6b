//! One HTTP exchange over one connection, and the upgrade to a WebSocket.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, tungstenite};

use super::{ANSWER_WITHIN, Answer, Call, ClientError, Endpoint};
use crate::{problem::Problem, uplink::FRAME_MAX};

/// The largest answer that is read; pages are far below it.
const ANSWER_MAX: usize = 256 << 20;
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A byte stream to the server.
pub(super) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// A WebSocket to the server.
pub(super) type WebSocket = WebSocketStream<Socket>;

/// Connects to the server.
async fn connect(endpoint: &Endpoint) -> Result<Socket, ClientError> {
    let socket = timeout(CONNECT_TIMEOUT, async {
        match endpoint {
            Endpoint::Unix(path) => UnixStream::connect(path).await.map(Socket::Unix),
            Endpoint::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Socket::Tcp(stream))
            }
        }
    });
    socket
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| ClientError::Unreachable { endpoint: endpoint.to_string(), source })
}

/// How long the next piece of a long answer may take.
const PIECE_WITHIN: Duration = Duration::from_secs(60);

/// Sends one request and reads its whole answer.
pub(super) async fn exchange(endpoint: &Endpoint, token: Option<&str>, call: &Call) -> Result<Answer, ClientError> {
    let request = request(endpoint, token, call)?;
    let socket = connect(endpoint).await?;
    let lost = |source| ClientError::Lost { endpoint: endpoint.to_string(), source };
    let talk = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.map_err(|e| lost(e.into()))?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(|e| lost(e.into()))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(lost)?;
            Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes() })
        };
        // The connection does the reading and writing; it runs for as long as the answer takes.
        tokio::pin!(answer, connection);
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            ended = &mut connection => {
                // What was read before the end still has to be taken out.
                match (answer.await, ended) {
                    (Err(ClientError::Lost { .. }), Err(error)) => Err(lost(error.into())),
                    (rest, _) => rest,
                }
            }
        }
    };
    timeout(call.within, talk).await.unwrap_or_else(|_| Err(lost("no answer in time".into())))
}

/// Sends one request and hands out its answer piece by piece, as it comes. A refusal is read whole.
pub(super) async fn download(
    endpoint: &Endpoint,
    token: Option<&str>,
    path: &str,
    piece: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
) -> Result<Result<Answer, io::Error>, ClientError> {
    let mut request = Request::get(path)
        .header(header::HOST, endpoint.host_header())
        .header(header::CONNECTION, "close")
        .header(header::USER_AGENT, concat!("convene/", env!("CARGO_PKG_VERSION")));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Full::new(Bytes::new())).map_err(ClientError::request)?;
    let socket = connect(endpoint).await?;
    let lost = |source| ClientError::Lost { endpoint: endpoint.to_string(), source };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.map_err(|e| lost(e.into()))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|e| lost(e.into()))?;
        let (parts, mut body) = response.into_parts();
        let (status, headers) = (parts.status.as_u16(), parts.headers);
        if status >= 400 {
            let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(lost)?.to_bytes();
            return Ok(Ok(Answer { status, headers, body }));
        }
        while let Some(frame) = timeout(PIECE_WITHIN, body.frame()).await.map_err(|_| lost("no more in time".into()))? {
            if let Ok(data) = frame.map_err(|e| lost(e.into()))?.into_data()
                && let Err(error) = piece(&data)
            {
                return Ok(Err(error));
            }
        }
        Ok(Ok(Answer { status, headers, body: Bytes::new() }))
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = &mut connection => match (answer.await, ended) {
            (Err(ClientError::Lost { .. }), Err(error)) => Err(lost(error.into())),
            (rest, _) => rest,
        },
    }
}

fn request(endpoint: &Endpoint, token: Option<&str>, call: &Call) -> Result<Request<Full<Bytes>>, ClientError> {
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(&call.path)
        .header(header::HOST, endpoint.host_header())
        .header(header::ACCEPT, "application/json")
        .header(header::CONNECTION, "close")
        .header(header::USER_AGENT, concat!("convene/", env!("CARGO_PKG_VERSION")));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if let Some(key) = &call.key {
        request = request.header("idempotency-key", key.as_str());
    }
    if call.body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request.body(Full::new(call.body.clone().unwrap_or_default())).map_err(ClientError::request)
}

/// Opens the WebSocket at a path.
pub(super) async fn upgrade(endpoint: &Endpoint, token: Option<&str>, path: &str) -> Result<WebSocket, ClientError> {
    let host = endpoint.host_header();
    let mut request = tungstenite::handshake::client::Request::builder()
        .uri(format!("ws://{host}{path}"))
        .header(header::HOST, &host)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, tungstenite::handshake::client::generate_key())
        .header(header::USER_AGENT, concat!("convene/", env!("CARGO_PKG_VERSION")));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(()).map_err(ClientError::request)?;
    let socket = connect(endpoint).await?;
    let config = tungstenite::protocol::WebSocketConfig::default()
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX));
    let lost = |source| ClientError::Lost { endpoint: endpoint.to_string(), source };
    let handshake = tokio_tungstenite::client_async_with_config(request, socket, Some(config));
    match timeout(ANSWER_WITHIN, handshake).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(response))) => Err(refused(&response)),
        Ok(Err(error)) => Err(lost(error.into())),
        Err(_) => Err(lost("no answer in time".into())),
    }
}

fn refused(response: &http::Response<Option<Vec<u8>>>) -> ClientError {
    let answer = Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.body().clone().unwrap_or_default().into(),
    };
    let problem: Problem = answer.problem();
    ClientError::Problem(problem)
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(s) => Pin::new(s).poll_read(cx, buf),
            Self::Tcp(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(s) => Pin::new(s).poll_write(cx, buf),
            Self::Tcp(s) => Pin::new(s).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(s) => Pin::new(s).poll_flush(cx),
            Self::Tcp(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(s) => Pin::new(s).poll_shutdown(cx),
            Self::Tcp(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}
