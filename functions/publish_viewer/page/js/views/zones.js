// The zone editor: parts of a camera's image to include or exclude, saved in the configuration document.

import { getCameraImage } from "../client/operations.js";
import { CameraRules } from "../components/camera_rules.js";
import { PolygonCanvas } from "../components/polygon_canvas.js";
import { ruleRow, zoneRow } from "../components/zone_rows.js";
import { button, element, heading, messageOf, notice, placeholder } from "../dom/elements.js";
import { includingZones } from "../logic/rules.js";

/** @type {View} */
export async function zones(_, { show }, stream) {
  const editor = new Editor(stream);
  await editor.rules.read();
  editor.draw(show);
  const background = editor.loadBackground();
  const warn = (/** @type {Event} */ event) => editor.hasUnsavedChanges && event.preventDefault();
  addEventListener("beforeunload", warn);
  return {
    hasUnsavedChanges: () => editor.hasUnsavedChanges,
    leave: async () => {
      removeEventListener("beforeunload", warn);
      URL.revokeObjectURL(await background);
    },
  };
}

class Editor {
  selected = -1;
  canvas = new PolygonCanvas({
    changed: () => this.rules.markChanged(),
    chosen: (index) => this.select(index),
    finished: (polygon) => this.add(polygon),
  });
  list = element("ul", { class: "zones" });
  ruleList = element("div");
  problems = element("div", { role: "alert" });
  state = element("span", { class: "quiet", role: "status" });
  tools = element("div", { class: "row" });
  saveButton = button("Save", () => this.save(), { class: "primary" });

  /** @param {string} stream */
  constructor(stream) {
    this.stream = stream;
    this.rules = new CameraRules(stream, () => this.state.replaceChildren("Not saved yet."));
  }

  get hasUnsavedChanges() {
    return this.rules.hasChanges || Boolean(this.canvas.drawing?.length);
  }

  get zones() {
    return this.rules.settings.zones;
  }

  /** @param {Show} show */
  draw(show) {
    show(
      element("nav", { class: "bar", "aria-label": "Cameras" }, element("a", { href: "#/cameras" }, "← Cameras")),
      heading(`Zones of ${this.stream}`),
      element(
        "div",
        { class: "columns" },
        element("section", { "aria-label": "Image" }, this.canvas.node, this.tools),
        this.form(),
      ),
    );
    this.redraw();
  }

  form() {
    return element(
      "section",
      { "aria-label": "Zones and rules" },
      element("h2", {}, "Zones"),
      this.list,
      element("h2", {}, "Rules"),
      this.ruleList,
      this.problems,
      element("p", { class: "row" }, this.saveButton, this.state),
    );
  }

  /** @returns {Promise<string>} the object URL of the image, to be revoked; empty without an image */
  async loadBackground() {
    try {
      const source = URL.createObjectURL(await getCameraImage(this.stream));
      this.canvas.background.replaceChildren(element("img", { src: source, alt: `${this.stream}, a recent image` }));
      return source;
    } catch (error) {
      this.canvas.background.replaceChildren(placeholder(messageOf(error)));
      return "";
    }
  }

  redraw() {
    this.canvas.show(this.zones, this.selected);
    this.drawZones();
    this.ruleList.replaceChildren(...this.rules.settings.rules.map((rule) => this.ruleRow(rule)));
    this.drawTools();
  }

  drawZones() {
    const rows = this.zones.map((zone, index) => this.zoneRow(zone, index));
    const none = element("li", { class: "quiet" }, "No zones: the whole image is analyzed.");
    this.list.replaceChildren(...(rows.length ? rows : [none]));
  }

  /**
   * @param {Zone} zone
   * @param {number} index
   */
  zoneRow(zone, index) {
    return zoneRow(zone, index === this.selected, {
      focused: () => this.highlight(index),
      renamed: (name) => {
        this.rules.renameZone(zone, name);
        this.redraw();
      },
      kindChanged: (kind) => {
        this.rules.changeKind(zone, kind);
        this.redraw();
      },
      removed: () => this.remove(index),
    });
  }

  /** @param {Rule} rule */
  ruleRow(rule) {
    const zones = includingZones(this.rules.settings);
    return ruleRow(rule, zones, (zone, isIncluded) => this.rules.limitRule(rule, zone, isIncluded));
  }

  drawTools() {
    const corner = button("Add a corner", () => this.canvas.addCorner());
    this.tools.replaceChildren(...(this.canvas.drawing ? this.drawingTools(corner) : this.editingTools(corner)));
  }

  /** @param {HTMLElement} corner */
  drawingTools(corner) {
    return [
      button("Finish", () => this.finish(), { class: "primary" }),
      corner,
      button("Cancel", () => this.cancel()),
      element("span", { class: "quiet" }, "Click or tap the corners, then the first one again to finish."),
    ];
  }

  /** @param {HTMLElement} corner */
  editingTools(corner) {
    return [
      button("Draw a zone", () => this.begin()),
      ...(this.selected < 0 ? [] : [corner]),
      element("span", { class: "quiet" }, "Drag corners, move them with the arrow keys, and remove them with Delete."),
    ];
  }

  begin() {
    this.selected = -1;
    this.canvas.show(this.zones, -1);
    this.canvas.begin();
    this.drawTools();
  }

  finish() {
    if (!this.canvas.finish()) notice("A zone needs at least three corners.");
  }

  cancel() {
    this.canvas.cancel();
    this.drawTools();
  }

  /** @param {Corner[]} polygon */
  add(polygon) {
    this.rules.addZone(polygon);
    this.select(this.zones.length - 1);
    const name = this.list.lastElementChild?.querySelector("input");
    name?.focus();
    name?.select();
  }

  /** @param {number} index */
  select(index) {
    this.selected = index;
    this.redraw();
  }

  /**
   * Selects a zone without drawing the list again, which would lose the focus.
   * @param {number} index
   */
  highlight(index) {
    this.selected = index;
    this.canvas.show(this.zones, index);
    for (const [at, row] of [...this.list.children].entries()) row.classList.toggle("selected", at === index);
    this.drawTools();
  }

  /** @param {number} index */
  remove(index) {
    this.rules.removeZone(index);
    this.select(-1);
  }

  async save() {
    this.saveButton.disabled = true;
    this.problems.replaceChildren();
    try {
      const problems = await this.rules.save();
      if (problems.length) this.problems.replaceChildren(problemList(problems));
      else this.state.textContent = "Saved. The rules apply within a minute.";
    } finally {
      this.saveButton.disabled = false;
    }
  }
}

/** @param {string[]} problems */
const problemList = (problems) =>
  element("ul", { class: "broken plain" }, ...problems.map((line) => element("li", {}, line)));
