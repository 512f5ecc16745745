// Order, identity and paging of sessions, without their elements.

/** After so many pages without a session, a person decides whether to search further back. */
const EMPTY_PAGES = 5;

/**
 * The key of a session; keys sort as the API does, oldest first.
 * @param {Session} session
 * @returns {string}
 */
export const keyOf = (session) => `${session.sessionKey}/${session.streamName}`;

/**
 * When the session opened, by which sessions are sorted: its id begins with that time in milliseconds.
 * @param {Session} session
 * @returns {Date}
 */
export const openedAt = (session) => new Date(Number(session.sessionKey.slice(0, 15)));

/**
 * Where a key belongs among keys that are sorted from newest to oldest.
 * @param {string[]} keys
 * @param {string} key
 * @returns {number}
 */
export function insertionIndex(keys, key) {
  const after = keys.findIndex((one) => one < key);
  return after < 0 ? keys.length : after;
}

/**
 * Keys that the newest page should have and doesn't: those sessions are gone, or no longer match the filters.
 * @param {string[]} keys
 * @param {Pick<SessionPage, "sessions" | "cursor">} page
 * @returns {string[]}
 */
export function obsoleteKeys(keys, { sessions, cursor }) {
  const isLast = cursor === null;
  const current = sessions.map(keyOf);
  if (!isLast && !current.length) return [];
  const oldest = current.at(-1) ?? "";
  return keys.filter((key) => (isLast || key > oldest) && !current.includes(key));
}

/** Progress of reading the list backwards, page by page. */
export class Paging {
  /** Of the next page: undefined before the first one, null after the last one. @type {string | null | undefined} */
  cursor = undefined;
  emptyPages = 0;
  searchedUntil = "";

  /** @param {SessionPage} page */
  advance({ sessions, cursor, searchedUntil }) {
    this.cursor = cursor;
    this.emptyPages = sessions.length ? 0 : this.emptyPages + 1;
    this.searchedUntil = searchedUntil;
  }

  /** Ends the reading, after an error. */
  stop() {
    this.cursor = null;
  }

  /** Continues although many pages in a row were empty. */
  continue() {
    this.emptyPages = 0;
  }

  get isComplete() {
    return this.cursor === null;
  }

  get isPaused() {
    return this.cursor !== null && this.emptyPages >= EMPTY_PAGES;
  }
}

/** How long after its last image a session may still change. */
const CHANGING_MS = 20 * 60_000;

/**
 * Whether a session no longer changes by itself: it has ended, and its video is archived or overdue.
 * @param {Pick<SessionDetails, "closed" | "video" | "lastSeenAt">} session
 * @param {number} now in milliseconds since the epoch
 * @returns {boolean}
 */
export const isSettled = ({ closed, video, lastSeenAt }, now) =>
  closed && (video?.complete || now - Date.parse(lastSeenAt) > CHANGING_MS);
