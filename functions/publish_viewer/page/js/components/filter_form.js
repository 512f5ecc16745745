// The filters of the session list, folded away on small screens.

import { element } from "../dom/elements.js";
import { choice, field, inputValue, Suggestions } from "../dom/fields.js";
import { filterCount } from "../logic/filters.js";

/** @type {[string, string][]} */
const CLASSES = [
  ["", "any"],
  ["ALERT", "alert"],
  ["ACTIVITY", "activity"],
];
/** @type {[string, string][]} */
const REVIEWED = [
  ["", "any"],
  ["false", "not yet"],
  ["true", "reviewed"],
];

export class FilterForm {
  known = {
    stream: new Suggestions("known-cameras"),
    label: new Suggestions("known-labels"),
    zone: new Suggestions("known-zones"),
  };
  count = element("span");
  showAll = element("a", { class: "button", href: "#/sessions" }, "Show all");

  /** @param {(name: string, value: string) => void} changed */
  constructor(changed) {
    this.form = this.newForm(changed);
    const wide = matchMedia("(min-width: 50rem)");
    const summary = element("summary", {}, "Filter", this.count);
    this.node = element("details", { class: "filters", open: wide.matches }, summary, this.form);
    wide.addEventListener("change", () => {
      this.node.open = wide.matches;
    });
  }

  /** @param {(name: string, value: string) => void} changed */
  newForm(changed) {
    const change = (/** @type {string} */ name) => (/** @type {string} */ value) => changed(name, value.trim());
    const text = (/** @type {string} */ name, /** @type {Attributes} */ more) =>
      element("input", {
        name,
        size: 12,
        autocomplete: "off",
        onchange: (event) => change(name)(inputValue(event)),
        ...more,
      });
    return element(
      "form",
      { class: "row", role: "search", "aria-label": "Filter sessions", onsubmit: (event) => event.preventDefault() },
      field("Camera", text("stream", { type: "text", list: "known-cameras" })),
      field("Label", text("label", { type: "text", list: "known-labels" })),
      field("Zone", text("zone", { type: "text", list: "known-zones" })),
      field("Class", choice("class", CLASSES, "", change("class"))),
      field("Reviewed", choice("reviewed", REVIEWED, "", change("reviewed"))),
      field("Day", text("day", { type: "date" })),
      this.showAll,
    );
  }

  get suggestions() {
    return Object.values(this.known).map((one) => one.node);
  }

  /** @param {SessionFilters} filters */
  fill(filters) {
    for (const input of this.form.elements) {
      const name = input.getAttribute("name");
      if (name) Reflect.set(input, "value", filters[/** @type {keyof SessionFilters} */ (name)]);
    }
    const count = filterCount(filters);
    this.count.textContent = count ? ` (${count})` : "";
    this.showAll.hidden = count === 0;
  }

  /** @param {Session} session */
  suggest(session) {
    this.known.stream.add([session.streamName]);
    this.known.label.add(Object.keys(session.labels));
    this.known.zone.add(session.zones);
  }
}
