// Sessions of a day, camera by camera: a strip of its hours each.

import { getActivity } from "../client/operations.js";
import { button, element, messageOf, shape } from "../dom/elements.js";
import { sessionAddress, viewAddress } from "../logic/addresses.js";
import { barOf, minuteOfHour, minutesOf, nearestSession } from "../logic/day_strip.js";
import { amount } from "../logic/text.js";
import { dayKey, dayText, dayTimes } from "../logic/time.js";

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
    const day = filters.day || dayKey(new Date());
    this.requests += 1;
    const request = this.requests;
    try {
      const { body } = await getActivity(dayTimes(day), filters.stream);
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
    const times = dayTimes(day);
    this.title.textContent = `Activity of ${amount(streams.length, "camera")} on ${dayText(new Date(times.start))}`;
    const strips = streams.map((one) => strip(one, day));
    const rest = strips.splice(STRIPS_AT_ONCE);
    const all = button(amount(rest.length, "more camera"), () => all.replaceWith(...rest), { class: "plain" });
    this.rows.replaceChildren(hours(times), ...strips, ...(rest.length ? [all] : []));
  }
}

const hours = (/** @type {DayTimes} */ day) =>
  element(
    "div",
    { class: "strip hours", "aria-hidden": "true" },
    element("span"),
    element("span", {}, ...[0, 6, 12, 18, 24].map((hour) => hourLabel(hour, day))),
  );

/**
 * @param {number} hour
 * @param {DayTimes} day
 */
function hourLabel(hour, day) {
  const label = element("span", { class: "hour" }, String(hour).padStart(2, "0"));
  label.style.setProperty("--at", `${(100 * minuteOfHour(hour, day)) / minutesOf(day)}%`);
  return label;
}

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
    bars({ stream, sessions }, dayTimes(day), summary),
  );
}

/**
 * @param {Api.StreamActivity} activity
 * @param {DayTimes} day
 * @param {string} summary
 */
function bars({ stream, sessions }, day, summary) {
  const minutes = minutesOf(day);
  const quarters = [6, 12, 18].map((hour) => shape("path", { d: `M${minuteOfHour(hour, day)} 0V10` }));
  const made = sessions.map((one) => shape("rect", { class: one.class, y: 0, height: 10, ...barOf(one, day) }));
  const open = (/** @type {MouseEvent} */ event) => {
    const { sessionKey } = nearestSession(sessions, minutes * shareAt(event), day);
    location.hash = sessionAddress({ streamName: stream, sessionKey });
  };
  return shape(
    "svg",
    { viewBox: `0 0 ${minutes} 10`, preserveAspectRatio: "none", role: "img", "aria-label": summary, onclick: open },
    shape("title", {}, `${summary}. Click to open the nearest session.`),
    ...quarters,
    ...made,
  );
}

/**
 * How far right of the whole width a click was, from 0 to 1.
 * @param {MouseEvent} event
 */
function shareAt({ currentTarget, clientX }) {
  const box = /** @type {Element} */ (currentTarget).getBoundingClientRect();
  return (clientX - box.left) / box.width;
}
