import assert from "node:assert/strict";
import { test } from "node:test";
import { filterCount, filtersOf, haveSameFilters } from "../../functions/publish_viewer/page/js/logic/filters.js";
import {
  insertionIndex,
  isSettled,
  keyOf,
  obsoleteKeys,
  openedAt,
  Paging,
} from "../../functions/publish_viewer/page/js/logic/sessions.js";

/**
 * @param {number} openedMs
 * @returns {Session}
 */
const sessionAt = (openedMs) =>
  /** @type {Session} */ ({ sessionKey: `${String(openedMs).padStart(15, "0")}-ab`, streamName: "door" });

/**
 * @param {number[]} openedMs
 * @param {string | null} cursor
 * @returns {SessionPage}
 */
const pageOf = (openedMs, cursor) => ({ sessions: openedMs.map(sessionAt), cursor, searchedUntil: "2026-01-01" });

const keysOf = (/** @type {number[]} */ openedMs) => openedMs.map((one) => keyOf(sessionAt(one)));

test("keys sort as sessions opened, whatever the number of digits", () => {
  assert.deepEqual(keysOf([1_000_000_000_000, 999, 7]).toSorted(), keysOf([7, 999, 1_000_000_000_000]));
  assert.equal(openedAt(sessionAt(1_767_268_800_123)).getTime(), 1_767_268_800_123);
});

test("a key is inserted so that newest comes first", () => {
  const keys = keysOf([30, 20, 10]);
  assert.deepEqual(
    [40, 25, 15, 5].map((one) => insertionIndex(keys, keyOf(sessionAt(one)))),
    [0, 1, 2, 3],
  );
  assert.equal(insertionIndex([], keysOf([1])[0]), 0);
});

test("sessions that the first page no longer has are obsolete, older ones are not", () => {
  const keys = keysOf([50, 40, 30, 20, 10]);
  assert.deepEqual(obsoleteKeys(keys, pageOf([60, 50, 30], "next")), keysOf([40]));
  assert.deepEqual(obsoleteKeys(keys, pageOf([60, 50, 30], null)), keysOf([40, 20, 10]));
});

test("an empty page makes everything obsolete only if it is the last one", () => {
  const keys = keysOf([20, 10]);
  assert.deepEqual(obsoleteKeys(keys, pageOf([], "next")), []);
  assert.deepEqual(obsoleteKeys(keys, pageOf([], null)), keys);
});

test("reading goes on until there is no cursor", () => {
  const paging = new Paging();
  assert.equal(paging.cursor, undefined);
  assert.equal(paging.isComplete, false);

  paging.advance(pageOf([1], "next"));
  assert.equal(paging.cursor, "next");
  assert.equal(paging.isComplete, false);

  paging.advance(pageOf([], null));
  assert.equal(paging.isComplete, true);
});

test("reading pauses after five empty pages in a row until the user continues", () => {
  const paging = new Paging();
  for (const found of [[], [], [], [], [1], [], [], [], []]) paging.advance(pageOf(found, "next"));
  assert.equal(paging.isPaused, false);

  paging.advance(pageOf([], "next"));
  assert.equal(paging.isPaused, true);
  assert.equal(paging.searchedUntil, "2026-01-01");

  paging.continue();
  assert.equal(paging.isPaused, false);
});

test("a list that is complete is not paused, and an error completes it", () => {
  const paging = new Paging();
  for (let count = 0; count < 5; count += 1) paging.advance(pageOf([], "next"));
  paging.stop();
  assert.equal(paging.isComplete, true);
  assert.equal(paging.isPaused, false);
});

test("a session is settled once its video is complete or overdue", () => {
  const lastSeenAt = "2026-03-10T12:00:00Z";
  const now = Date.parse(lastSeenAt) + 60_000;
  const video = /** @type {SessionClip} */ ({ complete: true });
  assert.equal(isSettled({ closed: true, video, lastSeenAt }, now), true);
  assert.equal(isSettled({ closed: true, video: null, lastSeenAt }, now), false);
  assert.equal(isSettled({ closed: true, video: null, lastSeenAt }, now + 20 * 60_000), true);
  assert.equal(isSettled({ closed: false, video, lastSeenAt }, now), false);
});

test("filters are those of the address, and empty ones do not count", () => {
  const filters = filtersOf(new URLSearchParams("stream=door&day=2026-03-10&other=1"));
  assert.deepEqual(filters, { stream: "door", label: "", zone: "", class: "", day: "2026-03-10", reviewed: "" });
  assert.equal(filterCount(filters), 2);
  assert.equal(haveSameFilters(filters, { ...filters }), true);
  assert.equal(haveSameFilters(filters, { ...filters, zone: "drive" }), false);
});
