// Zones over an image, drawn by mouse, touch or keyboard. Each corner is a button, so that it can be reached and moved
// without a pointer.

import { element, placeholder, shape } from "../dom/elements.js";
import {
  clamped,
  contains,
  cornerLabel,
  cornerOfLongestSide,
  MINIMUM_CORNERS,
  movedByKey,
  nextCorner,
  pointsAttribute,
} from "../logic/polygon.js";

/**
 * @typedef {object} CanvasListener
 * @property {() => void} changed a zone's polygon was changed
 * @property {(index: number) => void} chosen a zone was clicked; -1 for none
 * @property {(polygon: Corner[]) => void} finished a polygon was drawn
 */

export class PolygonCanvas {
  /** @type {Zone[]} */
  zones = [];
  selected = -1;
  /** The corners that have been drawn so far. @type {Corner[] | undefined} */
  drawing = undefined;
  outlines = shape("svg", { viewBox: "0 0 1000 1000", preserveAspectRatio: "none", "aria-hidden": "true" });
  corners = element("div", { class: "corners" });
  background = element("div", { class: "background" }, placeholder("Loading …"));
  node = element("div", { class: "image canvas" }, this.background, this.outlines, this.corners);

  /** @param {CanvasListener} listener */
  constructor(listener) {
    this.listener = listener;
    this.node.addEventListener("click", (event) => this.click(event));
  }

  /**
   * @param {Zone[]} zones
   * @param {number} selected -1 for none
   */
  show(zones, selected) {
    this.zones = zones;
    this.selected = selected;
    this.redraw();
  }

  begin() {
    this.drawing = [];
    this.redraw();
  }

  /** @returns {boolean} false, and nothing is done, with fewer corners than a polygon has */
  finish() {
    if (!this.drawing || this.drawing.length < MINIMUM_CORNERS) return false;
    const polygon = this.drawing;
    this.drawing = undefined;
    this.listener.finished(polygon);
    return true;
  }

  cancel() {
    this.drawing = undefined;
    this.redraw();
  }

  /** The polygon whose corners are shown. */
  get polygon() {
    return this.drawing ?? this.zones[this.selected]?.polygon;
  }

  /** Adds a corner without a pointer, and focuses it. */
  addCorner() {
    const { polygon } = this;
    if (!polygon) return;
    const { index, corner } = this.drawing
      ? { index: polygon.length, corner: nextCorner(polygon) }
      : cornerOfLongestSide(polygon);
    polygon.splice(index, 0, corner);
    if (!this.drawing) this.listener.changed();
    this.redraw();
    this.focusCorner(index);
  }

  /** @param {MouseEvent} event */
  click(event) {
    if (/** @type {Element} */ (event.target).closest(".corner")) return;
    const point = this.pointOf(event);
    if (this.drawing) {
      this.drawing.push(point);
      this.redraw();
    } else this.listener.chosen(this.zones.findIndex((zone) => contains(zone.polygon, point)));
  }

  /**
   * @param {MouseEvent} event
   * @returns {Corner}
   */
  pointOf({ clientX, clientY }) {
    const box = this.node.getBoundingClientRect();
    return clamped([(clientX - box.left) / box.width, (clientY - box.top) / box.height]);
  }

  redraw() {
    const { polygon = [] } = this;
    this.node.classList.toggle("drawing", this.drawing !== undefined);
    this.outlines.replaceChildren(
      ...this.zones.map((zone, index) => outlineOf(zone, index === this.selected)),
      ...(this.drawing ? [shape("polyline", { class: "selected", points: pointsAttribute(this.drawing) })] : []),
    );
    this.corners.replaceChildren(...polygon.map((_, index) => this.corner(polygon, index)));
  }

  /**
   * @param {Corner[]} polygon
   * @param {number} index
   */
  corner(polygon, index) {
    const handle = element("button", { type: "button", class: "corner" });
    const move = (/** @type {Corner} */ to) => this.move(handle, polygon, index, to);
    place(handle, polygon, index);
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      handle.onpointermove = (moved) => move(this.pointOf(moved));
    });
    for (const name of ["pointerup", "pointercancel"]) {
      handle.addEventListener(name, () => {
        handle.onpointermove = null;
      });
    }
    handle.addEventListener("click", () => this.drawing && index === 0 && this.finish());
    handle.addEventListener("keydown", (event) => this.pressKey(event, polygon, index, move));
    return handle;
  }

  /**
   * @param {HTMLElement} handle
   * @param {Corner[]} polygon
   * @param {number} index
   * @param {Corner} to
   */
  move(handle, polygon, index, to) {
    polygon[index] = to;
    place(handle, polygon, index);
    this.redrawOutline(polygon);
    if (!this.drawing) this.listener.changed();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {Corner[]} polygon
   * @param {number} index
   * @param {(to: Corner) => void} move
   */
  pressKey(event, polygon, index, move) {
    const to = movedByKey(polygon[index], event.key, event.shiftKey);
    const isRemoval = event.key === "Delete" || event.key === "Backspace";
    if (to || isRemoval) event.preventDefault();
    if (to) move(to);
    if (isRemoval) this.removeCorner(polygon, index);
  }

  /**
   * @param {Corner[]} polygon
   * @param {number} index
   */
  removeCorner(polygon, index) {
    if (!this.drawing && polygon.length <= MINIMUM_CORNERS) return;
    polygon.splice(index, 1);
    if (!this.drawing) this.listener.changed();
    this.redraw();
    this.focusCorner(Math.min(index, polygon.length - 1));
  }

  /** @param {number} index */
  focusCorner(index) {
    const handle = this.corners.children[index];
    if (handle instanceof HTMLElement) handle.focus();
  }

  /** @param {Corner[]} polygon */
  redrawOutline(polygon) {
    const at = this.drawing ? this.zones.length : this.selected;
    this.outlines.children[at]?.setAttribute("points", pointsAttribute(polygon));
  }
}

/**
 * @param {Zone} zone
 * @param {boolean} isSelected
 */
const outlineOf = ({ polygon, kind }, isSelected) =>
  shape("polygon", { class: `${kind ?? "INCLUDE"}${isSelected ? " selected" : ""}`, points: pointsAttribute(polygon) });

/**
 * Places and labels the handle of a corner.
 * @param {HTMLElement} handle
 * @param {Corner[]} polygon
 * @param {number} index
 */
function place(handle, polygon, index) {
  const [across, down] = polygon[index];
  handle.style.left = `${100 * across}%`;
  handle.style.top = `${100 * down}%`;
  handle.setAttribute("aria-label", cornerLabel(polygon, index));
}
