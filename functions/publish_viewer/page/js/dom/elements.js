// Elements without markup: every text is added as text, so a label or a stream name is never parsed as HTML.

import { fetchable } from "../logic/addresses.js";

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "selected"]);

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes] `on…` adds a listener; undefined, null and false are left out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export const element = (name, attributes = {}, ...children) =>
  filled(document.createElement(name), attributes, children);

/**
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[Name]}
 */
export const shape = (name, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

/**
 * @template {Element} Made
 * @param {Made} made
 * @param {Record<string, unknown>} attributes
 * @param {Child[]} children
 * @returns {Made}
 */
function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) set(made, name, value);
  }
  made.append(...present(children));
  return made;
}

/**
 * @param {Element} made
 * @param {string} name
 * @param {unknown} value
 */
function set(made, name, value) {
  if (name.startsWith("on")) made.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  else if (PROPERTIES.has(name)) Reflect.set(made, name, value);
  else made.setAttribute(name, value === true ? "" : String(value));
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
const present = (children) =>
  children.flatMap((child) => {
    if (Array.isArray(child)) return present(child);
    return child === null || child === undefined || child === false ? [] : [child];
  });

/**
 * The element of the document with an id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {Show} */
export const show = (...content) => byId("content").replaceChildren(...present(content));

/**
 * A view's heading, which is the tab's title as well.
 * @param {string} text
 */
export function heading(text) {
  document.title = `${text} · Kinesight`;
  return element("h1", {}, text);
}

/**
 * Shows a message for some seconds.
 * @param {string} text
 */
export function notice(text) {
  const line = element("p", {}, text);
  byId("notices").append(line);
  setTimeout(() => line.remove(), 8000);
}

/**
 * The message of anything that was thrown.
 * @param {unknown} error
 * @returns {string}
 */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * An address from outside that may become a link or a source; undefined for one that a browser would not fetch.
 * @param {string | null | undefined} address
 */
export const safe = (address) => fetchable(address, location.href);

/**
 * A quiet placeholder where an image belongs.
 * @param {string} text
 */
export const placeholder = (text) => element("span", { class: "none" }, text);

/**
 * @param {string} text
 * @param {() => unknown} onclick
 * @param {Attributes} [more]
 */
export const button = (text, onclick, more = {}) => element("button", { type: "button", onclick, ...more }, text);
