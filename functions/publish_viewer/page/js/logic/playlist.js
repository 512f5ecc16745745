// HLS playlists with fragmented MP4, as KVS serves them.

/** @typedef {{ url: string, initialization: string, start: number, end: number }} Segment in seconds from the beginning */

/**
 * The address of the first media playlist that a master playlist names; undefined for a media playlist.
 * @param {string} text
 * @param {string} url of the playlist
 * @returns {string | undefined}
 */
export function variantOf(text, url) {
  const lines = linesOf(text);
  if (!lines.some((line) => line.startsWith("#EXT-X-STREAM-INF"))) return undefined;
  return absolute(lines.find((line) => !line.startsWith("#")) ?? "", url);
}

/**
 * The segments of a media playlist, each with its initialization segment. Throws an error if there are none.
 * @param {string} text
 * @param {string} url of the playlist
 * @returns {Segment[]}
 */
export function segmentsOf(text, url) {
  /** @type {Segment[]} */
  const segments = [];
  let initialization = "";
  let seconds = 0;
  for (const line of linesOf(text)) {
    const [, tag, value] = /^#(EXT-X-MAP|EXTINF):(.*)$/.exec(line) ?? [];
    if (tag === "EXT-X-MAP") initialization = absolute(/URI="([^"]+)"/.exec(value)?.[1] ?? "", url);
    if (tag === "EXTINF") seconds = Number.parseFloat(value);
    if (line.startsWith("#")) continue;
    const start = segments.at(-1)?.end ?? 0;
    segments.push({ url: absolute(line, url), initialization, start, end: start + seconds });
  }
  if (!segments.length || !initialization) throw new Error("the playlist is empty");
  return segments;
}

/**
 * The segment to fetch next: the first one that is not buffered and plays from `currentTime` until `ahead` seconds later.
 * @param {Segment[]} segments
 * @param {Set<Segment>} buffered
 * @param {number} currentTime
 * @param {number} ahead
 * @returns {Segment | undefined}
 */
export const nextSegment = (segments, buffered, currentTime, ahead) =>
  segments.find((one) => !buffered.has(one) && one.end > currentTime && one.start < currentTime + ahead);

const linesOf = (/** @type {string} */ text) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

const absolute = (/** @type {string} */ address, /** @type {string} */ base) => new URL(address, base).href;
