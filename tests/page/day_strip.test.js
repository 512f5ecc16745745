import assert from "node:assert/strict";
import { test } from "node:test";
import {
  barOf,
  minuteOf,
  minuteOfHour,
  nearestSession,
} from "../../functions/publish_viewer/page/js/logic/day_strip.js";
import { dayTimes } from "../../functions/publish_viewer/page/js/logic/time.js";
import { inZone } from "./zones.js";

const DAY = { start: "2026-03-10T00:00:00Z", end: "2026-03-11T00:00:00Z" };
const LONG_DAY = { start: "2026-10-24T22:00:00Z", end: "2026-10-25T23:00:00Z" };

/**
 * @param {string} start
 * @param {string} end
 * @returns {SessionTimes}
 */
const session = (start, end) => ({ sessionKey: start, startedAt: start, lastSeenAt: end, class: "ALERT" });

test("minutes are those of the day, and stay inside it", () => {
  assert.equal(minuteOf("2026-03-10T00:00:00Z", DAY), 0);
  assert.equal(minuteOf("2026-03-10T13:30:30Z", DAY), 810.5);
  assert.equal(minuteOf("2026-03-09T23:59:00Z", DAY), 0);
  assert.equal(minuteOf("2026-03-11T00:01:00Z", DAY), 1440);
  assert.equal(minuteOf("2026-10-25T22:30:00Z", LONG_DAY), 1470);
  assert.equal(minuteOf("2026-10-26T22:30:00Z", LONG_DAY), 1500);
});

test("hours are where the clock shows them", () => {
  inZone("Europe/Berlin", () => {
    const hours = (/** @type {string} */ day) => [0, 6, 24].map((hour) => minuteOfHour(hour, dayTimes(day)));
    assert.deepEqual(hours("2026-03-10"), [0, 360, 1440]);
    assert.deepEqual(hours("2026-03-29"), [0, 300, 1380]);
    assert.deepEqual(hours("2026-10-25"), [0, 420, 1500]);
  });
  inZone("America/Santiago", () => assert.equal(minuteOfHour(0, dayTimes("2026-09-06")), 0));
});

test("a bar is as long as its session, but wide enough to be seen and inside the day", () => {
  assert.deepEqual(barOf(session("2026-03-10T01:00:00Z", "2026-03-10T02:00:00Z"), DAY), { x: 60, width: 60 });
  assert.deepEqual(barOf(session("2026-03-10T01:00:00Z", "2026-03-10T01:00:10Z"), DAY), { x: 60, width: 3 });
  assert.deepEqual(barOf(session("2026-03-10T23:59:30Z", "2026-03-11T00:10:00Z"), DAY), { x: 1437, width: 3 });
});

test("a click opens the session that is nearest, by its end or its start", () => {
  const early = session("2026-03-10T01:00:00Z", "2026-03-10T02:00:00Z");
  const late = session("2026-03-10T03:00:00Z", "2026-03-10T03:10:00Z");
  assert.equal(nearestSession([late, early], 90, DAY), early);
  assert.equal(nearestSession([late, early], 149, DAY), early);
  assert.equal(nearestSession([late, early], 151, DAY), late);
  assert.equal(nearestSession([late, early], 1440, DAY), late);
});
