import assert from "node:assert/strict";
import { test } from "node:test";
import {
  analysisAddress,
  fetchable,
  parsedFragment,
  queryString,
  sessionAddress,
  viewAddress,
  zonesAddress,
} from "../../functions/publish_viewer/page/js/logic/addresses.js";
import {
  noResultsText,
  progressOf,
  progressText,
  requestOf,
} from "../../functions/publish_viewer/page/js/logic/analysis.js";
import { base64url } from "../../functions/publish_viewer/page/js/logic/base64url.js";
import {
  amount,
  detectionText,
  fileSize,
  percent,
  statusText,
} from "../../functions/publish_viewer/page/js/logic/text.js";

test("amounts agree with their nouns", () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => amount(count, "camera")),
    ["0 cameras", "1 camera", "2 cameras"],
  );
  assert.equal(amount(2, "analysis", "analyses"), "2 analyses");
});

test("sizes have the unit that fits", () => {
  assert.deepEqual([999, 1000, 1499, 999_999, 1_000_000, 12_340_000].map(fileSize), [
    "999 B",
    "1 kB",
    "1 kB",
    "1000 kB",
    "1.0 MB",
    "12.3 MB",
  ]);
});

test("detections are described with their zones", () => {
  assert.equal(percent(92.6), "93 %");
  assert.equal(detectionText({ label: "Person", confidence: 92.6 }), "Person 93 %");
  assert.equal(detectionText({ label: "Car", confidence: 50, zones: ["drive", "yard"] }), "Car 50 % in drive, yard");
  assert.equal(statusText("PENDING_REDRIVE"), "pending redrive");
});

test("addresses escape names and leave out what is empty", () => {
  assert.equal(viewAddress("sessions", { stream: "a b", day: "", label: undefined }), "#/sessions?stream=a+b");
  assert.equal(viewAddress("sessions"), "#/sessions");
  assert.equal(sessionAddress({ streamName: "a/b", sessionKey: "1-c?" }), "#/sessions/a%2Fb/1-c%3F");
  assert.equal(zonesAddress("front-door"), "#/cameras/front-door/zones");
  assert.equal(analysisAddress("a#b"), "#/analyze/a%23b");
  assert.equal(queryString({ cursor: null }), "");
});

test("an address leads back to its view and its query", () => {
  const { path, query } = parsedFragment(viewAddress("sessions", { stream: "a&b", label: "<img>" }));
  assert.equal(path, "sessions");
  assert.deepEqual(Object.fromEntries(query), { stream: "a&b", label: "<img>" });
  for (const empty of ["", "#", "#/"]) assert.equal(parsedFragment(empty).path, "");
});

test("only addresses that a browser fetches are links", () => {
  const base = "https://viewer.example/index.html";
  assert.equal(fetchable("https://s3.example/a.jpg?b=c", base), "https://s3.example/a.jpg?b=c");
  assert.equal(fetchable("/a.jpg", base), "https://viewer.example/a.jpg");
  for (const address of [
    "javascript:alert(1)",
    " JavaScript:alert(1)",
    "data:text/html,x",
    "http://[",
    "",
    null,
    undefined,
  ]) {
    assert.equal(fetchable(address, base), undefined);
  }
});

test("base64url has no padding and no characters that addresses escape", () => {
  for (const size of [0, 1, 2, 3, 48]) {
    const bytes = Uint8Array.from({ length: size }, (_, index) => 251 + index);
    assert.equal(base64url(bytes), Buffer.from(bytes).toString("base64url"));
  }
});

test("a form becomes a request in UTC", () => {
  const form = {
    stream: "door",
    start: "2026-03-10T12:00:00+01:00",
    end: "2026-03-10T12:05:00+01:00",
    interval: "500",
  };
  const request = {
    StreamName: "door",
    StartTimestamp: "2026-03-10T11:00:00.000Z",
    EndTimestamp: "2026-03-10T11:05:00.000Z",
    SamplingInterval: 500,
  };
  assert.deepEqual(requestOf(form, false), request);
  assert.deepEqual(requestOf(form, true), { ...request, Timelapse: { FramesPerSecond: 10 } });
});

test("a successful analysis is complete, whatever was counted", () => {
  assert.deepEqual(progressOf({ status: "RUNNING", windows: { done: 1, all: 4 } }), { value: 1, max: 4 });
  assert.deepEqual(progressOf({ status: "RUNNING", windows: { done: 0, all: 0 } }), { value: 0, max: 1 });
  assert.deepEqual(progressOf({ status: "SUCCEEDED", windows: { done: 1, all: 4 } }), { value: 4, max: 4 });
  assert.equal(
    progressText({ status: "TIMED_OUT", windows: { done: 1, all: 1 }, found: 1, matched: 0 }),
    "timed out: 1 of 1 window, 1 image, 0 matched",
  );
});

test("an analysis without results is explained", () => {
  const text = (/** @type {Partial<Analysis>} */ more) =>
    noResultsText({ status: "SUCCEEDED", detector: null, summary: null, ...more });
  const summary = /** @type {Api.RangeSummary} */ ({ alreadyAnalyzed: 3 });
  assert.equal(text({ status: "RUNNING" }), "No results yet.");
  assert.match(text({ detector: "NONE" }), /without a detector/);
  assert.match(text({ summary }), /3 images had already been analyzed/);
  assert.equal(text({}), "No detections.");
});
