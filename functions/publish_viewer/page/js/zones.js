// The zone editor: which parts of a camera's picture matter, saved into the rules document.

import { ApiError, blob, call, get, streamPath } from "./api.js";
import { Canvas } from "./canvas.js";
import { choice, element, field, heading, notice } from "./dom.js";
import { changed, entryOf, free, pruned, renamed } from "./rules.js";

const KINDS = [["INCLUDE", "watched"], ["EXCLUDE", "ignored"]];

export async function zones(_, { show }, stream) {
  const editor = new Editor(stream);
  await editor.read();
  editor.draw(show);
  const shown = editor.background();
  const warn = (event) => editor.pending && event.preventDefault();
  addEventListener("beforeunload", warn);
  return {
    unsaved: () => editor.pending,
    leave: async () => {
      removeEventListener("beforeunload", warn);
      URL.revokeObjectURL(await shown);
    },
  };
}

class Editor {
  constructor(stream) {
    this.stream = stream;
    this.selected = -1;
    this.unsaved = false;
    this.canvas = new Canvas({
      changed: () => this.touched(),
      chosen: (index) => this.select(index),
      finished: (polygon) => this.added(polygon),
    });
    this.list = element("ul", { class: "zones" });
    this.rules = element("div", {});
    this.problems = element("div", { role: "alert" });
    this.state = element("span", { class: "quiet", role: "status" });
    this.tools = element("div", { class: "row" });
    this.saving = element("button", { type: "button", class: "primary", onclick: () => this.save() }, "Save");
  }

  get pending() {
    return this.unsaved || this.canvas.drawing?.length > 0;
  }

  async read() {
    const { body } = await get("rules");
    this.document = body.document ?? { schemaVersion: 1, cameras: [] };
    this.tag = body.etag;
    const entry = entryOf(this.document, this.stream) ?? body.default;
    this.entry = structuredClone({ ...entry, zones: entry.zones ?? [] });
  }

  draw(show) {
    show(
      element("nav", { class: "way", "aria-label": "Cameras" }, element("a", { href: "#/cameras" }, "← Cameras")),
      heading(`Zones of ${this.stream}`),
      element(
        "div", { class: "event" },
        element("section", { "aria-label": "Picture" }, this.canvas.node, this.tools),
        element(
          "section", { "aria-label": "Zones and rules" },
          element("h2", {}, "Zones"), this.list, element("h2", {}, "Rules"), this.rules, this.problems,
          element("p", { class: "row" }, this.saving, this.state),
        ),
      ),
    );
    this.redraw();
  }

  async background() {
    try {
      const address = URL.createObjectURL(await blob(`cameras/${streamPath(this.stream)}/picture`));
      this.canvas.picture.replaceChildren(element("img", { src: address, alt: `${this.stream}, a recent picture` }));
      return address;
    } catch (error) {
      this.canvas.picture.replaceChildren(element("span", { class: "none" }, error.message));
      return "";
    }
  }

  redraw() {
    const { zones } = this.entry;
    this.canvas.show(zones, this.selected);
    this.list.replaceChildren(...zones.map((zone, index) => this.line(zone, index)));
    if (zones.length === 0) this.list.replaceChildren(element("li", { class: "quiet" }, "None: all of the picture counts."));
    this.rules.replaceChildren(...this.entry.rules.map((rule) => this.rule(rule)));
    this.drawTools();
  }

  drawTools() {
    const button = (text, onclick, more = {}) => element("button", { type: "button", onclick, ...more }, text);
    const corner = button("Add a corner", () => this.canvas.addCorner());
    const hint = (text) => element("span", { class: "quiet" }, text);
    this.tools.replaceChildren(...(this.canvas.drawing
      ? [button("Finish", () => this.finish(), { class: "primary" }), corner, button("Cancel", () => this.cancel()),
        hint("Click or tap the corners, the first one again to finish.")]
      : [button("Draw a zone", () => this.begin()), ...(this.selected < 0 ? [] : [corner]),
        hint("Corners can be dragged, moved by arrow keys, and removed with Delete.")]));
  }

