// The list of sessions. Its filters are in the address, so that a list can be shared.

import { Activity } from "../components/activity.js";
import { FilterForm } from "../components/filter_form.js";
import { SessionList } from "../components/session_list.js";
import { element, heading } from "../dom/elements.js";
import { viewAddress } from "../logic/addresses.js";
import { filtersOf, haveSameFilters } from "../logic/filters.js";
import { keyOf } from "../logic/sessions.js";

/** The list that was shown last, to return to. @type {SessionsView | undefined} */
let last;

/** @type {View} */
export async function sessions(query, { fresh, show }) {
  const filters = filtersOf(query);
  const view = !fresh && last?.canShowAgain(filters) ? last : new SessionsView(filters);
  last = view;
  view.open(show);
  return { update: (changed) => view.change(filtersOf(changed)), leave: () => view.leave() };
}

/**
 * The sessions next to one in the list that was shown last.
 * @param {Session} session
 */
export const neighbours = (session) => last?.list.grid.neighbours(keyOf(session)) ?? {};

/** The address of the list that was shown last. */
export const listAddress = () => viewAddress("sessions", last?.list.filters);

class SessionsView {
  activity = new Activity();
  form = new FilterForm((name, value) => {
    location.hash = viewAddress("sessions", { ...this.list.filters, [name]: value });
  });
  place = element("div");
  scrolled = 0;
  isShown = false;

  /** @param {SessionFilters} filters */
  constructor(filters) {
    this.list = this.newList(filters);
  }

  /** @param {SessionFilters} filters */
  newList(filters) {
    return new SessionList(filters, () => this.listChanged());
  }

  /** @param {SessionFilters} filters */
  canShowAgain(filters) {
    return this.list.isReusable && haveSameFilters(this.list.filters, filters);
  }

  /** @param {Show} show */
  open(show) {
    show(heading("Sessions"), this.form.node, this.activity.node, this.place, ...this.form.suggestions);
    if (this.isShown) this.resume();
    else this.begin();
    this.isShown = true;
  }

  resume() {
    scrollTo(0, this.scrolled);
    this.list.resume();
    this.list.refreshIfVisible();
  }

  /**
   * Filters may change again before the sessions have been read.
   * @param {SessionFilters} filters
   */
  change(filters) {
    this.list.leave();
    this.list = this.newList(filters);
    this.begin();
  }

  begin() {
    const { list } = this;
    this.form.fill(list.filters);
    this.place.replaceChildren(list.node);
    list.begin().then(
      () => this.suggest(),
      (error) => list.fail(error),
    );
    this.activity.draw(list.filters);
  }

  listChanged() {
    this.suggest();
    this.activity.draw(this.list.filters);
  }

  suggest() {
    for (const session of this.list.grid.sessions) this.form.suggest(session);
  }

  leave() {
    this.scrolled = scrollY;
    this.list.leave();
  }
}
