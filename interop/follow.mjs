// Follows a session's events over SSE as a browser does, also over the death of the server, and keeps what came.

import { setTimeout as delay } from "node:timers/promises";

export class Follower {
  #stop = new AbortController();
  #done;

  /** Follows from the beginning; `convene` may be killed and started again meanwhile. */
  constructor(convene, session) {
    this.session = session;
    this.events = [];
    this.faults = [];
    this.#done = this.#run(convene);
  }

  /** All that the agent said aloud, as this client saw it. */
  get text() {
    const said = this.events.filter((e) => e.type === "message_appended" && e.role === "agent" && e.channel === "answer");
    return said.map((e) => e.content.text ?? "").join("");
  }

  /** Waits until what was seen is so. */
  async until(what, predicate, patience = 60_000) {
    for (const end = Date.now() + patience; !predicate(this); await delay(10)) {
      if (Date.now() > end) throw new Error(`${what}: not seen in ${patience} ms; the text is ${this.text.slice(-200)}`);
    }
  }

  async end() {
    this.#stop.abort();
    await this.#done;
  }

  async #run(convene) {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#read(convene);
      } catch {
        // The server died in the middle; it is asked again from the last event on.
      }
      if (!this.#stop.signal.aborted) await delay(20);
    }
  }

  async #read(convene) {
    const headers = { authorization: `Bearer ${convene.token}`, accept: "text/event-stream" };
    headers["last-event-id"] = String(this.events.at(-1)?.seq ?? 0);
    const response = await fetch(`${convene.url}/v1/sessions/${this.session}/events`, { headers, signal: this.#stop.signal });
    let rest = "";
    for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + bytes).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const data = block.split("\n").find((line) => line.startsWith("data:"));
        if (data) this.#take(JSON.parse(data.slice(5)));
      }
    }
  }

  #take(event) {
    if (event.seq === undefined) return;
    const before = this.events.at(-1)?.seq ?? 0;
    if (event.seq !== before + 1) this.faults.push(`event ${event.seq} came after ${before}`);
    this.events.push(event);
  }
}
