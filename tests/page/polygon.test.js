import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clamped,
  contains,
  cornerLabel,
  cornerOfLongestSide,
  movedByKey,
  nextCorner,
  pointsAttribute,
} from "../../functions/publish_viewer/page/js/logic/polygon.js";

/** @type {Corner[]} */
const SQUARE = [
  [0.2, 0.2],
  [0.6, 0.2],
  [0.6, 0.6],
  [0.2, 0.6],
];
/** An L whose notch is in its upper right. @type {Corner[]} */
const CONCAVE = [
  [0, 0],
  [0.5, 0],
  [0.5, 0.5],
  [1, 0.5],
  [1, 1],
  [0, 1],
];

test("a polygon contains what is inside, whatever its direction", () => {
  for (const polygon of [SQUARE, SQUARE.toReversed()]) {
    assert.equal(contains(polygon, [0.4, 0.4]), true);
    for (const outside of /** @type {Corner[]} */ ([
      [0.1, 0.4],
      [0.7, 0.4],
      [0.4, 0.1],
      [0.4, 0.7],
    ])) {
      assert.equal(contains(polygon, outside), false);
    }
  }
});

test("a concave polygon does not contain its notch", () => {
  assert.equal(contains(CONCAVE, [0.75, 0.25]), false);
  assert.equal(contains(CONCAVE, [0.25, 0.25]), true);
  assert.equal(contains(CONCAVE, [0.75, 0.75]), true);
});

test("nothing is inside a polygon without an area", () => {
  assert.equal(contains([], [0.5, 0.5]), false);
  assert.equal(contains([[0.5, 0.5]], [0.5, 0.5]), false);
});

test("corners stay inside the image, with four decimal places", () => {
  assert.deepEqual(clamped([-0.1, 1.2]), [0, 1]);
  assert.deepEqual(clamped([0.123456, 0.99999]), [0.1235, 1]);
});

test("arrow keys move a corner by a hundredth, with Shift by five", () => {
  assert.deepEqual(movedByKey([0.5, 0.5], "ArrowLeft", false), [0.49, 0.5]);
  assert.deepEqual(movedByKey([0.5, 0.5], "ArrowRight", false), [0.51, 0.5]);
  assert.deepEqual(movedByKey([0.5, 0.5], "ArrowUp", true), [0.5, 0.45]);
  assert.deepEqual(movedByKey([0.5, 0.99], "ArrowDown", true), [0.5, 1]);
  assert.equal(movedByKey([0.5, 0.5], "a", false), undefined);
});

test("a corner is added in the middle of the longest side", () => {
  /** @type {Corner[]} */
  const triangle = [
    [0, 0],
    [0.3, 0],
    [0.3, 0.8],
  ];
  assert.deepEqual(cornerOfLongestSide(triangle), { index: 3, corner: [0.15, 0.4] });
  assert.deepEqual(cornerOfLongestSide(SQUARE), { index: 1, corner: [0.4, 0.2] });
});

test("corners that are drawn without a pointer make a polygon with an area", () => {
  /** @type {Corner[]} */
  const drawn = [];
  for (let count = 0; count < 3; count += 1) drawn.push(nextCorner(drawn));
  assert.deepEqual(drawn, [
    [0.4, 0.4],
    [0.5, 0.4],
    [0.6, 0.5],
  ]);
  assert.deepEqual(nextCorner([[0.95, 0.95]]), [1, 0.95]);
});

test("a polygon becomes the points of a shape, and a corner its label", () => {
  assert.equal(
    pointsAttribute([
      [0, 0.5],
      [1, 0.25],
    ]),
    "0,500 1000,250",
  );
  assert.equal(cornerLabel(SQUARE, 2), "Corner 3 of 4: 60 % across, 60 % down");
});
