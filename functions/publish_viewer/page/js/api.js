// The API of serve_viewer. Every answer has a body and a tag; an error says what the service said.

import { refused, token } from "./session.js";

export class ApiError extends Error {
  constructor(status, message, details) {
    super(message);
    this.status = status;
    this.details = details;
  }
}

export async function call(method, path, { query = {}, body, seen } = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== ""));
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (seen !== undefined) headers[method === "GET" ? "If-None-Match" : "If-Match"] = seen;
  const answer = await send(`${path}${asked.size ? `?${asked}` : ""}`, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.status === 304) return { unchanged: true, tag: seen };
  if (!answer.ok) throw await problem(answer);
  return { body: await answer.json(), tag: answer.headers.get("ETag") };
}

export const get = (path, query, seen) => call("GET", path, { query, seen });

// Something that is no document: a camera's picture.
export async function blob(path) {
  const answer = await send(path, {});
  if (!answer.ok) throw await problem(answer);
  return answer.blob();
}

async function send(path, { headers, ...more }) {
  const shown = token();
  if (shown === null) await refused();
  let answer;
  try {
    answer = await fetch(`api/${path}`, { ...more, headers: { ...headers, Authorization: `Bearer ${shown}` } });
  } catch {
    throw new ApiError(0, "The service can't be reached.");
  }
  if (answer.status !== 401) return answer;
  // Somebody may have signed in meanwhile.
  if (shown === token()) await refused();
  return send(path, { headers, ...more });
}

async function problem(answer) {
  const told = await answer.json().catch(() => ({}));
  const message = told.error?.message ?? told.message ?? `The service answered ${answer.status}.`;
  return new ApiError(answer.status, message, told.error);
}

export const streamPath = (stream) => encodeURIComponent(stream);

export const eventPath = (event) => `events/${encodeURIComponent(event.streamName)}/${encodeURIComponent(event.eventId)}`;

export const address = (path, query) => {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  return `#/${path}${asked.size ? `?${asked}` : ""}`;
};
