// The cards of one filter, newest first, by day; more of them as one scrolls, and new ones by themselves.

import { get } from "./api.js";
import { Card } from "./cards.js";
import { element } from "./dom.js";
import { amount, dayKey, dayName } from "./format.js";

const EVERY_MS = 5000;
const EAGER = innerWidth < 800 ? 2 : 6; // what is seen at once
const NEAR_PX = 800;
const FRUITLESS = 5;
const READING_PX = 200;

export class List {
  constructor(wanted, changed) {
    this.wanted = wanted;
    this.changed = changed;
    this.begunAt = Date.now();
    this.cards = new Map();
    this.waiting = new Map();
    this.days = new Map();
    this.order = [];
    this.fruitless = 0;
    this.grid = element("ul", { class: "cards", "aria-label": "Events", onkeydown: (event) => this.move(event) });
    this.status = element("p", { class: "unseen", role: "status" });
    this.trouble = element("p", { class: "broken", role: "alert", hidden: true });
    this.newer = element("button", { type: "button", class: "newer primary", hidden: true, onclick: () => this.showNewer() });
    this.end = element("div", { class: "end quiet" }, "Loading …");
    this.node = element("div", {}, this.status, this.trouble, this.newer, this.grid, this.end);
    this.watcher = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.more(), { rootMargin: `${NEAR_PX}px` });
    this.woken = () => document.hidden || this.refresh();
  }

  async begin() {
    const { body, tag } = await get("events", this.wanted);
    this.tag = tag;
    this.take(body.events, false);
    this.went(body);
    if (!this.left) this.resume();
  }

  failed(error) {
    const again = element("button", { type: "button", onclick: () => this.begin().then(this.changed, (next) => this.failed(next)) }, "Try again");
    this.end.replaceChildren(element("p", { role: "alert" }, error.message), again);
  }

  resume() {
    this.left = false;
    this.watcher.observe(this.end);
    this.timer = setInterval(this.woken, EVERY_MS);
    document.addEventListener("visibilitychange", this.woken);
  }

  leave() {
    this.left = true;
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.woken);
    this.watcher.disconnect();
  }

  get young() {
    return Date.now() - this.begunAt < 10 * 60_000;
  }

  async more() {
    if (this.loading || this.cursor === null || this.fruitless >= FRUITLESS) return;
    this.loading = true;
    try {
      const { body } = await get("events", { ...this.wanted, cursor: this.cursor });
      this.take(body.events, false);
      this.went(body);
    } catch (error) {
      this.cursor = null;
      this.end.replaceChildren(`Older events could not be read: ${error.message}`);
    } finally {
      this.loading = false;
    }
    const { top } = this.end.getBoundingClientRect();
    if (this.end.isConnected && top < innerHeight + NEAR_PX) this.more();
  }

  // A filter that few events pass may lead far back: after some requests for nothing it is for a person to go on.
  went({ events, cursor, lookedBackTo }) {
    this.cursor = cursor;
    this.fruitless = events.length ? 0 : this.fruitless + 1;
    const on = () => {
      this.fruitless = 0;
      this.more();
    };
    const stuck = this.fruitless >= FRUITLESS && cursor !== null;
    const told = stuck ? element("button", { type: "button", onclick: on }, `Look further back than ${lookedBackTo}`) : "Older events come as you scroll.";
    this.end.replaceChildren(cursor === null ? this.whole() : told);
    this.status.textContent = `${amount(this.order.length, "event")} shown`;
  }

  whole() {
    if (this.order.length) return "That is all.";
    return Object.values(this.wanted).some(Boolean) ? "No event is like that." : "Nothing was seen yet. Events appear here by themselves.";
  }

  async refresh() {
    let seen;
    try {
      seen = await get("events", this.wanted, this.tag);
      this.trouble.hidden = true;
    } catch (error) {
      this.trouble.textContent = `${error.message} Trying again …`;
      this.trouble.hidden = false;
      return;
    }
    if (seen.unchanged || this.left) return;
    this.tag = seen.tag;
    this.renew(seen.body);
    if (this.cursor === null) this.end.replaceChildren(this.whole());
    this.changed();
  }

  // The first page as it is now. If nothing of it is known, more has come than it holds, and the list begins anew.
  renew(page) {
    this.drop(page);
    this.gap = this.order.length && !page.events.some((event) => this.cards.has(keyOf(event))) ? page : undefined;
    this.take(page.events, true);
    if (this.gap && scrollY <= READING_PX) this.showNewer();
  }

  // What is no longer like that, reviewed meanwhile for example, or is gone.
  drop({ events, cursor }) {
    const still = new Set(events.map(keyOf));
    const last = events.length ? keyOf(events.at(-1)) : "";
    if (cursor !== null && !events.length) return;
    for (const key of this.order.filter((one) => (cursor === null || one > last) && !still.has(one))) {
      this.cards.get(key).node.remove();
      this.cards.delete(key);
      this.order.splice(this.order.indexOf(key), 1);
    }
    for (const [day, heading] of this.days) {
      if (this.grid.querySelector(`.card[data-day="${day}"]`)) continue;
      heading.remove();
      this.days.delete(day);
    }
  }

  // While somebody reads further down, new events wait above, lest everything moves under their eyes.
  take(events, newer) {
    for (const event of events) {
      const key = keyOf(event);
      if (this.cards.has(key)) this.cards.get(key).update(event);
      else if (newer && scrollY > READING_PX) this.waiting.set(key, event);
      else this.insert(key, event, newer);
    }
    this.newer.hidden = this.waiting.size === 0;
    this.newer.textContent = `↑ ${amount(this.waiting.size, "new event")}`;
  }

  showNewer() {
    scrollTo({ top: 0 });
    const { gap } = this;
    if (gap) this.clear();
    this.waiting.forEach((event, key) => this.cards.has(key) || this.insert(key, event, true));
    this.waiting.clear();
    if (gap) {
      this.take(gap.events, false);
      this.went(gap);
    }
    this.newer.hidden = true;
    this.links()[0]?.focus({ preventScroll: true });
  }

  clear() {
    [this.cards, this.days].forEach((all) => all.clear());
    this.order = [];
    this.gap = undefined;
    this.grid.replaceChildren();
  }

  insert(key, event, newer) {
    const card = new Card(event, this.order.length < EAGER);
    card.node.dataset.day = dayKey(openedAt(event));
    if (newer) card.node.classList.add("new");
    this.cards.set(key, card);
    const after = this.order.findIndex((one) => one < key);
    const at = after < 0 ? this.order.length : after;
    this.order.splice(at, 0, key);
    const before = at > 0 ? this.cards.get(this.order[at - 1]).node : undefined;
    this.headed(event, before).after(card.node);
  }

  // What the card comes after: the one before it, or its day's heading, which may have to be made.
  headed(event, before) {
    const day = dayKey(openedAt(event));
    if (before?.dataset.day === day) return before;
    if (!this.days.has(day)) {
      const made = element("li", { class: "day", "data-day": day }, element("h2", {}, dayName(openedAt(event).toISOString())));
      this.days.set(day, made);
      if (before) before.after(made);
      else this.grid.prepend(made);
    }
    return this.days.get(day);
  }

  neighbours(key) {
    const at = this.order.indexOf(key);
    const event = (index) => this.cards.get(this.order[index])?.event;
    return at < 0 ? {} : { newer: event(at - 1), older: event(at + 1) };
  }

  links() {
    return [...this.grid.querySelectorAll("a")];
  }

  // Arrow keys go from card to card as they lie, Home and End to the first and to the last that is loaded.
  move(event) {
    const links = this.links();
    const at = links.indexOf(document.activeElement);
    const to = {
      ArrowRight: () => links[at + 1], ArrowLeft: () => links[at - 1], Home: () => links[0], End: () => links.at(-1),
      ArrowDown: () => below(links[at], links, 1), ArrowUp: () => below(links[at], links, -1),
    }[event.key];
    if (at < 0 || !to) return;
    to()?.focus();
    event.preventDefault();
  }
}

// Sorts as the API does.
export const keyOf = (event) => `${event.eventId}/${event.streamName}`;

// An id begins with the moment in which the session opened, by which events are sorted.
const openedAt = (event) => new Date(Number(event.eventId.slice(0, 15)));

function below(from, links, direction) {
  const here = from.getBoundingClientRect();
  const far = (link) => {
    const there = link.getBoundingClientRect();
    return [direction * (there.top - here.top), Math.abs(there.left - here.left)];
  };
  const found = links.map((link) => [far(link), link]).filter(([[down]]) => down > 1);
  found.sort(([[down, side]], [[otherDown, otherSide]]) => down - otherDown || side - otherSide);
  return found[0]?.[1];
}
