//! A client of the WebSocket.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, Message, client::IntoClientRequest as _, protocol::WebSocketConfig},
};

use super::{SOON, Server};

pub struct Socket {
    inner: WebSocketStream<TcpStream>,
}

impl Socket {
    /// Opens `/v1/ws` as the owner, and takes the hello.
    pub async fn open(server: &Server) -> Self {
        let mut socket = Self::open_at(server, "/v1/ws", &server.token, &[]).await.unwrap();
        let hello = socket.next().await;
        assert_eq!(hello["type"], "hello");
        assert_eq!(hello["epoch"], server.info.epoch);
        socket
    }

    /// Opens a path with a token and further headers.
    pub async fn open_at(
        server: &Server,
        path: &str,
        token: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let stream = TcpStream::connect(server.info.addr).await.unwrap();
        let mut request = format!("ws://{}{path}", server.info.addr).into_client_request().unwrap();
        if !token.is_empty() {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let config = WebSocketConfig::default().max_message_size(Some(64 << 20)).max_frame_size(Some(64 << 20));
        let (inner, _) = client_async_with_config(request, stream, Some(config)).await?;
        Ok(Self { inner })
    }

    pub async fn say(&mut self, frame: &Value) {
        self.inner.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// Ends the connection without a farewell.
    pub async fn drop_link(&mut self) {
        tokio::io::AsyncWriteExt::shutdown(self.inner.get_mut()).await.unwrap();
    }

    pub async fn subscribe(&mut self, topic: &str, after: Option<u64>) {
        self.say(&json!({"op": "subscribe", "topic": topic, "after": after})).await;
    }

    /// The next frame; pings are answered on the way. A close comes as `{"close": …}`, the end as `null`.
    pub async fn next(&mut self) -> Value {
        timeout(SOON, self.read()).await.expect("a frame in time")
    }

    /// As [`Self::next`], but waits for as long as it takes.
    pub async fn read(&mut self) -> Value {
        loop {
            match self.inner.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.map(|f| (u16::from(f.code), f.reason.to_string()));
                    return json!({"close": frame});
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Value::Null,
            }
        }
    }

    /// The next frame that fits; the others are dropped.
    pub async fn next_that(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                let frame = self.next().await;
                assert!(!frame.is_null(), "the socket ended");
                if fits(&frame) {
                    return frame;
                }
            }
        };
        timeout(SOON, found).await.expect("the frame in time")
    }
}