  begin() {
    this.selected = -1;
    this.canvas.show(this.entry.zones, -1);
    this.canvas.begin();
    this.drawTools();
  }

  finish() {
    if (!this.canvas.finish()) notice("A zone has three corners or more.");
  }

  cancel() {
    this.canvas.cancel();
    this.drawTools();
  }

  added(polygon) {
    this.entry.zones.push({ name: free(this.entry), polygon });
    this.touched();
    this.select(this.entry.zones.length - 1);
    const name = this.list.lastChild.querySelector("input");
    name.focus();
    name.select();
  }

  select(index) {
    this.selected = index;
    this.redraw();
  }

  touched() {
    this.unsaved = true;
    this.state.textContent = "Not saved yet.";
  }

  line(zone, index) {
    const name = element("input", {
      name: "zone", value: zone.name, required: true, maxlength: 64, "aria-label": "Name", onfocus: () => this.pointed(index),
      onchange: () => this.rename(zone, name.value.trim()),
    });
    const kind = choice("kind", KINDS, zone.kind ?? "INCLUDE", (value) => this.turn(zone, value));
    kind.setAttribute("aria-label", `${zone.name} is`);
    const remove = element("button", { type: "button", class: "plain", "aria-label": `Remove ${zone.name}`, onclick: () => this.remove(index) }, "✕");
    return element("li", { class: index === this.selected ? "selected" : "" }, name, kind, remove);
  }

  // Without drawing the list anew, which would take the focus from what was pointed at.
  pointed(index) {
    this.selected = index;
    this.canvas.show(this.entry.zones, index);
    [...this.list.children].forEach((line, at) => line.classList.toggle("selected", at === index));
    this.drawTools();
  }

  rename(zone, name) {
    this.entry = renamed(this.entry, zone.name, name);
    zone.name = name;
    this.touched();
    this.redraw();
  }

  turn(zone, kind) {
    zone.kind = kind;
    this.entry = pruned(this.entry);
    this.touched();
    this.redraw();
  }

  remove(index) {
    this.entry.zones.splice(index, 1);
    this.entry = pruned(this.entry);
    this.touched();
    this.select(-1);
  }

  rule(rule) {
    const named = this.entry.zones.filter((zone) => zone.kind !== "EXCLUDE");
    const box = (zone) => element("input", {
      type: "checkbox", checked: rule.zones?.includes(zone.name) ?? false, onchange: (event) => this.bind(rule, zone, event.target.checked),
    });
    const what = `${rule.labels?.length ? rule.labels.join(", ") : "anything"}, ${rule.minimumConfidence ?? 0} % or surer`;
    return element(
      "fieldset", {}, element("legend", {}, `${rule.name}: ${what}`),
      ...named.map((zone) => field(`only in ${zone.name}`, box(zone), { class: "check" })),
      !rule.zones?.length && element("p", { class: "quiet" }, "Wherever it is in the picture."),
    );
  }

  bind(rule, zone, on) {
    const others = (rule.zones ?? []).filter((name) => name !== zone.name);
    rule.zones = on ? [...others, zone.name] : others;
    this.touched();
  }

  async save() {
    this.saving.disabled = true;
    this.problems.replaceChildren();
    try {
      const document = changed(this.document, this.stream, this.entry);
      const { body } = await call("PUT", "rules", { body: { document }, seen: this.tag });
      Object.assign(this, { document, tag: body.etag, unsaved: false });
      this.state.textContent = "Saved. Pictures are judged by it within a minute.";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      await this.told(error);
    } finally {
      this.saving.disabled = false;
    }
  }

  // The document is everybody's: if somebody else has changed it, this camera's part is put into theirs.
  async told(error) {
    const lines = error.details?.problems ?? [error.message];
    if (error.status === 412) {
      const { entry } = this;
      await this.read();
      this.entry = entry;
      lines.splice(0, lines.length, "Somebody else has changed the rules meanwhile. What you see is kept: save it again to make it theirs, too.");
    }
    const text = (line) => (typeof line === "string" ? line : `${line.place}: ${line.message}`);
    this.problems.replaceChildren(element("ul", { class: "broken plain" }, ...lines.map((line) => element("li", {}, text(line)))));
  }
}
