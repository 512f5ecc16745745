// Filters of the session list, as the page's address has them.

/** @type {(keyof SessionFilters)[]} */
const NAMES = ["stream", "label", "zone", "class", "day", "reviewed"];

/**
 * @param {URLSearchParams} query
 * @returns {SessionFilters}
 */
export const filtersOf = (query) =>
  /** @type {SessionFilters} */ (Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""])));

/**
 * @param {SessionFilters} one
 * @param {SessionFilters} other
 * @returns {boolean}
 */
export const haveSameFilters = (one, other) => NAMES.every((name) => one[name] === other[name]);

/**
 * How many filters are set.
 * @param {SessionFilters} filters
 * @returns {number}
 */
export const filterCount = (filters) => NAMES.filter((name) => filters[name]).length;
