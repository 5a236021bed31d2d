// Following a request until it is over: server-sent events, read by fetch since that can send a key; else by asking again and again.

import { ask, authorization, passing, Problem } from "./api.js";

const ASK_EVERY = 1500;
const pause = (time, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, time);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });

/** Calls `onStatus` with each new status until the request is over or `signal` aborts, `onAway` with the Problem of a server that is
 *  away for now. Throws a Problem if the request does not exist. */
export async function watch(id, { onStatus, onAway, signal }) {
  while (!signal.aborted) {
    try {
      if (await byEvents(id, onStatus, signal)) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && !passing(error)) throw error;
    }
    await pause(ASK_EVERY, signal); // the stream broke or there is none: ask once, then try again
    if (signal.aborted) return;
    try {
      const status = await ask(`status/${id}`, { signal });
      onStatus(status);
      if (status.completed_at) return;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) continue;
      if (!passing(error)) throw error;
      onAway(error);
    }
  }
}

/** True if the stream said that the request is over; one that was erased is done without an end. */
async function byEvents(id, onStatus, signal) {
  const response = await fetch(`events/${id}`, { signal, headers: { ...authorization(), Accept: "text/event-stream" } });
  if (!response.ok) throw await Problem.ofResponse(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return false;
    buffer += value;
    const events = buffer.split("\n\n");
    buffer = events.pop();
    for (const event of events) {
      const { name, data } = parse(event);
      if (!data) continue;
      const status = JSON.parse(data);
      onStatus(status);
      if (name === "done") return status.completed_at !== null;
    }
  }
}

function parse(event) {
  const fields = { name: "message", data: "" };
  for (const line of event.split("\n")) {
    if (line.startsWith("event: ")) fields.name = line.slice(7);
    if (line.startsWith("data: ")) fields.data += line.slice(6);
  }
  return fields;
}
