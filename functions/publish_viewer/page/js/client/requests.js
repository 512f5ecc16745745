// Requests to the viewer API, with the token. An error carries the API's message.

import { queryString } from "../logic/addresses.js";
import { signInAgain, token } from "../sign_in.js";

/** A refusal of the API. `status` is 0 if there was no response. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {string[]} [problems] of a document, or of a request, each with its place
   */
  constructor(status, message, problems = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

/**
 * @typedef {Record<string, string | null | undefined>} Query
 * @typedef {{ query?: Query, body?: unknown, tag?: string }} RequestOptions `tag` is the ETag last read: changes and
 *   reads are conditional on it
 */

/**
 * Sends a change. Throws ApiError.
 * @param {string} method
 * @param {string} path
 * @param {RequestOptions} [options]
 * @returns {Promise<ApiResponse<any>>}
 */
export async function change(method, path, { query = {}, body, tag } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (tag !== undefined) headers["If-Match"] = tag;
  const text = body === undefined ? undefined : JSON.stringify(body);
  return bodyOf(await send(path + queryString(query), { method, headers, body: text }));
}

/**
 * Reads a document. Throws ApiError.
 * @param {string} path
 * @param {Query} [query]
 * @returns {Promise<ApiResponse<any>>}
 */
export const read = async (path, query = {}) => bodyOf(await send(path + queryString(query), {}));

/**
 * Reads a document unless it still has the tag. Throws ApiError.
 * @param {string} path
 * @param {Query} query
 * @param {string | null} tag
 * @returns {Promise<ConditionalResponse<any>>}
 */
export async function readIfChanged(path, query, tag) {
  if (tag === null) return read(path, query);
  const response = await send(path + queryString(query), { headers: { "If-None-Match": tag } });
  return response.status === 304 ? { unchanged: true, tag } : bodyOf(response);
}

/**
 * Reads what is not JSON, such as a camera's image. Throws ApiError.
 * @param {string} path
 * @returns {Promise<Blob>}
 */
export async function readBlob(path) {
  const response = await send(path, {});
  if (!response.ok) throw await errorOf(response);
  return response.blob();
}

/** @param {Response} response */
async function bodyOf(response) {
  if (!response.ok) throw await errorOf(response);
  return { body: await response.json(), tag: response.headers.get("ETag") };
}

/**
 * @param {string} path
 * @param {RequestInit} options
 * @returns {Promise<Response>}
 */
async function send(path, options) {
  const used = token();
  if (used === null) return signInAgain();
  const response = await fetched(path, {
    ...options,
    headers: { ...options.headers, Authorization: `Bearer ${used}` },
  });
  if (response.status !== 401) return response;
  // Another tab may have signed in meanwhile.
  return used === token() ? signInAgain() : send(path, options);
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
async function fetched(path, options) {
  try {
    return await fetch(`api/${path}`, options);
  } catch {
    throw new ApiError(0, "The service cannot be reached.");
  }
}

/** @param {Response} response */
async function errorOf(response) {
  const { error, message } = await response.json().catch(() => ({}));
  const text = error?.message ?? message ?? `The service returned status ${response.status}.`;
  return new ApiError(response.status, text, error?.problems);
}
