// When something happened on a day, camera by camera: a strip of 24 hours each.

import { address, get } from "./api.js";
import { element, shape } from "./dom.js";
import { amount } from "./format.js";

const MINUTES = 1440;
const AT_ONCE = 6;

export class Activity {
  turn = 0;

  constructor() {
    this.rows = element("div", { class: "strips" });
    this.title = element("summary", {}, "Activity");
    this.node = element("details", { class: "activity", open: matchMedia("(min-width: 50rem)").matches }, this.title, this.rows);
  }

  // Answers can come in another order than they were asked for: only the last one asked for is drawn.
  async draw(wanted) {
    const day = wanted.day || new Date().toISOString().slice(0, 10);
    this.turn += 1;
    const { turn } = this;
    try {
      const { body } = await get("activity", { day, stream: wanted.stream });
      if (this.turn === turn) this.drawn(day, body);
    } catch (error) {
      if (this.turn === turn) this.title.textContent = `Activity could not be read: ${error.message}`;
    }
  }

  drawn(day, body) {
    this.title.textContent = `Activity of ${amount(body.streams.length, "camera")} on ${day}, UTC`;
    const strips = body.streams.map((one) => strip(one, day));
    const rest = strips.slice(AT_ONCE);
    const all = element("button", { type: "button", class: "plain", onclick: () => all.replaceWith(...rest) }, `${amount(rest.length, "more camera")}`);
    this.rows.replaceChildren(hours(), ...strips.slice(0, AT_ONCE), ...(rest.length ? [all] : []));
  }
}

const hours = () => element(
  "div", { class: "strip hours", "aria-hidden": "true" },
  element("span", {}), element("span", {}, ...["00", "06", "12", "18", "24"].map((hour) => element("span", {}, hour))),
);

function strip({ stream, sessions }, day) {
  const start = Date.parse(`${day}T00:00:00Z`);
  const at = (iso) => Math.min(MINUTES, Math.max(0, (Date.parse(iso) - start) / 60_000));
  const bars = sessions.map((one) => shape("rect", {
    class: one.class, x: Math.min(MINUTES - 3, at(one.startedAt)), y: 0, height: 10,
    width: Math.max(3, at(one.lastSeenAt) - at(one.startedAt)),
  }));
  const quarters = [1, 2, 3].map((one) => shape("path", { d: `M${one * 360} 0V10` }));
  const open = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const minute = (MINUTES * (event.clientX - box.left)) / box.width;
    const far = (one) => Math.max(0, at(one.startedAt) - minute, minute - at(one.lastSeenAt));
    const nearest = sessions.reduce((best, one) => (far(one) < far(best) ? one : best));
    location.hash = address(`events/${encodeURIComponent(stream)}/${encodeURIComponent(nearest.eventId)}`, {});
  };
  const told = `${stream}: ${amount(sessions.length, "event")}, ${amount(sessions.filter((one) => one.class === "ALERT").length, "alert")}`;
  return element(
    "div", { class: "strip" },
    element("a", { href: address("events", { stream, day }), title: told }, stream, element("small", {}, String(sessions.length))),
    shape(
      "svg", { viewBox: `0 0 ${MINUTES} 10`, preserveAspectRatio: "none", role: "img", "aria-label": told, onclick: open },
      shape("title", {}, `${told}. Click opens the nearest.`), ...quarters, ...bars,
    ),
  );
}
