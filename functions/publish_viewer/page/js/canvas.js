// Polygons over a picture, drawn by mouse, touch or keyboard. Corners are shares of the picture, [across, down], as the
// rules document has them; each is a button, so that it can be reached and moved without a pointer.

import { element, shape } from "./dom.js";

const STEP = 0.01;
const LARGE_STEP = 0.05;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Canvas {
  // `changed` is told when a polygon was changed, `chosen` which one was pointed at, `finished` of one that was drawn.
  constructor({ changed, chosen, finished }) {
    this.told = { changed, chosen, finished };
    this.zones = [];
    this.selected = -1;
    this.drawing = undefined;
    this.outlines = shape("svg", { viewBox: "0 0 1000 1000", preserveAspectRatio: "none", "aria-hidden": "true" });
    this.corners = element("div", { class: "corners" });
    this.picture = element("div", { class: "behind" }, element("span", { class: "none" }, "Loading …"));
    this.node = element("div", { class: "picture canvas" }, this.picture, this.outlines, this.corners);
    this.node.addEventListener("click", (event) => this.clicked(event));
  }

  show(zones, selected) {
    this.zones = zones;
    this.selected = selected;
    this.redraw();
  }

  begin() {
    this.drawing = [];
    this.redraw();
  }

  // False, and nothing is done, while it has fewer corners than a polygon.
  finish() {
    if (!this.drawing || this.drawing.length < 3) return false;
    const polygon = this.drawing;
    this.drawing = undefined;
    this.told.finished(polygon);
    return true;
  }

  cancel() {
    this.drawing = undefined;
    this.redraw();
  }

  get polygon() {
    return this.drawing ?? this.zones[this.selected]?.polygon;
  }

  // For who has no pointer: a new polygon's corner comes beside the last one, another's into its longest side.
  addCorner() {
    const points = this.polygon;
    if (!points) return;
    let at = points.length;
    if (this.drawing) points.push(inside(at ? [points[at - 1][0] + 0.1, points[at - 1][1] + (at % 2 ? 0 : 0.1)] : [0.4, 0.4]));
    else {
      const length = (index) => Math.hypot(...[0, 1].map((axis) => points[index][axis] - points[(index + 1) % points.length][axis]));
      const longest = points.map((_, index) => index).reduce((best, index) => (length(index) > length(best) ? index : best));
      const next = points[(longest + 1) % points.length];
      at = longest + 1;
      points.splice(at, 0, inside([0, 1].map((axis) => (points[longest][axis] + next[axis]) / 2)));
      this.told.changed();
    }
    this.redraw();
    this.corners.children[at].focus();
  }

  clicked(event) {
    if (event.target.closest(".corner")) return;
    const place = this.place(event);
    if (this.drawing) {
      this.drawing.push(place);
      this.redraw();
    } else this.told.chosen(this.zones.findIndex((zone) => contains(zone.polygon, place)));
  }

  place({ clientX, clientY }) {
    const box = this.node.getBoundingClientRect();
    return inside([(clientX - box.left) / box.width, (clientY - box.top) / box.height]);
  }

  redraw() {
    this.node.classList.toggle("drawing", this.drawing !== undefined);
    const drawn = this.zones.map((zone, index) => outline(zone.polygon, `${zone.kind ?? "INCLUDE"}${index === this.selected ? " selected" : ""}`));
    if (this.drawing) drawn.push(outline(this.drawing, "selected", "polyline"));
    this.outlines.replaceChildren(...drawn);
    const points = this.polygon ?? [];
    this.corners.replaceChildren(...points.map((point, index) => this.corner(points, index)));
  }

  corner(points, index) {
    const made = element("button", { type: "button", class: "corner" });
    const put = () => {
      const [across, down] = points[index];
      made.style.left = `${100 * across}%`;
      made.style.top = `${100 * down}%`;
      made.setAttribute("aria-label", `Corner ${index + 1} of ${points.length}: ${Math.round(100 * across)} % across, ${Math.round(100 * down)} % down`);
    };
    const move = (to) => {
      points[index] = inside(to);
      put();
      this.redrawOutline(points);
      if (!this.drawing) this.told.changed();
    };
    put();
    made.addEventListener("pointerdown", (event) => {
      made.setPointerCapture(event.pointerId);
      made.onpointermove = (moved) => move(this.place(moved));
    });
    made.addEventListener("pointerup", () => { made.onpointermove = null; });
    made.addEventListener("pointercancel", () => { made.onpointermove = null; });
    made.addEventListener("click", () => this.drawing && index === 0 && this.finish());
    made.addEventListener("keydown", (event) => this.key(event, points, index, move));
    return made;
  }

  key(event, points, index, move) {
    const direction = KEYS[event.key];
    if (direction) {
      event.preventDefault();
      const step = event.shiftKey ? LARGE_STEP : STEP;
      move(points[index].map((share, axis) => share + step * direction[axis]));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      if (!this.drawing && points.length <= 3) return;
      points.splice(index, 1);
      if (!this.drawing) this.told.changed();
      this.redraw();
      this.corners.children[Math.min(index, points.length - 1)]?.focus();
    }
  }

  redrawOutline(points) {
    const at = this.drawing ? this.zones.length : this.selected;
    this.outlines.children[at]?.setAttribute("points", written(points));
  }
}

const outline = (points, name, form = "polygon") => shape(form, { class: name, points: written(points) });

const written = (points) => points.map(([across, down]) => `${1000 * across},${1000 * down}`).join(" ");

const inside = (point) => point.map((share) => Math.round(10_000 * Math.min(1, Math.max(0, share))) / 10_000);

// By counting the sides that a ray to the right crosses.
function contains(points, [across, down]) {
  let within = false;
  points.forEach(([x, y], index) => {
    const [otherX, otherY] = points.at(index - 1);
    if (y > down !== otherY > down && across < ((otherX - x) * (down - y)) / (otherY - y) + x) within = !within;
  });
  return within;
}
