// Takes the login link from the fragment, then shows the list of sessions as it changes. By cursor: after a break it
// subscribes again after the last frame that it saw.
"use strict";

const sessions = new Map();
const rows = new Map();
const byId = (id) => document.getElementById(id);
let cursor = null;
let epoch = null;
let pause = 500;

function tell(text) {
  byId("message").textContent = text;
  byId("message").hidden = text === "";
}

async function logIn() {
  const token = new URLSearchParams(location.hash.slice(1)).get("t");
  if (token === null) return;
  // The link is worth nothing after this, and has no business in the history.
  history.replaceState(null, "", location.pathname);
  const answer = await fetch("/v1/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (answer.ok) return;
  const known = await fetch("/v1/status");
  if (known.ok) return;
  const problem = await answer.json();
  throw new Error(problem.detail + (problem.hint ? ": " + problem.hint : ""));
}

async function load() {
  const answer = await fetch("/v1/sessions?view=row&limit=500");
  if (answer.status === 401) throw new Error("this page wants a link of its own: run `convene open`");
  if (!answer.ok) throw new Error((await answer.json()).detail);
  const page = await answer.json();
  sessions.clear();
  for (const session of page.items) sessions.set(session.id, session);
  cursor = page.pos;
  epoch = page.epoch;
  draw();
}

function cells(session) {
  const when = new Date(session.updated_at).toLocaleTimeString();
  const line = session.last_line ? session.last_line.text : session.waiting ? session.waiting.detail : "";
  return [session.short_id, session.badge, session.agent, session.title, line, when];
}

function draw() {
  const body = byId("sessions");
  const order = [...sessions.values()].filter((s) => !s.archived).sort((a, b) => (a.id < b.id ? 1 : -1));
  for (const [id, row] of rows) {
    if (!sessions.has(id) || sessions.get(id).archived) {
      row.remove();
      rows.delete(id);
    }
  }
  order.forEach((session, place) => {
    let row = rows.get(session.id);
    if (row === undefined) {
      row = document.createElement("tr");
      for (let i = 0; i < 6; i += 1) row.append(document.createElement("td"));
      rows.set(session.id, row);
    }
    cells(session).forEach((text, i) => {
      const cell = row.children[i];
      if (cell.textContent !== text) {
        cell.textContent = text;
        cell.title = text;
      }
    });
    if (body.children[place] !== row) body.insertBefore(row, body.children[place] ?? null);
  });
  byId("empty").hidden = order.length > 0;
}

let drawing = false;
function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

function take(frame) {
  if (frame.type === "problem") {
    if (frame.problem.code === "cursor_too_old") return start();
    return tell(frame.problem.detail);
  }
  if (frame.pos !== undefined) cursor = Math.max(cursor, frame.pos);
  if (frame.type === "session:deleted") sessions.delete(frame.data.id);
  else if (frame.type.startsWith("session:")) sessions.set(frame.data.id, frame.data);
  drawSoon();
}

function follow() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(scheme + "//" + location.host + "/v1/ws");
  socket.onopen = () => {
    pause = 500;
    byId("link").textContent = "live";
    socket.send(JSON.stringify({ op: "subscribe", topic: "list", after: cursor, epoch }));
  };
  socket.onmessage = (message) => take(JSON.parse(message.data));
  socket.onclose = () => {
    byId("link").textContent = "reconnecting";
    setTimeout(follow, pause);
    pause = Math.min(pause * 2, 10000);
  };
}

async function start() {
  try {
    await load();
    tell("");
    return true;
  } catch (error) {
    tell(error.message);
    byId("link").textContent = "not connected";
    return false;
  }
}

(async () => {
  try {
    await logIn();
  } catch (error) {
    tell(error.message);
    byId("link").textContent = "not connected";
    return;
  }
  if (await start()) follow();
})();
