// Moving between the cards of a grid by keys.

/** @typedef {{ top: number, left: number }} Position */

/**
 * The index of the card to go to; undefined if the key moves nothing, or nowhere.
 * @param {string} key
 * @param {number} index of the current card
 * @param {Position[]} positions of all cards, in order
 * @returns {number | undefined}
 */
export function indexByKey(key, index, positions) {
  /** @type {Record<string, () => number | undefined>} */
  const moves = {
    ArrowRight: () => index + 1,
    ArrowLeft: () => index - 1,
    Home: () => 0,
    End: () => positions.length - 1,
    ArrowDown: () => verticalNeighbour(index, positions, 1),
    ArrowUp: () => verticalNeighbour(index, positions, -1),
  };
  const target = moves[key]?.();
  return target !== undefined && positions[target] ? target : undefined;
}

/** @param {string} key */
export const isGridKey = (key) => ["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "Home", "End"].includes(key);

/**
 * @param {number} index
 * @param {Position[]} positions
 * @param {1 | -1} direction down or up
 */
function verticalNeighbour(index, positions, direction) {
  const from = positions[index];
  const others = positions
    .map(({ top, left }, at) => ({ at, down: direction * (top - from.top), aside: Math.abs(left - from.left) }))
    .filter(({ down }) => down > 1);
  others.sort((one, other) => one.down - other.down || one.aside - other.aside);
  return others[0]?.at;
}
