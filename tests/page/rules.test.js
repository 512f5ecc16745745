import assert from "node:assert/strict";
import { test } from "node:test";
import {
  entryOf,
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
const RULES = [{ name: "people" }];
const FRONT = { streams: ["front-*"], rules: RULES };
const ALL = { streams: ["*"], rules: RULES };

/**
 * @param {Rule[]} rules
 * @returns {ZonedEntry}
 */
const entryWith = (rules) => ({
  zones: [
    { name: "drive", polygon: POLYGON },
    { name: "street", polygon: POLYGON, kind: "EXCLUDE" },
  ],
  rules,
});

test("the first entry with a matching pattern applies", () => {
  assert.equal(entryOf({ cameras: [FRONT, ALL] }, "front-door"), FRONT);
  assert.equal(entryOf({ cameras: [FRONT, ALL] }, "yard"), ALL);
  assert.equal(entryOf({ cameras: [ALL, FRONT] }, "front-door"), ALL);
  assert.equal(entryOf({ cameras: [FRONT] }, "yard"), undefined);
});

test("patterns are globs of whole names, not regular expressions", () => {
  const matches = (/** @type {string} */ pattern, /** @type {string} */ name) =>
    entryOf({ cameras: [{ streams: [pattern], rules: RULES }] }, name) !== undefined;
  assert.equal(matches("front?door", "front-door"), true);
  assert.equal(matches("front.door", "front-door"), false);
  assert.equal(matches("door", "front-door"), false);
  assert.equal(matches("Front-*", "front-door"), false);
});

test("a camera that shares an entry gets its own before it", () => {
  const own = { rules: RULES, zones: [] };
  const changed = withEntry({ schemaVersion: 1, cameras: [FRONT, ALL] }, "front-door", own);
  assert.deepEqual(changed, { schemaVersion: 1, cameras: [{ ...own, streams: ["front-door"] }, FRONT, ALL] });
});

test("a camera's own entry is replaced", () => {
  const before = { streams: ["front-door"], rules: RULES };
  const changed = withEntry({ cameras: [before, ALL] }, "front-door", { rules: [] });
  assert.deepEqual(changed.cameras, [{ rules: [], streams: ["front-door"] }, ALL]);
});

test("rules keep only zones that exist and include", () => {
  const entry = entryWith([{ name: "a", zones: ["drive", "street", "gone"] }, { name: "b" }]);
  assert.deepEqual(withoutInvalidZones(entry).rules, [{ name: "a", zones: ["drive"] }, { name: "b" }]);
  assert.deepEqual(
    includingZones(entry).map((zone) => zone.name),
    ["drive"],
  );
});

test("a renamed zone is renamed in all rules", () => {
  const entry = entryWith([{ name: "a", zones: ["drive", "x"] }, { name: "b" }]);
  assert.deepEqual(withZoneRenamed(entry, "drive", "yard").rules, [{ name: "a", zones: ["yard", "x"] }, { name: "b" }]);
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
