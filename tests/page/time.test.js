import assert from "node:assert/strict";
import { test } from "node:test";
import {
  dayKey,
  dayName,
  durationText,
  localInputValue,
  relativeTime,
  utcDay,
} from "../../functions/publish_viewer/page/js/logic/time.js";

const NOW = Date.parse("2026-03-10T12:00:00Z");

test("a duration is written in its two largest units", () => {
  const cases = {
    "2026-03-10T12:00:00.400Z": "0 s",
    "2026-03-10T12:00:59Z": "59 s",
    "2026-03-10T12:01:00Z": "1 min 0 s",
    "2026-03-10T12:59:59Z": "59 min 59 s",
    "2026-03-10T13:00:00Z": "1 h 0 min",
    "2026-03-11T13:05:00Z": "25 h 5 min",
  };
  for (const [end, text] of Object.entries(cases)) assert.equal(durationText("2026-03-10T12:00:00Z", end), text);
});

test("an end before the start is no duration", () => {
  assert.equal(durationText("2026-03-10T12:00:00Z", "2026-03-10T11:00:00Z"), "0 s");
});

test("a relative time has the largest unit that fits, and a sign", () => {
  const ago = (/** @type {number} */ seconds) => relativeTime(new Date(NOW - 1000 * seconds).toISOString(), NOW);
  assert.deepEqual(ago(0), [0, "second"]);
  assert.deepEqual(ago(59), [-59, "second"]);
  assert.deepEqual(ago(60), [-1, "minute"]);
  assert.deepEqual(ago(3599), [-60, "minute"]);
  assert.deepEqual(ago(3600), [-1, "hour"]);
  assert.deepEqual(ago(86_400), [-1, "day"]);
  assert.deepEqual(ago(-90), [2, "minute"]);
});

test("days are local, and the last two have names", () => {
  const noon = new Date(2026, 2, 1, 12);
  const at = (/** @type {number} */ day, hour = 12) => new Date(2026, 1, day, hour);
  assert.equal(dayKey(new Date(2026, 2, 1, 0, 0, 1)), "2026-03-01");
  assert.equal(dayName(new Date(2026, 2, 1, 23, 59), noon), "Today");
  assert.equal(dayName(at(28, 0), noon), "Yesterday");
  assert.match(dayName(at(27), noon), /2026/);
});

test("the UTC day is not the local one", () => {
  assert.equal(utcDay(new Date("2026-03-10T23:59:59Z")), "2026-03-10");
  assert.equal(utcDay(new Date("2026-03-10T00:30:00+01:00")), "2026-03-09");
});

test("an input's value is read back as the same second", () => {
  for (const iso of ["2026-01-31T23:59:59.000Z", "2026-07-01T00:00:00.000Z"]) {
    assert.equal(new Date(localInputValue(iso)).toISOString(), iso);
  }
  assert.match(localInputValue(NOW), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
});
