// One event: its pictures with boxes, its video, its record; what one may say of it, and take away of it.

import { ApiError, address, call, eventPath, get } from "./api.js";
import { labels } from "./cards.js";
import { element, heading, notice, safe } from "./dom.js";
import { listAddress, neighbours } from "./events.js";
import { amount, clock, lasting, size, time } from "./format.js";
import { Player } from "./player.js";
import { Stage } from "./stage.js";

const EVERY_MS = 5000;
const CHANGING_MS = 20 * 60_000;
const LINKS_MS = 6 * 60_000;
const TRIES = 3;
const MARKS = {
  reviewed: ["Reviewed", "Somebody has looked at it.", "Nobody has looked at it yet."],
  held: ["Hold", "Held: it never expires.", "It will expire with its evidence."],
};

export async function event(_, { show }, stream, eventId) {
  const path = eventPath({ streamName: stream, eventId });
  const { body, tag } = await get(path);
  const page = new Page(path, body, tag);
  page.draw(show);
  return { leave: () => page.leave() };
}

class Page {
  constructor(path, shown, tag) {
    this.path = path;
    this.shown = shown;
    this.tag = tag;
    this.stage = new Stage();
    this.player = new Player();
    this.strip = element("div", { class: "frames", role: "group", "aria-label": "Pictures", onkeydown: (pressed) => this.move(pressed) });
    this.marked = element("div", { class: "marks" });
    this.facts = element("div", {});
    this.bundle = element("div", { role: "status" });
  }

  draw(show) {
    const { shown } = this;
    show(
      this.way(), heading(`${Object.keys(shown.labels).join(", ")} on ${shown.streamName}`),
      element(
        "div", { class: "event" },
        element("section", { "aria-label": "Pictures", class: "pictures" }, this.stage.node, this.strip),
        element("section", { "aria-label": "Video" }, this.player.node),
        element("section", { "aria-label": "Facts" }, this.marked, this.facts),
      ),
    );
    this.marked.append(...Object.keys(MARKS).map((name) => this.mark(name)), this.download());
    this.change(shown, this.tag);
    this.film();
    this.timer = setInterval(() => document.hidden || this.refresh(), EVERY_MS);
  }

  way() {
    const { newer, older } = neighbours(this.shown);
    const to = (event, text) => event && element("a", { class: "button", href: `#/${eventPath(event)}` }, text);
    return element(
      "nav", { class: "way", "aria-label": "Events" },
      element("a", { href: listAddress() }, "← Events"), element("span", { class: "row" }, to(newer, "‹ Newer"), to(older, "Older ›")),
    );
  }

  leave() {
    clearInterval(this.timer);
    this.player.stop();
  }

  // What goes on may get more pictures, and its video comes after its end; links are renewed before they end.
  async refresh() {
    const { closed, video, lastSeenAt } = this.shown;
    const settled = closed && (video?.complete || Date.now() - Date.parse(lastSeenAt) > CHANGING_MS);
    if (settled && Date.now() - this.readAt < LINKS_MS) return;
    const { unchanged, body, tag } = await get(this.path, {}, this.tag).catch(() => ({ unchanged: true }));
    if (unchanged) return;
    this.change(body, tag);
    if (!this.player.begun) this.film();
  }

  change(shown, tag) {
    this.readAt = Date.now();
    this.shown = shown;
    this.tag = tag;
    this.redraw.forEach((draw) => draw());
    const seen = this.frame?.resultId ?? shown.best.resultId;
    this.drawFrames();
    this.choose(shown.frames.find((one) => one.resultId === seen) ?? shown.frames[0]);
    this.facts.replaceChildren(...factsOf(shown));
  }

  redraw = [];

  drawFrames() {
    const { frames, pictures } = this.shown;
    this.buttons = new Map(frames.map((frame) => [frame.resultId, this.thumbnail(frame)]));
    const rest = pictures > frames.length && element("p", { class: "quiet" }, `${frames.length} of ${pictures} pictures`);
    this.strip.replaceChildren(...this.buttons.values(), ...(rest ? [rest] : []));
  }

  thumbnail(frame) {
    const source = safe(frame.links.picture);
    return element(
      "button", { type: "button", "aria-pressed": "false", onclick: () => this.choose(frame, true) },
      element("img", { src: source, alt: "", width: 128, height: 72, loading: "lazy", decoding: "async" }), clock(frame.imageTimestamp),
    );
  }

  choose(frame, seek = false) {
    this.frame = frame;
    this.buttons.forEach((button, id) => button.setAttribute("aria-pressed", String(id === frame?.resultId)));
    this.stage.show(frame, this.shown.links.picture);
    if (seek) this.player.seek(secondsInto(this.shown.video, frame.imageTimestamp));
  }

