// A result of an on-demand analysis: an image that matched a rule.

import { element } from "../dom/elements.js";
import { clock } from "../dom/times.js";
import { lateImage } from "./late_image.js";

const RETRY_MS = [3000, 3000, 3000, 3000];

/** @param {AnalysisResult} result */
export function resultCard({ imageTimestamp, labels, links }) {
  const attributes = { alt: labels.join(", "), loading: "lazy", width: 960, height: 540 };
  const image = lateImage(attributes, RETRY_MS, async () => links.image, links.image);
  const chips = labels.map((label) => element("span", { class: "chip" }, label));
  return element(
    "li",
    { class: "card" },
    element("span", { class: "shown" }, image),
    element(
      "div",
      { class: "facts" },
      element("span", { class: "line" }, clock(imageTimestamp)),
      element("span", { class: "chips" }, ...chips),
    ),
  );
}
