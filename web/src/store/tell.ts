/** What each event does to a transcript. */
import { isLost } from "./damage";
import type { Draft } from "./draft";
import { isFinal, type ToolCall } from "./items";
import type { Event, EventOf, KnownEvent } from "./types";

/** Adds one event. */
export function tell(draft: Draft, given: Event): void {
  const event = given as KnownEvent;
  switch (event.type) {
    case "turn_queued":
      queued(draft, event);
      break;
    case "queue_entry_edited":
      draft.change(event, `prompt:${event.turn}`, "prompt", { content: event.content });
      break;
    case "queue_entry_moved":
      moved(draft, event);
      break;
    case "queue_entry_dropped":
      draft.queue = draft.queue.filter((turn) => turn !== event.turn);
      draft.change(event, `prompt:${event.turn}`, "prompt", { state: "dropped" });
      break;
    case "turn_started":
      started(draft, event);
      break;
    case "turn_requeued":
      if (event.turn) draft.queue = [event.turn, ...draft.queue.filter((turn) => turn !== event.turn)];
      draft.turn(event, { started_at: null, number: null });
      draft.change(event, `prompt:${event.turn}`, "prompt", { state: "queued" });
      break;
    case "turn_ended":
      ended(draft, event);
      break;
    case "message_appended":
      said(draft, event);
      break;
    case "tool_call_updated":
      called(draft, event, null);
      break;
    case "plan_updated":
      draft.plan = event.entries;
      draft.add(event, { kind: "plan", entries: event.entries }, `plan:${event.seq}`);
      break;
    case "permission_requested":
      called(draft, event, event.request);
      draft.add(event, { kind: "permission", asked: event, decided: null }, `permission:${event.request}`);
      break;
    case "permission_decided":
      draft.change(event, `permission:${event.request}`, "permission", { decided: event });
      break;
    case "elicitation_requested":
      draft.add(event, { kind: "question", asked: event, answered: null }, `question:${event.request}`);
      break;
    case "elicitation_answered":
      draft.change(event, `question:${event.request}`, "question", { answered: event });
      break;
    case "agent_sign_in_requested":
    case "agent_signed_in":
    case "agent_sign_in_failed":
    case "agent_auth_required":
    case "attempt_failed":
    case "config_rejected":
    case "session_stopped":
    case "session_hibernated":
    case "session_kept_awake":
    case "session_cleared":
    case "repair_completed":
    case "turn_inactive":
    case "session_unhealthy":
    case "session_recovered":
    case "agent_context_lost":
    case "workspace_ready":
    case "log_note":
      draft.add(event, { kind: "note", event }, `note:${event.seq}`);
      break;
    case "session_rewound":
      draft.cut(event, event.to_seq);
      draft.add(event, { kind: "note", event }, `note:${event.seq}`);
      break;
    case "session_created":
      if (event.fork) draft.add(event, { kind: "note", event }, `note:${event.seq}`);
      break;
    case "session_updated":
    case "session_waiting":
    case "attempt_assigned":
    case "attempt_refused":
    case "attempt_started":
    case "attempt_ended":
    case "agent_launched":
    case "agent_initialized":
    case "agent_session_started":
    case "agent_exited":
    case "agent_diagnostic":
    case "config_updated":
    case "config_requested":
    case "agent_commands_updated":
    case "turn_handed_over":
    case "turn_cancel_requested":
    case "usage_updated":
    case "session_stopping":
    case "session_resumed":
    case "session_hibernating":
    case "session_archived":
    case "session_unarchived":
    case "session_deleted":
      break;
    default:
      // Of those that are lost together the first one is told.
      if (isLost(given) && given.seq > given.from) break;
      draft.add(given, { kind: "unknown", event: given }, `unknown:${given.seq}`);
      event satisfies never;
  }
}

function queued(draft: Draft, event: EventOf<"turn_queued">): void {
  if (!event.turn) return;
  draft.queue = event.front ? [event.turn, ...draft.queue] : [...draft.queue, event.turn];
  draft.turn(event, { queued_at: event.at });
  const { content, source = "user", command = null } = event;
  draft.add(event, { kind: "prompt", content, source, command, state: "queued" }, `prompt:${event.turn}`);
}