  move(pressed) {
    const all = [...this.buttons.values()];
    const at = all.indexOf(document.activeElement);
    const to = all[at + ({ ArrowRight: 1, ArrowLeft: -1 }[pressed.key] ?? 0)];
    if (at < 0 || !to || to === all[at]) return;
    pressed.preventDefault();
    to.focus();
    to.click();
  }

  async film() {
    try {
      await this.player.play((await get(`${this.path}/playback`)).body);
    } catch (error) {
      const { closed, video } = this.shown;
      this.player.tell(closed && video?.complete ? error.message : `${error.message} It may come when the event is over.`);
    }
  }

  mark(name) {
    const [text, isSet, isNot] = MARKS[name];
    const button = element("button", { type: "button", onclick: () => this.toggle(name, button) }, text);
    const told = element("small", { class: "quiet" });
    this.redraw.push(() => {
      const on = this.shown[name];
      button.setAttribute("aria-pressed", String(on));
      told.textContent = on ? isSet : isNot;
    });
    return element("div", {}, button, told);
  }

  // While an event goes on it changes by itself; what somebody else has marked meanwhile is theirs to undo.
  async toggle(name, button) {
    const wanted = !this.shown[name];
    button.disabled = true;
    try {
      for (let left = TRIES; this.shown[name] !== wanted; left -= 1) {
        try {
          const { body, tag } = await call("PATCH", this.path, { body: { [name]: wanted }, seen: this.tag });
          this.change({ ...this.shown, reviewed: body.reviewed, held: body.held }, tag);
        } catch (error) {
          if (!(error instanceof ApiError) || error.status !== 412 || left === 1) throw error;
          const { body, tag } = await get(this.path);
          this.change(body, tag);
        }
      }
    } catch (error) {
      notice(error.message);
    } finally {
      button.disabled = false;
      button.focus();
    }
  }

  download() {
    const button = element("button", { type: "button", onclick: () => this.pack(button) }, "Download the evidence");
    return element("div", {}, button, this.bundle);
  }

  async pack(button) {
    button.disabled = true;
    this.bundle.replaceChildren(element("small", { class: "quiet" }, "Packing …"));
    try {
      const { body } = await call("POST", `${this.path}/bundle`);
      const link = element("a", { href: safe(body.link), download: "" }, "Save it again");
      this.bundle.replaceChildren(link, manifest(body.manifest.files));
      link.click();
    } catch (error) {
      this.bundle.replaceChildren(element("small", { class: "broken" }, error.message));
    } finally {
      button.disabled = false;
    }
  }
}

const manifest = (files) => element(
  "details", {}, element("summary", {}, amount(files.length, "file")),
  element("ul", { class: "plain" }, ...files.map((one) => element(
    "li", {}, `${one.name}, ${size(one.bytes)} `, element("code", { title: "SHA-256" }, one.sha256),
  ))),
);

// Where in the video a moment is: its fragments follow one another, and what lies between them is not in it.
function secondsInto(video, iso) {
  const at = Date.parse(iso);
  let before = 0;
  for (const { startedAt, lengthMs } of video?.fragments ?? []) {
    if (!startedAt) return undefined;
    const into = at - Date.parse(startedAt);
    if (into < lengthMs) return (before + Math.max(0, into)) / 1000;
    before += lengthMs;
  }
  return undefined;
}

function factsOf(shown) {
  const pairs = [
    ["Camera", element("a", { href: address("events", { stream: shown.streamName }) }, shown.streamName)],
    ["Class", element("span", { class: shown.class === "ALERT" ? "broken" : "" }, shown.class.toLowerCase())],
    ["From", time(shown.startedAt)],
    ["To", element("span", {}, time(shown.lastSeenAt), shown.closed ? "" : ", and going on")],
    ["Length", `${lasting(shown.startedAt, shown.lastSeenAt)}, ${amount(shown.pictures, "picture")}`],
    ["Seen", element("span", { class: "chips" }, ...labels(shown))], ["Rules", shown.rules.join(", ")],
  ];
  const tags = Object.entries(shown.tags ?? {});
  return [
    listed(pairs),
    tags.length > 0 && element("h2", {}, "Tags of the producer"), tags.length > 0 && listed(tags),
    ...missing(shown.video?.missing ?? []),
    element("details", {}, element("summary", {}, "Record"), element("pre", { tabindex: "0" }, JSON.stringify(shown.record ?? {}, null, 2))),
  ].filter(Boolean);
}

const listed = (pairs) => element("dl", {}, ...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));

function missing(parts) {
  if (parts.length === 0) return [];
  const told = (one) => (one.startedAt ? [clock(one.startedAt), " to ", clock(one.endedAt), `: ${one.reason}`] : [one.reason]);
  return [element("h2", {}, "Missing from the video"), element("ul", { class: "plain" }, ...parts.map((one) => element("li", {}, ...told(one))))];
}
