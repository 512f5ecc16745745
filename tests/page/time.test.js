import assert from "node:assert/strict";
import { test } from "node:test";
import {
  dayKey,
  dayName,
  dayTimes,
  durationText,
  localInputValue,
  relativeTime,
  timeZone,
} from "../../functions/publish_viewer/page/js/logic/time.js";
import { inZone } from "./zones.js";

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

test("a day is between two midnights of the time zone, which has a name", () => {
  const hours = (/** @type {DayTimes} */ { start, end }) => (Date.parse(end) - Date.parse(start)) / 3_600_000;
  inZone("Europe/Berlin", () => {
    assert.equal(timeZone(), "Europe/Berlin");
    assert.deepEqual(dayTimes("2026-03-10"), { start: "2026-03-09T23:00:00.000Z", end: "2026-03-10T23:00:00.000Z" });
    assert.equal(hours(dayTimes("2026-03-29")), 23);
    assert.equal(hours(dayTimes("2026-10-25")), 25);
    assert.equal(dayKey(new Date(dayTimes("2026-12-31").end)), "2027-01-01");
  });
  inZone("America/New_York", () => {
    assert.equal(timeZone(), "America/New York");
    assert.equal(dayTimes("2026-01-31").start, "2026-01-31T05:00:00.000Z");
  });
});

test("a day that begins at one o'clock ends at midnight", () => {
  inZone("America/Santiago", () => {
    assert.deepEqual(dayTimes("2026-09-06"), { start: "2026-09-06T04:00:00.000Z", end: "2026-09-07T03:00:00.000Z" });
  });
});

test("what is not a day is named", () => {
  for (const day of ["yesterday", "2026-02-30", "2026-1-1", "2026-03-10T00:00:00", ""])
    assert.throws(() => dayTimes(day), { message: `${day} is not a day such as 2026-01-31.` });
  inZone("Pacific/Apia", () => assert.throws(() => dayTimes("2011-12-30"), /2011-12-30 is not a day/));
});

test("yesterday is the day before, when a day has 23 or 25 hours too", () => {
  inZone("Europe/Berlin", () => {
    const name = (/** @type {string} */ time, /** @type {string} */ now) => dayName(new Date(time), new Date(now));
    assert.equal(name("2026-10-24T12:00:00", "2026-10-25T23:30:00"), "Yesterday");
    assert.equal(name("2026-03-29T12:00:00", "2026-03-30T00:30:00"), "Yesterday");
    assert.notEqual(name("2026-03-28T12:00:00", "2026-03-30T00:30:00"), "Yesterday");
  });
});

test("an input's value is read back as the same second", () => {
  for (const iso of ["2026-01-31T23:59:59.000Z", "2026-07-01T00:00:00.000Z"]) {
    assert.equal(new Date(localInputValue(iso)).toISOString(), iso);
  }
  assert.match(localInputValue(NOW), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
});
