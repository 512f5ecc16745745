// A strip of one day, a minute wide for each of its minutes, with a bar for each session.

const SHORTEST_BAR = 3;

/**
 * Minutes of the day: 1440, unless clocks change.
 * @param {DayTimes} day
 * @returns {number}
 */
export const minutesOf = ({ start, end }) => (Date.parse(end) - Date.parse(start)) / 60_000;

/**
 * Minutes from the beginning of the day; its first or last one for times outside it.
 * @param {string} iso
 * @param {DayTimes} day
 * @returns {number}
 */
export function minuteOf(iso, day) {
  const minutes = (Date.parse(iso) - Date.parse(day.start)) / 60_000;
  return Math.min(minutesOf(day), Math.max(0, minutes));
}

/**
 * Minutes from the beginning of the day until the clock first shows an hour.
 * @param {number} hour from 0 to 24
 * @param {DayTimes} day of the browser's time zone
 * @returns {number}
 */
export const minuteOfHour = (hour, day) => minuteOf(new Date(new Date(day.start).setHours(hour)).toISOString(), day);

/**
 * Position and width of a session's bar, in minutes: wide enough to be seen, and inside the strip.
 * @param {SessionTimes} session
 * @param {DayTimes} day
 * @returns {{ x: number, width: number }}
 */
export function barOf({ startedAt, lastSeenAt }, day) {
  const start = minuteOf(startedAt, day);
  return {
    x: Math.min(minutesOf(day) - SHORTEST_BAR, start),
    width: Math.max(SHORTEST_BAR, minuteOf(lastSeenAt, day) - start),
  };
}

/**
 * The session that is nearest to a minute of the day.
 * @param {SessionTimes[]} sessions at least one
 * @param {number} minute
 * @param {DayTimes} day
 * @returns {SessionTimes}
 */
export function nearestSession(sessions, minute, day) {
  const distance = (/** @type {SessionTimes} */ { startedAt, lastSeenAt }) =>
    Math.max(0, minuteOf(startedAt, day) - minute, minute - minuteOf(lastSeenAt, day));
  return sessions.reduce((best, one) => (distance(one) < distance(best) ? one : best));
}
