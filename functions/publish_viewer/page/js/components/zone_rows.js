// The form of a camera's zones and of the rules that they limit.

import { element } from "../dom/elements.js";
import { choice, field, inputValue, isChecked } from "../dom/fields.js";
import { ruleText } from "../logic/rules.js";

/** @type {[string, string][]} */
const KINDS = [
  ["INCLUDE", "watched"],
  ["EXCLUDE", "ignored"],
];

/**
 * @typedef {object} ZoneListener
 * @property {() => void} focused the zone's name has the focus
 * @property {(name: string) => void} renamed
 * @property {(kind: string) => void} kindChanged
 * @property {() => void} removed
 */

/**
 * @param {Zone} zone
 * @param {boolean} isSelected
 * @param {ZoneListener} listener
 */
export function zoneRow(zone, isSelected, listener) {
  const name = element("input", {
    name: "zone",
    value: zone.name,
    required: true,
    maxlength: 64,
    "aria-label": "Name",
    onfocus: listener.focused,
    onchange: (event) => listener.renamed(inputValue(event).trim()),
  });
  const label = { "aria-label": `${zone.name} is` };
  const kind = choice("kind", KINDS, zone.kind ?? "INCLUDE", listener.kindChanged, label);
  return element("li", { class: isSelected ? "selected" : "" }, name, kind, removeButton(zone, listener.removed));
}

/**
 * @param {Zone} zone
 * @param {() => void} onclick
 */
const removeButton = (zone, onclick) =>
  element("button", { type: "button", class: "plain", "aria-label": `Remove ${zone.name}`, onclick }, "✕");

/**
 * A rule with a checkbox for each zone that it may be limited to.
 * @param {Rule} rule
 * @param {Zone[]} zones
 * @param {(zone: string, isIncluded: boolean) => void} changed
 */
export function ruleRow(rule, zones, changed) {
  const checkbox = (/** @type {Zone} */ zone) =>
    element("input", {
      type: "checkbox",
      checked: rule.zones?.includes(zone.name) ?? false,
      onchange: (event) => changed(zone.name, isChecked(event)),
    });
  return element(
    "fieldset",
    {},
    element("legend", {}, ruleText(rule)),
    ...zones.map((zone) => field(`only in ${zone.name}`, checkbox(zone), { class: "check" })),
    !rule.zones?.length && element("p", { class: "quiet" }, "Applies to the whole image."),
  );
}
