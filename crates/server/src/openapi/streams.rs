//! What does not fit an operation: messages of event streams, and the WebSocket.

use serde_json::{Value, json};

use super::schemas::reference;

/// The socket's path. It is no operation: a client that is no WebSocket can only be refused there.
const SOCKET: &str = "/v1/ws";

/// Describes streams and the socket.
pub fn describe(document: &mut Value) {
    for (path, message, of) in
        [("/v1/sessions/{id}/events", "EventMessage", "Event"), ("/v1/events", "ListMessage", "ListFrame")]
    {
        document["components"]["schemas"][message] = json!({
            "type": "object",
            "description": "A message of a stream of server-sent events.",
            "required": ["id", "data"],
            "properties": {
                "id": {"type": "string", "pattern": "^[0-9]+$", "description": "The cursor after it: come back with \
                    it as `Last-Event-ID` or `after`."},
                "event": {"type": "string", "description": "Absent for what `data` is described as. `hole`, in a \
                    session's stream: events are lost, and `data` is the frame of the socket that says which. Pass over \
                    what you do not know."},
                "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": reference(of)},
            },
        });
        let content = document["paths"][path]["get"]["responses"]["200"]["content"].get_mut("text/event-stream");
        if let Some(content) = content {
            content["schema"] = reference(message);
        }
    }
    let Some(Value::Object(paths)) = document.get_mut("paths") else { return };
    let Some(socket) = paths.remove(SOCKET) else { return };
    let mut told = json!({
        "description": "One socket for the list and any number of sessions. The server says `hello` first; the client \
            then subscribes to `list` or to sessions, each from a cursor. What is said in the past comes first, then \
            `caught_up`, then what happens. The token is shown as with requests. The server closes with a reason that \
            begins with a code: `lagged` to a client that reads too slowly, `unauthorized` when the token has ended, \
            `unavailable` when it stops; come back by cursor.",
        "client": reference("ClientFrame"),
        "server": {"anyOf": [reference("ServerFrame"), reference("ListFrame"), reference("TopicEvent")]},
    });
    told["summary"] = socket["get"]["summary"].clone();
    document["x-websockets"] = json!({SOCKET: told});
}
