// The configuration document as far as the zone editor needs it (docs/configuration.md): documents in which a camera has
// other zones. The API returns which entry applies to a camera.

/**
 * A document in which a camera has an entry of its own with these zones and rules, before all others; one that it
 * already has is replaced in place. All further settings are those of the entry that applied to the camera so far,
 * which stays as it is for other cameras.
 * @param {ReadRules} read
 * @param {string} stream
 * @param {ZoneSettings} settings
 * @returns {ReadRules} with the index of that entry
 */
export function withEntry({ document, entry }, stream, settings) {
  const cameras = document.cameras ?? [];
  /** @type {CameraEntry} */
  const applied = entry === null ? {} : cameras[entry];
  const { streamTags, ...before } = applied;
  const isOwn = before.streams?.length === 1 && before.streams[0] === stream && !streamTags?.length;
  const own = { ...before, streams: [stream], ...settings };
  const index = isOwn ? Number(entry) : 0;
  return { document: { ...document, cameras: cameras.toSpliced(index, isOwn ? 1 : 0, own) }, entry: index };
}

/**
 * Settings whose rules name only zones that exist and do not exclude.
 * @param {ZoneSettings} settings
 * @returns {ZoneSettings}
 */
export function withoutInvalidZones(settings) {
  const valid = new Set(includingZones(settings).map((zone) => zone.name));
  return withRuleZones(settings, (names) => names.filter((name) => valid.has(name)));
}

/**
 * Settings whose rules name a zone by its new name.
 * @param {ZoneSettings} settings
 * @param {string} before
 * @param {string} after
 * @returns {ZoneSettings}
 */
export const withZoneRenamed = (settings, before, after) =>
  withRuleZones(settings, (names) => names.map((name) => (name === before ? after : name)));

/**
 * @param {ZoneSettings} settings
 * @param {(names: string[]) => string[]} change
 * @returns {ZoneSettings}
 */
function withRuleZones(settings, change) {
  const rules = settings.rules.map((rule) => (rule.zones ? { ...rule, zones: change(rule.zones) } : rule));
  return { ...settings, rules };
}

/**
 * The zones that a rule may name.
 * @param {ZoneSettings} settings
 * @returns {Zone[]}
 */
export const includingZones = (settings) => settings.zones.filter((zone) => zone.kind !== "EXCLUDE");

/**
 * A zone name that the camera does not have yet: "zone 1", "zone 2", …
 * @param {ZoneSettings} settings
 * @returns {string}
 */
export function unusedZoneName(settings) {
  const names = new Set(settings.zones.map((zone) => zone.name));
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
