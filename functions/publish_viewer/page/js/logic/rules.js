// The rules document as far as the zone editor needs it (docs/rules.md): which entry applies to a camera, and documents
// in which that camera has other zones.

/**
 * The entry that applies to a camera: the first one with a matching pattern.
 * @param {RulesDocument} document
 * @param {string} stream
 * @returns {RulesDocument["cameras"][number] | undefined}
 */
export const entryOf = (document, stream) =>
  document.cameras.find((entry) => entry.streams.some((pattern) => glob(pattern).test(stream)));

const glob = (/** @type {string} */ pattern) =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );

/**
 * A document in which `stream` has `entry` for itself. An entry that it shared with other cameras stays theirs; the
 * camera's own comes before all others, so that it applies.
 * @param {RulesDocument} document
 * @param {string} stream
 * @param {CameraEntry} entry
 * @returns {RulesDocument}
 */
export function withEntry(document, stream, entry) {
  const before = entryOf(document, stream);
  const isOwn = before?.streams.length === 1 && before.streams[0] === stream;
  const others = isOwn ? document.cameras.filter((one) => one !== before) : document.cameras;
  return { ...document, cameras: [{ ...entry, streams: [stream] }, ...others] };
}

/**
 * An entry whose rules name only zones that exist and do not exclude.
 * @param {ZonedEntry} entry
 * @returns {ZonedEntry}
 */
export function withoutInvalidZones(entry) {
  const valid = new Set(includingZones(entry).map((zone) => zone.name));
  return withRuleZones(entry, (names) => names.filter((name) => valid.has(name)));
}

/**
 * An entry whose rules name a zone by its new name.
 * @param {ZonedEntry} entry
 * @param {string} before
 * @param {string} after
 * @returns {ZonedEntry}
 */
export const withZoneRenamed = (entry, before, after) =>
  withRuleZones(entry, (names) => names.map((name) => (name === before ? after : name)));

/**
 * @param {ZonedEntry} entry
 * @param {(names: string[]) => string[]} change
 * @returns {ZonedEntry}
 */
function withRuleZones(entry, change) {
  const rules = entry.rules.map((rule) => (rule.zones ? { ...rule, zones: change(rule.zones) } : rule));
  return { ...entry, rules };
}

/**
 * The zones that a rule may name.
 * @param {ZonedEntry} entry
 * @returns {Zone[]}
 */
export const includingZones = (entry) => entry.zones.filter((zone) => zone.kind !== "EXCLUDE");

/**
 * A zone name that the entry does not have yet: "zone 1", "zone 2", …
 * @param {ZonedEntry} entry
 * @returns {string}
 */
export function unusedZoneName(entry) {
  const names = new Set(entry.zones.map((zone) => zone.name));
  let number = 1;
  while (names.has(`zone ${number}`)) number += 1;
  return `zone ${number}`;
}

/**
 * The zones of a rule once one has been added or removed.
 * @param {Rule} rule
 * @param {string} zone
 * @param {boolean} isIncluded
 * @returns {string[]}
 */
export function ruleZones(rule, zone, isIncluded) {
  const others = (rule.zones ?? []).filter((name) => name !== zone);
  return isIncluded ? [...others, zone] : others;
}

/**
 * @param {Rule} rule
 * @returns {string} such as "people: Person, Face, confidence of at least 80 %"
 */
export const ruleText = ({ name, labels, minimumConfidence }) =>
  `${name}: ${labels?.length ? labels.join(", ") : "any label"}, confidence of at least ${minimumConfidence ?? 0} %`;
