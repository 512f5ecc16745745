// What people record about a session: that they have reviewed it, and that its evidence is held.

import { getSession, markSession } from "../client/operations.js";
import { ApiError } from "../client/requests.js";
import { button, element, messageOf, notice } from "../dom/elements.js";

const TRIES = 3;
/** @type {Record<MarkName, { text: string, set: string, unset: string }>} */
const MARKS = {
  reviewed: { text: "Reviewed", set: "Someone has reviewed it.", unset: "Not reviewed yet." },
  held: { text: "Hold", set: "Held: it never expires.", unset: "It expires with its evidence." },
};

/**
 * @typedef {"reviewed" | "held"} MarkName
 * @typedef {object} MarkedSession
 * @property {SessionDetails} session
 * @property {string | null} tag
 * @property {(session: SessionDetails, tag: string | null) => void} change shows the session as it is now
 */

export class SessionMarks {
  node = element("div", { class: "marks" });
  /** @type {(() => void)[]} */
  redraws = [];

  /** @param {MarkedSession} view */
  constructor(view) {
    this.view = view;
    this.node.append(this.mark("reviewed"), this.mark("held"));
  }

  draw() {
    for (const redraw of this.redraws) redraw();
  }

  /** @param {MarkName} name */
  mark(name) {
    const { text, set, unset } = MARKS[name];
    const toggle = button(text, () => this.toggle(name, toggle));
    const state = element("small", { class: "quiet" });
    this.redraws.push(() => {
      const isSet = this.view.session[name];
      toggle.setAttribute("aria-pressed", String(isSet));
      state.textContent = isSet ? set : unset;
    });
    return element("div", {}, toggle, state);
  }

  /**
   * @param {MarkName} name
   * @param {HTMLButtonElement} toggle
   */
  async toggle(name, toggle) {
    toggle.disabled = true;
    try {
      await this.set(name, !this.view.session[name]);
    } catch (error) {
      notice(messageOf(error));
    } finally {
      toggle.disabled = false;
      toggle.focus();
    }
  }

  /**
   * Sets a mark on the session as it is now: it changes while it is in progress, and others may mark it meanwhile.
   * @param {MarkName} name
   * @param {boolean} value
   */
  async set(name, value) {
    for (let left = TRIES; this.view.session[name] !== value; left -= 1) {
      try {
        const { body, tag } = await markSession(this.view.session, { [name]: value }, this.view.tag);
        this.view.change({ ...this.view.session, reviewed: body.reviewed, held: body.held }, tag);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 412 || left === 1) throw error;
        const { body, tag } = await getSession(this.view.session);
        this.view.change(body, tag);
      }
    }
  }
}