function moved(draft: Draft, event: EventOf<"queue_entry_moved">): void {
  if (!event.turn || !draft.queue.includes(event.turn)) return;
  const others = draft.queue.filter((turn) => turn !== event.turn);
  const place = Math.max(0, event.position - 1);
  draft.queue = [...others.slice(0, place), event.turn, ...others.slice(place)];
}

/** A prompt stands where its turn begins, not where it was queued. */
function started(draft: Draft, event: EventOf<"turn_started">): void {
  draft.queue = draft.queue.filter((turn) => turn !== event.turn);
  draft.turn(event, { started_at: event.at, number: event.number });
  draft.close(event);
  const id = `prompt:${event.turn}`;
  const prompt = draft.find(id, "prompt");
  if (prompt === null) return;
  const place = draft.place(id) ?? 0;
  if (place < draft.items.length - 1) {
    draft.items.splice(place, 1);
    for (let at = place; at < draft.items.length; at += 1) {
      const item = draft.items[at];
      if (item) draft.places.set(item.id, at);
    }
    draft.places.set(id, draft.items.length);
    draft.items.push(prompt);
  }
  draft.change(event, id, "prompt", { state: "started" });
}

function ended(draft: Draft, event: EventOf<"turn_ended">): void {
  draft.turn(event, { ended: event });
  draft.close(event);
  for (let at = draft.items.length - 1; at >= 0; at -= 1) {
    const item = draft.items[at];
    if (!item || (item.turn !== event.turn && item.turn !== null)) break;
    if (item.kind === "tool" && item.turn === event.turn && !isFinal(item.call)) {
      draft.items[at] = { ...item, cut_off: true, until: event.at, version: event.seq };
    }
  }
  draft.add(event, { kind: "note", event }, `note:${event.seq}`);
}

function said(draft: Draft, event: EventOf<"message_appended">): void {
  if (event.role === "user") return;
  const text = event.content.type === "text" ? event.content.text : "";
  // Most of what comes is the next piece of what is being said: that is found without a look at the index.
  const item = draft.items.at(-1);
  if (
    item?.kind === "message" &&
    item.open &&
    item.message === event.message &&
    item.channel === event.channel
  ) {
    const others = event.content.type === "text" ? item.others : [...item.others, event.content];
    draft.items[draft.items.length - 1] = {
      ...item,
      text: item.text + text,
      others,
      until: event.at,
      version: event.seq,
    };
    return;
  }
  const id = `message:${event.message}:${event.channel}`;
  const held = draft.find(id, "message");
  const others = event.content.type === "text" ? [] : [event.content];
  if (held === null) {
    const { message, channel, at } = event;
    draft.add(event, { kind: "message", message, channel, text, others, until: at, open: true }, id);
    draft.open = [id];
    return;
  }
  if (!held.open) draft.open = [...draft.open, id];
  draft.change(event, id, "message", {
    text: held.text + text,
    others: others.length === 0 ? held.others : [...held.others, ...others],
    until: event.at,
    open: true,
  });
}

/** A tool call, told or asked about: some agents ask before they tell. */
function called(
  draft: Draft,
  event: EventOf<"tool_call_updated"> | EventOf<"permission_requested">,
  permission: string | null,
): void {
  const id = `tool:${event.turn}:${event.tool_call.id}`;
  const held = draft.find(id, "tool");
  if (held === null) {
    const { tool_call: call, at } = event;
    draft.add(event, { kind: "tool", call, until: at, permission, cut_off: false }, id);
    return;
  }
  const call = merged(held.call, event.tool_call);
  const until = permission === null ? event.at : held.until;
  const cut_off = held.cut_off && !isFinal(call);
  draft.change(event, id, "tool", { call, until, permission: permission ?? held.permission, cut_off });
}

/** What the newer one tells; what it does not tell stays, lists are replaced whole. */
function merged(old: ToolCall, newer: ToolCall): ToolCall {
  const next = { ...old, ...newer };
  for (const [name, value] of Object.entries(old)) {
    // What is absent in JSON is not there at all; a null says as little.
    if (next[name as keyof ToolCall] == null) Object.assign(next, { [name]: value });
  }
  return next;
}
