import assert from "node:assert/strict";
import { test } from "node:test";
import { indexByKey, isGridKey } from "../../functions/publish_viewer/page/js/logic/grid.js";

/** Two rows of three cards, then a day's heading, then a row of two. */
const POSITIONS = [
  [0, 0],
  [0, 100],
  [0, 200],
  [50, 0],
  [50, 100],
  [50, 200],
  [120, 0],
  [120, 100],
].map(([top, left]) => ({ top, left }));

test("left, right, Home and End follow the order", () => {
  assert.equal(indexByKey("ArrowRight", 2, POSITIONS), 3);
  assert.equal(indexByKey("ArrowLeft", 3, POSITIONS), 2);
  assert.equal(indexByKey("Home", 5, POSITIONS), 0);
  assert.equal(indexByKey("End", 0, POSITIONS), 7);
});

test("up and down go to the nearest card of the next row", () => {
  assert.equal(indexByKey("ArrowDown", 1, POSITIONS), 4);
  assert.equal(indexByKey("ArrowDown", 5, POSITIONS), 7);
  assert.equal(indexByKey("ArrowUp", 7, POSITIONS), 4);
});

test("nothing is beyond the ends, and other keys move nothing", () => {
  assert.equal(indexByKey("ArrowLeft", 0, POSITIONS), undefined);
  assert.equal(indexByKey("ArrowRight", 7, POSITIONS), undefined);
  assert.equal(indexByKey("ArrowUp", 1, POSITIONS), undefined);
  assert.equal(indexByKey("ArrowDown", 6, POSITIONS), undefined);
  assert.equal(indexByKey("a", 1, POSITIONS), undefined);
  assert.equal(isGridKey("a"), false);
  assert.equal(isGridKey("Home"), true);
});
