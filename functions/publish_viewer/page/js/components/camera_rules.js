// What the configuration document has for one camera: read, changed here, and saved into the document as it is by
// then.

import { getRules, putRules } from "../client/operations.js";
import { ApiError } from "../client/requests.js";
import { ruleZones, unusedZoneName, withEntry, withoutInvalidZones, withZoneRenamed } from "../logic/rules.js";

const CONFLICT = 412;
const CONFLICT_TEXT =
  "Someone else has changed the rules in the meantime. Your changes are still here: save again to add them to the new document.";

export class CameraRules {
  hasChanges = false;
  /** What was read last. @type {ReadRules} */
  latest = { document: {}, entry: null };
  /** Of the document that was read. */
  tag = "";
  /** What applies to this camera, with the changes made here. @type {ZoneSettings} */
  settings = { zones: [], rules: [] };

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
    const { zones = [], rules = [], stationary } = await this.readDocument();
    this.settings = { zones, rules, stationary };
  }

  /** @returns {Promise<Partial<ZoneSettings>>} what applies to this camera */
  async readDocument() {
    const { body } = await getRules(this.stream);
    const document = /** @type {RulesDocument} */ (body.document ?? { schemaVersion: 1 });
    this.latest = { document, entry: body.entry };
    this.tag = body.etag;
    return /** @type {Partial<ZoneSettings>} */ (body.camera);
  }

  markChanged() {
    this.hasChanges = true;
    this.changed();
  }

  /** @param {Corner[]} polygon of a new zone */
  addZone(polygon) {
    this.settings.zones.push({ name: unusedZoneName(this.settings), polygon });
    this.markChanged();
  }

  /**
   * @param {Zone} zone
   * @param {string} name
   */
  renameZone(zone, name) {
    this.settings = withZoneRenamed(this.settings, zone.name, name);
    zone.name = name;
    this.markChanged();
  }

  /**
   * @param {Zone} zone
   * @param {string} kind
   */
  changeKind(zone, kind) {
    zone.kind = kind;
    this.settings = withoutInvalidZones(this.settings);
    this.markChanged();
  }

  /** @param {number} index */
  removeZone(index) {
    this.settings.zones.splice(index, 1);
    this.settings = withoutInvalidZones(this.settings);
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
      const latest = withEntry(this.latest, this.stream, this.settings);
      const { body } = await putRules(latest.document, this.tag);
      Object.assign(this, { latest, tag: body.etag, hasChanges: false });
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
    const { stationary } = await this.readDocument();
    this.settings.stationary = stationary;
    return [CONFLICT_TEXT];
  }
}
