// A camera in the list: its state, the checks of its health, and links to what can be done with it.

import { element, placeholder } from "../dom/elements.js";
import { ago } from "../dom/times.js";
import { viewAddress, zonesAddress } from "../logic/addresses.js";
import { statusText } from "../logic/text.js";

/** @type {Record<CameraCheck["status"], string>} */
const STATUS_CLASSES = { ok: "ok", failed: "broken", warning: "quiet" };

/** @param {Camera} camera */
export function cameraCard(camera) {
  const failed = camera.health.filter((check) => check.status === "failed");
  const { drift } = camera.configuration;
  return element(
    "li",
    { class: "card", "data-stream": camera.stream },
    element(
      "span",
      { class: "shown" },
      placeholder("…"),
      element("span", { class: "badges" }, badge(failed.length > 0 || drift.length > 0)),
    ),
    element(
      "div",
      { class: "facts" },
      element("h2", {}, camera.stream),
      statusLine(camera),
      drift.length > 0 && element("p", { class: "broken" }, `Differs from the parameters: ${drift.join(", ")}`),
      failed.length > 0 && element("ul", { class: "plain" }, ...failed.map(failedCheck)),
      camera.health.length > 0 && allChecks(camera.health),
      links(camera.stream),
    ),
  );
}

/** @param {boolean} needsAttention */
const badge = (needsAttention) =>
  needsAttention
    ? element("span", { class: "badge alert" }, "Needs attention")
    : element("span", { class: "badge good" }, "Healthy");

/** @param {Camera} camera */
function statusLine({ status, lastFragmentAt, retentionHours }) {
  const lastSeen = lastFragmentAt ? ["last fragment ", ago(lastFragmentAt)] : ["no recent fragment"];
  return element("p", { class: "quiet" }, `${statusText(status)}, `, ...lastSeen, `, retention ${retentionHours} h`);
}

/** @param {CameraCheck} check */
const failedCheck = ({ fact, nextStep }) =>
  element(
    "li",
    {},
    element("span", { class: "broken" }, fact),
    nextStep && element("small", { class: "quiet" }, ` ${nextStep}`),
  );

/** @param {CameraCheck[]} checks */
function allChecks(checks) {
  const passed = checks.filter((one) => one.status === "ok").length;
  return element(
    "details",
    {},
    element("summary", {}, `${passed} of ${checks.length} checks passed`),
    element("ul", { class: "plain" }, ...checks.map(checkLine)),
  );
}

/** @param {CameraCheck} check */
const checkLine = ({ check, status, fact }) =>
  element("li", {}, element("b", { class: STATUS_CLASSES[status] }, `${check}: ${status}`), ` ${fact}`);

/** @param {string} stream */
function links(stream) {
  const link = (/** @type {string} */ href, /** @type {string} */ text) =>
    element("a", { class: "button", href, "aria-label": `${text} of ${stream}` }, text);
  return element(
    "p",
    { class: "row" },
    link(viewAddress("sessions", { stream }), "Sessions"),
    link(zonesAddress(stream), "Zones"),
    link(viewAddress("analyze", { stream }), "Analyze"),
  );
}
