// Addresses: of the page's views, which are in the fragment, and of the API's resources.

/**
 * @param {string} path such as "sessions"
 * @param {Record<string, string | null | undefined>} [query] empty values are left out
 * @returns {string} such as "#/sessions?stream=front-door"
 */
export const viewAddress = (path, query = {}) => `#/${path}${queryString(query)}`;

/**
 * The view and the query of a fragment such as "#/sessions?stream=front-door".
 * @param {string} fragment
 * @returns {{ path: string, query: URLSearchParams }}
 */
export function parsedFragment(fragment) {
  const [path, query = ""] = fragment.replace(/^#\/?/, "").split("?");
  return { path, query: new URLSearchParams(query) };
}

/**
 * @param {Record<string, string | null | undefined>} query empty values are left out
 * @returns {string} with its question mark; empty without values
 */
export function queryString(query) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) parameters.append(name, value);
  return parameters.size ? `?${parameters}` : "";
}

/** @param {{ streamName: string, sessionKey: string }} session */
export const sessionAddress = ({ streamName, sessionKey }) =>
  viewAddress(`sessions/${escaped(streamName, sessionKey)}`);

/** @param {string} stream */
export const zonesAddress = (stream) => viewAddress(`cameras/${escaped(stream)}/zones`);

/** @param {string} id */
export const analysisAddress = (id) => viewAddress(`analyze/${escaped(id)}`);

/**
 * @param {...string} parts
 * @returns {string} a path of them, each escaped
 */
export const escaped = (...parts) => parts.map(encodeURIComponent).join("/");

/**
 * An address from outside if a browser fetches it. Undefined for anything else, above all `javascript:`.
 * @param {string | null | undefined} address
 * @param {string} base
 * @returns {string | undefined}
 */
export function fetchable(address, base) {
  if (!address || !URL.canParse(address, base)) return undefined;
  const url = new URL(address, base);
  return url.protocol === "https:" || url.protocol === "http:" ? url.href : undefined;
}
