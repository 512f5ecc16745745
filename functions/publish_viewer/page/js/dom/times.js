// `time` elements, in the browser's language and time zone.

import { relativeTime } from "../logic/time.js";
import { element } from "./elements.js";

const DATE_AND_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/**
 * @param {string} iso
 * @param {Intl.DateTimeFormat} format
 */
function formatted(iso, format) {
  const time = new Date(iso);
  const text = Number.isNaN(time.getTime()) ? String(iso) : format.format(time);
  return element("time", { datetime: String(iso) }, text);
}

/**
 * Date and time of day. What is not a time is shown as it is.
 * @param {string} iso
 */
export const dateAndTime = (iso) => formatted(iso, DATE_AND_TIME);

/**
 * Time of day.
 * @param {string} iso
 */
export const clock = (iso) => formatted(iso, CLOCK);

/**
 * Such as "5 minutes ago".
 * @param {string} iso
 */
export const ago = (iso) =>
  element(
    "time",
    { datetime: iso, title: DATE_AND_TIME.format(new Date(iso)) },
    RELATIVE.format(...relativeTime(iso, Date.now())),
  );
