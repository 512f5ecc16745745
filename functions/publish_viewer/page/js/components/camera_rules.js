// What the rules document has for one camera: read, changed here, and saved into the document as it is by then.

import { getRules, putRules } from "../client/operations.js";
import { ApiError } from "../client/requests.js";
import { entryOf, ruleZones, unusedZoneName, withEntry, withoutInvalidZones, withZoneRenamed } from "../logic/rules.js";

const CONFLICT = 412;
const CONFLICT_TEXT =
  "Someone else has changed the rules in the meantime. Your changes are still here: save again to add them to the new document.";

export class CameraRules {
  hasChanges = false;
  /** @type {RulesDocument} */
  document = { cameras: [] };
  /** Of the document that was read. */
  tag = "";
  /** What applies to cameras without an entry. @type {CameraEntry} */
  defaultEntry = { rules: [] };
  /** What applies to this camera, with the changes made here. @type {ZonedEntry} */
  entry = { zones: [], rules: [] };

  /**
   * @param {string} stream
   * @param {() => void} changed called after each change
   */
  constructor(stream, changed) {
    this.stream = stream;
    this.changed = changed;
  }

  /** Throws ApiError. */
  async read() {
    await this.readDocument();
    /** @type {CameraEntry} */
    const entry = entryOf(this.document, this.stream) ?? this.defaultEntry;
    this.entry = structuredClone({ ...entry, zones: entry.zones ?? [] });
  }

  async readDocument() {
    const { body } = await getRules();
    this.document = /** @type {RulesDocument} */ (body.document ?? { schemaVersion: 1, cameras: [] });
    this.defaultEntry = /** @type {CameraEntry} */ (/** @type {unknown} */ (body.default));
    this.tag = body.etag;
  }

  markChanged() {
    this.hasChanges = true;
    this.changed();
  }

  /** @param {Corner[]} polygon of a new zone */
  addZone(polygon) {
    this.entry.zones.push({ name: unusedZoneName(this.entry), polygon });
    this.markChanged();
  }

  /**
   * @param {Zone} zone
   * @param {string} name
   */
  renameZone(zone, name) {
    this.entry = withZoneRenamed(this.entry, zone.name, name);
    zone.name = name;
    this.markChanged();
  }

  /**
   * @param {Zone} zone
   * @param {string} kind
   */
  changeKind(zone, kind) {
    zone.kind = kind;
    this.entry = withoutInvalidZones(this.entry);
    this.markChanged();
  }

  /** @param {number} index */
  removeZone(index) {
    this.entry.zones.splice(index, 1);
    this.entry = withoutInvalidZones(this.entry);
    this.markChanged();
  }

  /**
   * @param {Rule} rule
   * @param {string} zone
   * @param {boolean} isIncluded whether the rule is limited to the zone
   */
  limitRule(rule, zone, isIncluded) {
    rule.zones = ruleZones(rule, zone, isIncluded);
    this.markChanged();
  }

  /** @returns {Promise<string[]>} why the document was not saved; empty if it was */
  async save() {
    try {
      const document = withEntry(this.document, this.stream, this.entry);
      const { body } = await putRules(document, this.tag);
      Object.assign(this, { document, tag: body.etag, hasChanges: false });
      return [];
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.explain(error);
    }
  }

  /**
   * The document is shared. After someone else's change, the next save puts this camera's entry into their document.
   * @param {ApiError} error
   */
  async explain(error) {
    if (error.status !== CONFLICT) return error.problems.length ? error.problems : [error.message];
    await this.readDocument();
    return [CONFLICT_TEXT];
  }
}
