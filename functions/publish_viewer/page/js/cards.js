// A card of an event: what one sees of it in a list. It is changed in place, so that what has the focus keeps it.

import { eventPath, get } from "./api.js";
import { element, safe } from "./dom.js";
import { amount, clock, lasting, percent } from "./format.js";

const RETRY_MS = [3000, 9000, 27_000];

export class Card {
  constructor(event, eager) {
    this.eager = eager;
    this.link = element("a", { href: `#/${eventPath(event)}` });
    this.node = element("li", { class: "card" }, this.link);
    this.draw(event);
  }

  // The same event comes with new links from time to time: what is not loaded yet is loaded by them.
  update(event) {
    if (this.event.revision !== event.revision) return this.draw(event);
    this.event = event;
    if (this.picture instanceof HTMLImageElement && !this.picture.complete) this.picture.src = safe(event.links.picture);
    return undefined;
  }

  draw(event) {
    const moved = this.event?.best.resultId !== event.best.resultId;
    this.event = event;
    if (moved) this.picture = this.pictured();
    this.node.classList.toggle("seen", event.reviewed);
    this.link.replaceChildren(element("span", { class: "shown" }, this.picture, ...badges(event)), facts(event));
  }

  // The picture is kept some seconds after the event is told, and its link ends after a while: the last try is by a new one.
  pictured() {
    const { event } = this;
    const place = element("span", { class: "none" }, "no picture yet");
    const waits = [...RETRY_MS];
    const shown = element("img", {
      alt: `${Object.keys(event.labels).join(", ")} on ${event.streamName}`, width: 960, height: 540, decoding: "async",
      loading: this.eager ? "eager" : "lazy", fetchpriority: this.eager && "high",
    });
    const load = (address) => {
      const source = address && safe(address);
      if (source) shown.src = source;
    };
    shown.addEventListener("error", async () => {
      shown.replaceWith(place);
      if (waits.length === 0) return;
      await new Promise((done) => setTimeout(done, waits.shift()));
      const last = waits.length === 0 && event === this.event;
      load((last ? (await get(eventPath(event))).body : this.event).links.picture);
    });
    shown.addEventListener("load", () => place.replaceWith(shown));
    load(event.links.picture);
    return shown.src ? shown : place;
  }
}

function badges(event) {
  return [
    element(
      "span", { class: "badges" },
      event.class === "ALERT" && element("span", { class: "badge alert" }, "Alert"),
      !event.closed && element("span", { class: "badge live" }, "Going on"),
      event.held && element("span", { class: "badge" }, "Held"),
      event.reviewed && element("span", { class: "badge good" }, "✓ Reviewed"),
    ),
    element("span", { class: "length" }, `${lasting(event.startedAt, event.lastSeenAt)} · ${amount(event.pictures, "picture")}`),
  ];
}

function facts(event) {
  return element(
    "span", { class: "facts" },
    element("span", { class: "line" }, element("strong", {}, event.streamName), clock(event.startedAt)),
    element("span", { class: "chips" }, ...labels(event)),
  );
}

export function labels(event) {
  return [
    ...Object.entries(event.labels).map(([label, sure]) => element("span", { class: "chip" }, element("b", {}, label), ` ${percent(sure)}`)),
    ...event.zones.map((zone) => element("span", { class: "chip zone" }, `in ${zone}`)),
  ];
}
