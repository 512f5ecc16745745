// Polygons over an image. Corners are shares of its size, [across, down], as in the configuration document.

export const MINIMUM_CORNERS = 3;
const STEP = 0.01;
const LARGE_STEP = 0.05;
const NEW_CORNER_DISTANCE = 0.1;
/** @type {Corner} */
const FIRST_CORNER = [0.4, 0.4];
/** @type {Record<string, Corner>} */
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * The nearest corner inside the image, rounded to four decimal places.
 * @param {Corner} corner
 * @returns {Corner}
 */
export const clamped = ([across, down]) => [clampedShare(across), clampedShare(down)];

const clampedShare = (/** @type {number} */ share) => Math.round(10_000 * Math.min(1, Math.max(0, share))) / 10_000;

/**
 * Whether a point is inside, by counting the sides that a ray to the right crosses.
 * @param {Corner[]} polygon
 * @param {Corner} point
 * @returns {boolean}
 */
export function contains(polygon, point) {
  const crossed = polygon.filter((corner, index) =>
    isCrossed(corner, /** @type {Corner} */ (polygon.at(index - 1)), point),
  );
  return crossed.length % 2 === 1;
}

/**
 * @param {Corner} corner
 * @param {Corner} other
 * @param {Corner} point
 */
function isCrossed([x, y], [otherX, otherY], [across, down]) {
  return y > down !== otherY > down && across < ((otherX - x) * (down - y)) / (otherY - y) + x;
}

/**
 * The `points` attribute of an SVG shape whose view box is 1000 by 1000.
 * @param {Corner[]} polygon
 * @returns {string}
 */
export const pointsAttribute = (polygon) =>
  polygon.map(([across, down]) => `${1000 * across},${1000 * down}`).join(" ");

/**
 * A corner for a polygon that is being drawn without a pointer: next to the last one, to the right and down in turn.
 * @param {Corner[]} polygon
 * @returns {Corner}
 */
export function nextCorner(polygon) {
  const last = polygon.at(-1);
  if (!last) return FIRST_CORNER;
  const [across, down] = last;
  return clamped([across + NEW_CORNER_DISTANCE, down + (polygon.length % 2 ? 0 : NEW_CORNER_DISTANCE)]);
}

/**
 * A new corner in the middle of the longest side, and the index at which to insert it.
 * @param {Corner[]} polygon
 * @returns {{ index: number, corner: Corner }}
 */
export function cornerOfLongestSide(polygon) {
  const sides = polygon.map((corner, index) => ({ corner, next: polygon[(index + 1) % polygon.length], index }));
  const longest = sides.reduce((best, side) => (lengthOf(side) > lengthOf(best) ? side : best));
  const [across, down] = longest.corner;
  const corner = clamped([(across + longest.next[0]) / 2, (down + longest.next[1]) / 2]);
  return { index: longest.index + 1, corner };
}

/** @param {{ corner: Corner, next: Corner }} side */
const lengthOf = ({ corner, next }) => Math.hypot(corner[0] - next[0], corner[1] - next[1]);

/**
 * Where an arrow key moves a corner; undefined for any other key.
 * @param {Corner} corner
 * @param {string} key
 * @param {boolean} large
 * @returns {Corner | undefined}
 */
export function movedByKey([across, down], key, large) {
  const direction = DIRECTIONS[key];
  if (!direction) return undefined;
  const step = large ? LARGE_STEP : STEP;
  return clamped([across + step * direction[0], down + step * direction[1]]);
}

/**
 * @param {Corner[]} polygon
 * @param {number} index
 * @returns {string} such as "Corner 1 of 4: 25 % across, 50 % down"
 */
export function cornerLabel(polygon, index) {
  const [across, down] = polygon[index].map((share) => Math.round(100 * share));
  return `Corner ${index + 1} of ${polygon.length}: ${across} % across, ${down} % down`;
}
