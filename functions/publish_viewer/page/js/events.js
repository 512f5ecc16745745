// The events: what is wanted of them stands in the address, so that a view can be sent to somebody.

import { Activity } from "./activity.js";
import { address } from "./api.js";
import { Suggestions, choice, element, field, heading } from "./dom.js";
import { List, keyOf } from "./list.js";

const FILTERS = ["stream", "label", "zone", "class", "day", "reviewed"];

let kept;

export async function events(query, { fresh, show }) {
  const view = !fresh && kept?.list.young && same(kept.list.wanted, wantedOf(query)) ? kept : new View();
  kept = view;
  view.open(wantedOf(query), show);
  return { update: (asked) => view.change(wantedOf(asked)), leave: () => view.leave() };
}

// Those before and after an event in the list that was left for it, and the list's own address.
export const neighbours = (event) => kept?.list.neighbours(keyOf(event)) ?? {};

export const listAddress = () => address("events", kept?.list.wanted ?? {});

const wantedOf = (query) => Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));

const same = (one, other) => FILTERS.every((name) => one[name] === other[name]);

class View {
  constructor() {
    this.activity = new Activity();
    this.known = { stream: new Suggestions("known-cameras"), label: new Suggestions("known-labels"), zone: new Suggestions("known-zones") };
    this.count = element("span", {});
    this.all = element("a", { class: "button", href: "#/events" }, "Show all");
    this.filters = this.form();
    const wide = matchMedia("(min-width: 50rem)");
    this.folded = element("details", { class: "filters", open: wide.matches }, element("summary", {}, "Filter", this.count), this.filters);
    wide.addEventListener("change", () => { this.folded.open = wide.matches; });
    this.place = element("div", {});
  }

  open(wanted, show) {
    show(heading("Events"), this.folded, this.activity.node, this.place, ...Object.values(this.known).map((one) => one.node));
    if (!this.list) {
      this.change(wanted);
      return;
    }
    scrollTo(0, this.scrolled);
    this.list.resume();
    this.list.woken();
  }

  // Filters can be changed again before the events are there.
  change(wanted) {
    this.list?.leave();
    this.list = new List(wanted, () => this.changed());
    for (const input of this.filters.elements) if (input.name) input.value = wanted[input.name];
    const some = Object.values(wanted).filter(Boolean).length;
    this.count.textContent = some ? ` (${some})` : "";
    this.all.hidden = some === 0;
    this.place.replaceChildren(this.list.node);
    const { list } = this;
    list.begin().then(() => this.suggest(), (error) => list.failed(error));
    this.activity.draw(wanted);
  }

  changed() {
    this.suggest();
    this.activity.draw(this.list.wanted);
  }

  suggest() {
    for (const { event } of this.list.cards.values()) {
      this.known.stream.add([event.streamName]);
      this.known.label.add(Object.keys(event.labels));
      this.known.zone.add(event.zones);
    }
  }

  leave() {
    this.scrolled = scrollY;
    this.list.leave();
  }

  form() {
    const go = (name) => (value) => {
      location.hash = address("events", { ...this.list.wanted, [name]: value.trim() });
    };
    const text = (name, list, type = "text") => element("input", {
      name, type, list, size: 12, autocomplete: "off", onchange: (event) => go(name)(event.target.value),
    });
    return element(
      "form", { class: "row", role: "search", "aria-label": "Filter events", onsubmit: (event) => event.preventDefault() },
      field("Camera", text("stream", "known-cameras")), field("Label", text("label", "known-labels")), field("Zone", text("zone", "known-zones")),
      field("Class", choice("class", [["", "any"], ["ALERT", "alert"], ["ACTIVITY", "detection"]], "", go("class"))),
      field("Reviewed", choice("reviewed", [["", "any"], ["false", "not yet"], ["true", "reviewed"]], "", go("reviewed"))),
      field("Day (UTC)", text("day", undefined, "date")), this.all,
    );
  }
}
