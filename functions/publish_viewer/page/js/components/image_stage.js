// An image with its detections: boxes over the original, which can be hidden. Once the original has expired, the stored
// image is shown, which has its boxes drawn in.

import { button, element, placeholder, safe } from "../dom/elements.js";
import { dateAndTime } from "../dom/times.js";
import { detectionText, percent } from "../logic/text.js";

const NEAR_TOP = 0.08; // where a label has no room above its box

export class ImageStage {
  showsBoxes = true;
  /** @type {Api.Detection[]} */
  detections = [];
  /** @type {string | undefined} */
  original = undefined;
  /** @type {string | undefined} */
  stored = undefined;
  image = element("img", { alt: "" });
  boxes = element("div", { class: "boxes", "aria-hidden": "true" });
  frame = element("div", { class: "image" }, this.image, this.boxes);
  toggle = button("Boxes", () => this.toggleBoxes(), { "aria-pressed": "true" });
  caption = element("div");
  node = element(
    "figure",
    { class: "stage" },
    this.frame,
    element("figcaption", { class: "row" }, this.caption, this.toggle),
  );

  constructor() {
    this.image.addEventListener("error", () => this.fail());
  }

  /**
   * @param {SessionFrame | undefined} frame
   * @param {string} fallback link to show without a frame
   */
  show(frame, fallback) {
    this.detections = frame?.detections ?? [];
    this.stored = safe(frame?.links.image ?? fallback);
    this.original = safe(frame?.links.original);
    this.image.alt = this.detections.map((one) => one.label).join(", ") || "the session's image";
    const texts = this.detections.map(detectionText).join(", ");
    this.caption.replaceChildren(...(frame ? [dateAndTime(frame.imageTimestamp)] : []), ` ${texts}`);
    this.load(this.original ?? this.stored);
  }

  /** @param {string | undefined} source */
  load(source) {
    if (this.frame.firstChild !== this.image) this.frame.replaceChildren(this.image, this.boxes);
    if (source && this.image.src !== source) this.image.src = source;
    this.drawBoxes();
  }

  drawBoxes() {
    const isOriginal = this.original !== undefined && this.image.src === this.original;
    this.toggle.disabled = !isOriginal;
    this.toggle.title = isOriginal ? "" : "The original image has expired; the boxes are drawn into this one.";
    this.boxes.replaceChildren(...(isOriginal && this.showsBoxes ? this.detections.flatMap(boxOf) : []));
  }

  toggleBoxes() {
    this.showsBoxes = !this.showsBoxes;
    this.toggle.setAttribute("aria-pressed", String(this.showsBoxes));
    this.drawBoxes();
  }

  fail() {
    if (this.image.src === this.original && this.stored) this.load(this.stored);
    else this.frame.replaceChildren(placeholder("The image is not available: not stored yet, or expired."));
  }
}

/**
 * The box of a detection; none if it has no place in the image.
 * @param {Api.Detection} detection
 * @returns {HTMLElement[]}
 */
function boxOf({ label, confidence, boundingBox }) {
  if (!boundingBox) return [];
  const place = boundingBox.top < NEAR_TOP ? "inside" : "";
  const box = element("div", {}, element("span", { class: place }, `${label} ${percent(confidence)}`));
  const { left, top, width, height } = boundingBox;
  for (const [side, share] of Object.entries({ left, top, width, height }))
    box.style.setProperty(side, `${100 * share}%`);
  return [box];
}
