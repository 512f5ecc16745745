// The sessions that match filters: older ones are read as the user scrolls, new ones by themselves.

import { listChangedSessions, listSessions } from "../client/operations.js";
import { button, element, messageOf } from "../dom/elements.js";
import { keyOf, obsoleteKeys, Paging } from "../logic/sessions.js";
import { amount } from "../logic/text.js";
import { dayText } from "../logic/time.js";
import { CardGrid } from "./card_grid.js";

const REFRESH_MS = 5000;
const REUSABLE_MS = 10 * 60_000;
const NEAR_PX = 800;
const READING_PX = 200;

export class SessionList {
  createdAt = Date.now();
  grid = new CardGrid();
  paging = new Paging();
  isLeft = false;
  isLoading = false;
  /** Of the first page. @type {string | null} */
  tag = null;
  /** New sessions while the user reads further down. @type {Map<string, Session>} */
  waiting = new Map();
  /** The first page, if more sessions are new than it holds. @type {SessionPage | undefined} */
  gap = undefined;
  status = element("p", { class: "visually-hidden", role: "status" });
  problem = element("p", { class: "broken", role: "alert", hidden: true });
  newer = button("", () => this.showNewer(), { class: "newer primary", hidden: true });
  end = element("div", { class: "end quiet" }, "Loading …");
  node = element("div", {}, this.status, this.problem, this.newer, this.grid.node, this.end);

  /**
   * @param {SessionFilters} filters
   * @param {() => void} changed called after sessions were added or removed by a refresh
   */
  constructor(filters, changed) {
    this.filters = filters;
    this.changed = changed;
    this.watcher = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.readMore(), {
      rootMargin: `${NEAR_PX}px`,
    });
    this.refreshIfVisible = () => document.hidden || this.refresh();
  }

  /** Reads the first page. Throws ApiError. */
  async begin() {
    const { body, tag } = await listSessions(this.filters);
    this.tag = tag;
    this.addPage(body);
    if (!this.isLeft) this.resume();
  }

  /** @param {unknown} error of `begin` */
  fail(error) {
    const retry = () => this.begin().then(this.changed, (next) => this.fail(next));
    this.end.replaceChildren(element("p", { role: "alert" }, messageOf(error)), button("Try again", retry));
  }

  resume() {
    this.isLeft = false;
    this.watcher.observe(this.end);
    this.timer = setInterval(this.refreshIfVisible, REFRESH_MS);
    document.addEventListener("visibilitychange", this.refreshIfVisible);
  }

  leave() {
    this.isLeft = true;
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.refreshIfVisible);
    this.watcher.disconnect();
  }

  /** Whether the list is new enough to be shown again. */
  get isReusable() {
    return Date.now() - this.createdAt < REUSABLE_MS;
  }

  /** Reads older sessions until the end of the list is out of sight. */
  async readMore() {
    if (this.isLoading || this.paging.isComplete || this.paging.isPaused) return;
    this.isLoading = true;
    try {
      this.addPage((await listSessions(this.filters, this.paging.cursor)).body);
    } catch (error) {
      this.paging.stop();
      this.end.replaceChildren(`Older sessions could not be read: ${messageOf(error)}`);
    } finally {
      this.isLoading = false;
    }
    const { top } = this.end.getBoundingClientRect();
    if (this.end.isConnected && top < innerHeight + NEAR_PX) this.readMore();
  }

  /** @param {SessionPage} page */
  addPage(page) {
    this.take(page.sessions, false);
    this.paging.advance(page);
    this.drawEnd();
    this.status.textContent = `${amount(this.grid.size, "session")} shown`;
  }

  drawEnd() {
    if (this.paging.isComplete) this.end.replaceChildren(this.completeText());
    else if (this.paging.isPaused) this.end.replaceChildren(this.continueButton());
    else this.end.replaceChildren("Older sessions are loaded as you scroll.");
  }

  continueButton() {
    return button(`Search further back than ${dayText(new Date(this.paging.searchedUntil))}`, () => {
      this.paging.continue();
      this.readMore();
    });
  }

  completeText() {
    if (this.grid.size) return "No more sessions.";
    const isFiltered = Object.values(this.filters).some(Boolean);
    return isFiltered ? "No sessions match these filters." : "No sessions yet. New ones appear here by themselves.";
  }

  async refresh() {
    const response = await this.readFirstPage();
    if (response && !response.unchanged && !this.isLeft) this.renew(response.body, response.tag);
  }

  /** Undefined after an error, which is shown until the next success. */
  async readFirstPage() {
    try {
      const response = await listChangedSessions(this.filters, this.tag);
      this.problem.hidden = true;
      return response;
    } catch (error) {
      this.problem.textContent = `${messageOf(error)} Trying again …`;
      this.problem.hidden = false;
      return undefined;
    }
  }

  /**
   * Shows the first page as it is now. If none of its sessions is known, some that came in between are missing: the list
   * starts again.
   * @param {SessionPage} page
   * @param {string | null} tag
   */
  renew(page, tag) {
    this.tag = tag;
    this.grid.remove(obsoleteKeys(this.grid.order, page));
    this.gap = this.grid.size && !page.sessions.some((one) => this.grid.has(keyOf(one))) ? page : undefined;
    this.take(page.sessions, true);
    if (this.gap && scrollY <= READING_PX) this.showNewer();
    if (this.paging.isComplete) this.drawEnd();
    this.changed();
  }

  /**
   * Adds or updates cards. While the user reads further down, new sessions wait, so that nothing moves.
   * @param {Session[]} sessions
   * @param {boolean} areNew
   */
  take(sessions, areNew) {
    for (const session of sessions) {
      if (this.grid.has(keyOf(session))) this.grid.update(session);
      else if (areNew && scrollY > READING_PX) this.waiting.set(keyOf(session), session);
      else this.grid.insert(session, areNew);
    }
    this.newer.hidden = this.waiting.size === 0;
    this.newer.textContent = `↑ ${amount(this.waiting.size, "new session")}`;
  }

  showNewer() {
    scrollTo({ top: 0 });
    const { gap } = this;
    if (gap) this.clear();
    for (const [key, session] of this.waiting) if (!this.grid.has(key)) this.grid.insert(session, true);
    this.waiting.clear();
    if (gap) this.addPage(gap);
    this.newer.hidden = true;
    this.grid.focusFirst();
  }

  clear() {
    this.gap = undefined;
    this.grid.clear();
  }
}
