// A picture with what was found in it: boxes over the original, which can be taken away. Where the original is gone,
// the kept picture has its boxes drawn in.

import { element, safe } from "./dom.js";
import { percent, time } from "./format.js";

export class Stage {
  constructor() {
    this.wanted = true;
    this.image = element("img", { alt: "" });
    this.boxes = element("div", { class: "boxes", "aria-hidden": "true" });
    this.picture = element("div", { class: "picture" }, this.image, this.boxes);
    this.toggle = element("button", { type: "button", "aria-pressed": "true", onclick: () => this.switch() }, "Boxes");
    this.told = element("div", {});
    this.node = element("figure", { class: "stage" }, this.picture, element("figcaption", { class: "row" }, this.told, this.toggle));
    this.image.addEventListener("error", () => this.failed());
  }

  show(frame, otherwise) {
    this.frame = frame;
    this.kept = safe(frame?.links.picture ?? otherwise ?? "");
    this.original = frame?.links.original && safe(frame.links.original);
    const found = frame?.detections ?? [];
    this.image.alt = found.map((one) => one.label).join(", ") || "the event's picture";
    this.told.replaceChildren(...(frame ? [time(frame.imageTimestamp)] : []), ` ${found.map(said).join(", ")}`);
    this.load(this.original ?? this.kept);
  }

  load(source) {
    if (this.picture.firstChild !== this.image) this.picture.replaceChildren(this.image, this.boxes);
    if (source && this.image.src !== source) this.image.src = source;
    this.drawBoxes();
  }

  drawBoxes() {
    const drawable = this.original !== undefined && this.image.src === this.original;
    this.toggle.disabled = !drawable;
    this.toggle.title = drawable ? "" : "The original is no longer there; the boxes are drawn into this picture.";
    const found = (this.frame?.detections ?? []).filter((one) => one.boundingBox);
    this.boxes.replaceChildren(...(drawable && this.wanted ? found.map(box) : []));
  }

  switch() {
    this.wanted = !this.wanted;
    this.toggle.setAttribute("aria-pressed", String(this.wanted));
    this.drawBoxes();
  }

  failed() {
    if (this.image.src === this.original && this.kept) this.load(this.kept);
    else this.picture.replaceChildren(element("span", { class: "none" }, "The picture is not there: not yet, or it has expired."));
  }
}

const said = ({ label, confidence, zones }) => `${label} ${percent(confidence)}${zones?.length ? ` in ${zones.join(", ")}` : ""}`;

function box({ label, confidence, boundingBox: { left, top, width, height } }) {
  const made = element("div", {}, element("span", { class: top < 0.08 ? "inside" : "" }, `${label} ${percent(confidence)}`));
  for (const [side, share] of Object.entries({ left, top, width, height })) made.style[side] = `${100 * share}%`;
  return made;
}
