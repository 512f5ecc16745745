// Session cards in a grid, newest first, with a heading for each day.

import { element } from "../dom/elements.js";
import { indexByKey, isGridKey } from "../logic/grid.js";
import { insertionIndex, keyOf, openedAt } from "../logic/sessions.js";
import { dayKey, dayName } from "../logic/time.js";
import { SessionCard } from "./session_card.js";

const EAGER = innerWidth < 800 ? 2 : 6; // cards that are seen at once

export class CardGrid {
  /** @type {Map<string, SessionCard>} */
  cards = new Map();
  /** @type {Map<string, HTMLElement>} */
  days = new Map();
  /** Keys of the cards, newest first. @type {string[]} */
  order = [];
  node = element("ul", {
    class: "cards",
    "aria-label": "Sessions",
    onkeydown: (event) => this.moveByKey(event),
  });

  get size() {
    return this.order.length;
  }

  get sessions() {
    return [...this.cards.values()].map((card) => card.session);
  }

  /** @param {string} key */
  has(key) {
    return this.cards.has(key);
  }

  /**
   * Updates the card of a session that has one.
   * @param {Session} session
   */
  update(session) {
    this.cards.get(keyOf(session))?.update(session);
  }

  /**
   * Adds a card where it belongs.
   * @param {Session} session
   * @param {boolean} isNew whether it is highlighted
   */
  insert(session, isNew) {
    const key = keyOf(session);
    const card = new SessionCard(session, this.order.length < EAGER);
    if (isNew) card.node.classList.add("new");
    this.cards.set(key, card);
    const at = insertionIndex(this.order, key);
    const before = this.cards.get(this.order[at - 1])?.node;
    this.order.splice(at, 0, key);
    this.predecessor(session, before).after(card.node);
  }

  /**
   * What a card comes after: the card before it, or the heading of its day, which is added if it is missing.
   * @param {Session} session
   * @param {HTMLElement | undefined} before the card before it
   */
  predecessor(session, before) {
    const opened = openedAt(session);
    const day = dayKey(opened);
    return before?.dataset.day === day ? before : (this.days.get(day) ?? this.addDay(day, opened, before));
  }

  /**
   * @param {string} day
   * @param {Date} opened
   * @param {HTMLElement | undefined} before
   */
  addDay(day, opened, before) {
    const heading = element("li", { class: "day", "data-day": day }, element("h2", {}, dayName(opened)));
    this.days.set(day, heading);
    if (before) before.after(heading);
    else this.node.prepend(heading);
    return heading;
  }

  /**
   * Removes cards, and the headings of days that have none left.
   * @param {string[]} keys
   */
  remove(keys) {
    for (const key of keys) {
      this.cards.get(key)?.node.remove();
      this.cards.delete(key);
      this.order.splice(this.order.indexOf(key), 1);
    }
    for (const [day, heading] of this.days) {
      if (this.node.querySelector(`.card[data-day="${day}"]`)) continue;
      heading.remove();
      this.days.delete(day);
    }
  }

  clear() {
    this.cards.clear();
    this.days.clear();
    this.order = [];
    this.node.replaceChildren();
  }

  /**
   * The sessions next to one, in this list.
   * @param {string} key
   * @returns {{ newer?: Session, older?: Session }}
   */
  neighbours(key) {
    const at = this.order.indexOf(key);
    const sessionAt = (/** @type {number} */ index) => this.cards.get(this.order[index])?.session;
    return at < 0 ? {} : { newer: sessionAt(at - 1), older: sessionAt(at + 1) };
  }

  focusFirst() {
    this.links()[0]?.focus({ preventScroll: true });
  }

  links() {
    return [...this.node.querySelectorAll("a")];
  }

  /**
   * Arrow keys move between the cards as they are laid out, Home and End to the first and the last one loaded.
   * @param {KeyboardEvent} event
   */
  moveByKey(event) {
    const links = this.links();
    const at = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
    if (at < 0 || !isGridKey(event.key)) return;
    event.preventDefault();
    const to = indexByKey(
      event.key,
      at,
      links.map((link) => link.getBoundingClientRect()),
    );
    if (to !== undefined) links[to].focus();
  }
}
