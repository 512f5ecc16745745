// A strip of one UTC day, 1440 minutes wide, with a bar for each session.

export const MINUTES = 1440;
const SHORTEST_BAR = 3;

/**
 * Minutes from the beginning of the day, from 0 to 1440 for times outside it.
 * @param {string} iso
 * @param {string} day
 * @returns {number}
 */
export function minuteOf(iso, day) {
  const minutes = (Date.parse(iso) - Date.parse(`${day}T00:00:00Z`)) / 60_000;
  return Math.min(MINUTES, Math.max(0, minutes));
}

/**
 * Position and width of a session's bar, in minutes: wide enough to be seen, and inside the strip.
 * @param {SessionTimes} session
 * @param {string} day
 * @returns {{ x: number, width: number }}
 */
export function barOf({ startedAt, lastSeenAt }, day) {
  const start = minuteOf(startedAt, day);
  return {
    x: Math.min(MINUTES - SHORTEST_BAR, start),
    width: Math.max(SHORTEST_BAR, minuteOf(lastSeenAt, day) - start),
  };
}

/**
 * The session that is nearest to a minute of the day.
 * @param {SessionTimes[]} sessions at least one
 * @param {number} minute
 * @param {string} day
 * @returns {SessionTimes}
 */
export function nearestSession(sessions, minute, day) {
  const distance = (/** @type {SessionTimes} */ { startedAt, lastSeenAt }) =>
    Math.max(0, minuteOf(startedAt, day) - minute, minute - minuteOf(lastSeenAt, day));
  return sessions.reduce((best, one) => (distance(one) < distance(best) ? one : best));
}
