// Time arithmetic and its texts, in the browser's language and time zone.

const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/**
 * The local day as a key that sorts: "2026-01-31".
 * @param {Date} time
 * @returns {string}
 */
export function dayKey(time) {
  const twoDigits = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `${time.getFullYear()}-${twoDigits(time.getMonth() + 1)}-${twoDigits(time.getDate())}`;
}

/**
 * The local day as a heading: "Today", "Yesterday", or its date.
 * @param {Date} time
 * @param {Date} [now]
 * @returns {string}
 */
export function dayName(time, now = new Date()) {
  const key = dayKey(time);
  if (key === dayKey(now)) return "Today";
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (key === dayKey(yesterday)) return "Yesterday";
  return dayText(time);
}

/**
 * The date of a local day.
 * @param {Date} time
 * @returns {string}
 */
export const dayText = (time) => DAY.format(time);

/**
 * The midnights between which a local day is: 23, 24 or 25 hours. Throws Error for what is not a day.
 * @param {string} day such as "2026-01-31"
 * @returns {DayTimes}
 */
export function dayTimes(day) {
  const start = new Date(`${day}T00:00:00`);
  if (dayKey(start) !== day) throw new Error(`${day} is not a day such as 2026-01-31.`);
  const end = new Date(start);
  end.setDate(end.getDate() + 1);
  end.setHours(0);
  return { start: start.toISOString(), end: end.toISOString() };
}

/**
 * The name of the time zone, such as "Europe/Berlin".
 * @returns {string}
 */
export const timeZone = () => new Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll("_", " ");

/**
 * The time from `now` to `iso` in its largest whole unit, negative in the past.
 * @param {string} iso
 * @param {number} now in milliseconds since the epoch
 * @returns {[number, Intl.RelativeTimeFormatUnit]}
 */
export function relativeTime(iso, now) {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return [Math.round(seconds / length), unit];
}

/**
 * @param {string} fromIso
 * @param {string} toIso
 * @returns {string} such as "3 min 5 s"; "0 s" if the end is before the start
 */
export function durationText(fromIso, toIso) {
  const seconds = Math.max(0, Math.round((Date.parse(toIso) - Date.parse(fromIso)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * The value of a `datetime-local` input, in local time to the second.
 * @param {string | number | Date} time
 * @returns {string}
 */
export function localInputValue(time) {
  const local = new Date(time);
  return new Date(local.getTime() - local.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
