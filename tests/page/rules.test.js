import assert from "node:assert/strict";
import { test } from "node:test";
import {
  includingZones,
  ruleText,
  ruleZones,
  unusedZoneName,
  withEntry,
  withoutInvalidZones,
  withZoneRenamed,
} from "../../functions/publish_viewer/page/js/logic/rules.js";

/** @type {Corner[]} */
const POLYGON = [
  [0, 0],
  [1, 0],
  [1, 1],
];
const SETTINGS = { zones: [{ name: "drive", polygon: POLYGON }], rules: [{ name: "people", zones: ["drive"] }] };
const FRONT = { streams: ["front-*"], detector: "REKOGNITION_FACES", gate: { mode: "ON" }, labels: ["Person"] };
const FLOOR = { streams: ["yard"], streamTags: "Floor=1", stationary: { enabled: true }, alertChannels: ["sns"] };

/**
 * @param {Rule[]} rules
 * @returns {ZoneSettings}
 */
const settingsWith = (rules) => ({
  zones: [
    { name: "drive", polygon: POLYGON },
    { name: "street", polygon: POLYGON, kind: "EXCLUDE" },
  ],
  rules,
});

test("a camera that shares an entry gets its own before it, with all its settings", () => {
  const document = { schemaVersion: 1, defaults: { labels: ["Car"] }, cameras: [FLOOR, FRONT] };
  assert.deepEqual(withEntry({ document, entry: 1 }, "front-door", SETTINGS), {
    document: { ...document, cameras: [{ ...FRONT, streams: ["front-door"], ...SETTINGS }, FLOOR, FRONT] },
    entry: 0,
  });
});

test("a camera's own entry applies to no other camera by its tags", () => {
  const settings = { ...SETTINGS, stationary: { enabled: false } };
  const own = { streams: ["yard"], alertChannels: ["sns"], ...settings };
  const byTags = { streamTags: [{ key: "Floor" }] };
  assert.deepEqual(withEntry({ document: { cameras: [FLOOR] }, entry: 0 }, "yard", settings).document.cameras, [
    own,
    FLOOR,
  ]);
  assert.deepEqual(withEntry({ document: { cameras: [byTags] }, entry: 0 }, "yard", SETTINGS).document.cameras, [
    { streams: ["yard"], ...SETTINGS },
    byTags,
  ]);
});

test("a camera without an entry gets one before all others", () => {
  const own = { streams: ["yard"], ...SETTINGS };
  assert.deepEqual(withEntry({ document: { cameras: [FRONT] }, entry: null }, "yard", SETTINGS), {
    document: { cameras: [own, FRONT] },
    entry: 0,
  });
  assert.deepEqual(withEntry({ document: { schemaVersion: 1 }, entry: null }, "yard", SETTINGS), {
    document: { schemaVersion: 1, cameras: [own] },
    entry: 0,
  });
});

test("a camera's own entry is replaced in place, and keeps its further settings", () => {
  const before = { streams: ["front-door"], streamTags: [], sessions: { quietSeconds: 5 }, rules: [{ name: "old" }] };
  const own = { streams: ["front-door"], sessions: { quietSeconds: 5 }, ...SETTINGS };
  const changed = withEntry({ document: { cameras: [FLOOR, before, FRONT] }, entry: 1 }, "front-door", SETTINGS);
  assert.deepEqual(changed, { document: { cameras: [FLOOR, own, FRONT] }, entry: 1 });
  assert.deepEqual(withEntry(changed, "front-door", SETTINGS), changed);
});

test("an entry of several cameras is no camera's own", () => {
  const two = { streams: ["front-door", "yard"] };
  const own = { streams: ["yard"], ...SETTINGS };
  assert.deepEqual(withEntry({ document: { cameras: [two] }, entry: 0 }, "yard", SETTINGS).document.cameras, [
    own,
    two,
  ]);
});

test("rules keep only zones that exist and include", () => {
  const settings = settingsWith([{ name: "a", zones: ["drive", "street", "gone"] }, { name: "b" }]);
  assert.deepEqual(withoutInvalidZones(settings).rules, [{ name: "a", zones: ["drive"] }, { name: "b" }]);
  assert.deepEqual(
    includingZones(settings).map((zone) => zone.name),
    ["drive"],
  );
});

test("a renamed zone is renamed in all rules", () => {
  const settings = settingsWith([{ name: "a", zones: ["drive", "x"] }, { name: "b" }]);
  assert.deepEqual(withZoneRenamed(settings, "drive", "yard").rules, [
    { name: "a", zones: ["yard", "x"] },
    { name: "b" },
  ]);
});

test("a new zone has the first number that is not used", () => {
  const zones = ["zone 1", "zone 3"].map((name) => ({ name, polygon: POLYGON }));
  assert.equal(unusedZoneName({ zones, rules: [] }), "zone 2");
  assert.equal(unusedZoneName({ zones: [], rules: [] }), "zone 1");
});

test("a rule is limited to zones, each of them once", () => {
  assert.deepEqual(ruleZones({ name: "a" }, "drive", true), ["drive"]);
  assert.deepEqual(ruleZones({ name: "a", zones: ["drive", "yard"] }, "drive", true), ["yard", "drive"]);
  assert.deepEqual(ruleZones({ name: "a", zones: ["drive", "yard"] }, "drive", false), ["yard"]);
});

test("a rule is described with its labels and its confidence", () => {
  assert.equal(
    ruleText({ name: "people", labels: ["Person", "Face"], minimumConfidence: 80 }),
    "people: Person, Face, confidence of at least 80 %",
  );
  assert.equal(ruleText({ name: "all" }), "all: any label, confidence of at least 0 %");
});
