// Form fields.

import { element } from "./elements.js";

/**
 * @param {string} label
 * @param {HTMLElement} input
 * @param {Attributes} [more]
 */
export const field = (label, input, more = {}) => element("label", more, element("span", {}, label), input);

/**
 * @param {string} name
 * @param {[string, string][]} options value and text of each
 * @param {string} chosen
 * @param {(value: string) => unknown} [onchange]
 * @param {Attributes} [more]
 */
export function choice(name, options, chosen, onchange, more = {}) {
  const made = options.map(([value, text]) => element("option", { value, selected: value === chosen }, text));
  return element("select", { name, onchange: (event) => onchange?.(inputValue(event)), ...more }, ...made);
}

/**
 * The value of the input or select that an event is of.
 * @param {Event} event
 * @returns {string}
 */
export const inputValue = (event) => /** @type {HTMLInputElement | HTMLSelectElement} */ (event.currentTarget).value;

/**
 * Whether the checkbox that an event is of is checked.
 * @param {Event} event
 * @returns {boolean}
 */
export const isChecked = (event) => /** @type {HTMLInputElement} */ (event.currentTarget).checked;

/** Suggestions for an input; there are more of them as more are known. */
export class Suggestions {
  /** @type {Set<string>} */
  known = new Set();

  /** @param {string} id */
  constructor(id) {
    this.node = element("datalist", { id });
  }

  /** @param {string[]} values */
  add(values) {
    const before = this.known.size;
    for (const value of values) this.known.add(value);
    if (this.known.size === before) return;
    this.node.replaceChildren(...[...this.known].sort().map((value) => element("option", { value })));
  }
}
