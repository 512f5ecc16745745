// The form that starts an on-demand analysis.

import { button, element } from "../dom/elements.js";
import { choice, field } from "../dom/fields.js";
import { requestOf } from "../logic/analysis.js";
import { localInputValue } from "../logic/time.js";

const DEFAULT_RANGE_MS = 5 * 60_000;
/** @type {[string, string][]} */
const INTERVALS = [
  ["500", "half second"],
  ["1000", "second"],
  ["2000", "2 seconds"],
  ["5000", "5 seconds"],
  ["10000", "10 seconds"],
  ["20000", "20 seconds"],
];
/** @type {[number, string][]} */
const RANGES = [
  [5, "5 minutes"],
  [15, "15 minutes"],
  [60, "hour"],
];

/**
 * @param {URLSearchParams} query `stream`, `start` and `end` to fill in
 * @param {(request: Api.AnalysisRequest, problem: HTMLElement) => void} start
 */
export function analysisForm(query, start) {
  const from = timeInput("start", query.get("start") ?? Date.now() - DEFAULT_RANGE_MS);
  const to = timeInput("end", query.get("end") ?? Date.now());
  const problem = element("p", { class: "broken", role: "alert" });
  const form = element(
    "form",
    { class: "panel" },
    element(
      "div",
      { class: "row" },
      field("Camera", streamInput(query.get("stream") ?? "")),
      field("From", from),
      field("To", to),
      field("One image every", choice("interval", INTERVALS, "1000")),
    ),
    element("div", { class: "row" }, ...RANGES.map((range) => rangeButton(range, from, to))),
    field("Also make a time-lapse", element("input", { type: "checkbox", name: "timelapse" }), { class: "check" }),
    problem,
    element("p", {}, element("button", { type: "submit", class: "primary" }, "Analyze")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start(requestOfForm(new FormData(form)), problem);
  });
  return form;
}

/**
 * @param {string} name
 * @param {string | number} time
 */
const timeInput = (name, time) =>
  element("input", { name, type: "datetime-local", value: localInputValue(time), required: true, step: 1 });

/** @param {string} value */
const streamInput = (value) =>
  element("input", {
    name: "stream",
    type: "text",
    value,
    required: true,
    pattern: "[a-zA-Z0-9_.\\-]{1,256}",
    list: "analyzed-cameras",
    autocomplete: "off",
  });

/**
 * @param {[number, string]} range
 * @param {HTMLInputElement} from
 * @param {HTMLInputElement} to
 */
const rangeButton = ([minutes, text], from, to) =>
  button(`Last ${text}`, () => {
    const end = Date.now();
    from.value = localInputValue(end - minutes * 60_000);
    to.value = localInputValue(end);
  });

/** @param {FormData} form */
function requestOfForm(form) {
  const text = (/** @type {string} */ name) => String(form.get(name));
  const fields = { stream: text("stream"), start: text("start"), end: text("end"), interval: text("interval") };
  return requestOf(fields, form.has("timelapse"));
}
