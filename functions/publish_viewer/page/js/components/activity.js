// Sessions of a UTC day, camera by camera: a strip of 24 hours each.

import { getActivity } from "../client/operations.js";
import { button, element, messageOf, shape } from "../dom/elements.js";
import { sessionAddress, viewAddress } from "../logic/addresses.js";
import { barOf, MINUTES, nearestSession } from "../logic/day_strip.js";
import { amount } from "../logic/text.js";
import { utcDay } from "../logic/time.js";

const STRIPS_AT_ONCE = 6;

export class Activity {
  requests = 0;
  rows = element("div", { class: "strips" });
  title = element("summary", {}, "Activity");
  node = element(
    "details",
    { class: "activity", open: matchMedia("(min-width: 50rem)").matches },
    this.title,
    this.rows,
  );

  /**
   * Reads and draws a day. Responses may arrive out of order: only that of the last request is drawn.
   * @param {SessionFilters} filters
   */
  async draw(filters) {
    const day = filters.day || utcDay(new Date());
    this.requests += 1;
    const request = this.requests;
    try {
      const { body } = await getActivity(day, filters.stream);
      if (this.requests === request) this.drawStrips(day, body.streams);
    } catch (error) {
      if (this.requests === request) this.title.textContent = `Activity could not be read: ${messageOf(error)}`;
    }
  }

  /**
   * @param {string} day
   * @param {Api.StreamActivity[]} streams
   */
  drawStrips(day, streams) {
    this.title.textContent = `Activity of ${amount(streams.length, "camera")} on ${day}, UTC`;
    const strips = streams.map((one) => strip(one, day));
    const rest = strips.splice(STRIPS_AT_ONCE);
    const all = button(amount(rest.length, "more camera"), () => all.replaceWith(...rest), { class: "plain" });
    this.rows.replaceChildren(hours(), ...strips, ...(rest.length ? [all] : []));
  }
}

const hours = () =>
  element(
    "div",
    { class: "strip hours", "aria-hidden": "true" },
    element("span"),
    element("span", {}, ...["00", "06", "12", "18", "24"].map((hour) => element("span", {}, hour))),
  );

/**
 * @param {Api.StreamActivity} activity
 * @param {string} day
 */
function strip({ stream, sessions }, day) {
  const alerts = sessions.filter((one) => one.class === "ALERT").length;
  const summary = `${stream}: ${amount(sessions.length, "session")}, ${amount(alerts, "alert")}`;
  return element(
    "div",
    { class: "strip" },
    element(
      "a",
      { href: viewAddress("sessions", { stream, day }), title: summary },
      stream,
      element("small", {}, String(sessions.length)),
    ),
    bars({ stream, sessions }, day, summary),
  );
}

/**
 * @param {Api.StreamActivity} activity
 * @param {string} day
 * @param {string} summary
 */
function bars({ stream, sessions }, day, summary) {
  const quarters = [1, 2, 3].map((quarter) => shape("path", { d: `M${(quarter * MINUTES) / 4} 0V10` }));
  const made = sessions.map((one) => shape("rect", { class: one.class, y: 0, height: 10, ...barOf(one, day) }));
  const open = (/** @type {MouseEvent} */ event) => {
    const { sessionKey } = nearestSession(sessions, minuteAt(event), day);
    location.hash = sessionAddress({ streamName: stream, sessionKey });
  };
  return shape(
    "svg",
    { viewBox: `0 0 ${MINUTES} 10`, preserveAspectRatio: "none", role: "img", "aria-label": summary, onclick: open },
    shape("title", {}, `${summary}. Click to open the nearest session.`),
    ...quarters,
    ...made,
  );
}

/** @param {MouseEvent} event */
function minuteAt({ currentTarget, clientX }) {
  const box = /** @type {Element} */ (currentTarget).getBoundingClientRect();
  return (MINUTES * (clientX - box.left)) / box.width;
}
