// Which view an address shows.

import { button, element, heading, messageOf, show } from "./dom/elements.js";
import { parsedFragment } from "./logic/addresses.js";

export const HOME = "sessions";
const LOADING_MS = 300;

/** @type {[RegExp, () => Promise<View>][]} */
const VIEWS = [
  [/^sessions$/, async () => (await import("./views/sessions.js")).sessions],
  [/^sessions\/([^/]+)\/([^/]+)$/, async () => (await import("./views/session.js")).session],
  [/^cameras$/, async () => (await import("./views/cameras.js")).cameras],
  [/^cameras\/([^/]+)\/zones$/, async () => (await import("./views/zones.js")).zones],
  [/^analyze$/, async () => (await import("./views/analyses.js")).analyses],
  [/^analyze\/([^/]+)$/, async () => (await import("./views/analysis.js")).analysis],
];

export class Router {
  /** @type {OpenView & { path?: string }} */
  current = {};
  /** Of the views that were opened; only the last one is shown. */
  turn = 0;

  /**
   * Shows the view of the address.
   * @param {boolean} [fresh] whether the view starts again instead of continuing
   */
  async draw(fresh = false) {
    this.turn += 1;
    const { turn } = this;
    const { path, query } = parsedFragment(location.hash);
    try {
      if (!fresh && this.current.update && this.current.path === path) await this.current.update(query);
      else if (this.mayLeave()) await this.open(path, query, fresh);
    } catch (error) {
      if (turn === this.turn) show(heading("Something went wrong"), this.failure(messageOf(error)), this.retry());
    }
  }

  /** Whether the current view can be left; if not, its address is restored. */
  mayLeave() {
    if (!this.current.hasUnsavedChanges?.()) return true;
    if (confirm("Your changes are not saved. Leave this page?")) return true;
    history.replaceState(null, "", `#/${this.current.path}`);
    return false;
  }

  /**
   * @param {string} path
   * @param {URLSearchParams} query
   * @param {boolean} fresh
   */
  async open(path, query, fresh) {
    const { turn } = this;
    this.current.leave?.();
    this.current = {};
    markCurrent(path);
    scrollTo(0, 0);
    const isCurrent = () => turn === this.turn;
    const loading = setTimeout(() => isCurrent() && show(element("p", { class: "quiet" }, "Loading …")), LOADING_MS);
    const showOnce = (/** @type {Child[]} */ ...content) => {
      clearTimeout(loading);
      if (isCurrent()) show(...content);
    };
    try {
      const opened = await openView(path || HOME, query, { fresh, show: showOnce });
      if (isCurrent()) this.current = { path, ...opened };
      else opened.leave?.();
    } finally {
      clearTimeout(loading);
    }
  }

  /** @param {string} message */
  failure(message) {
    return element("p", { role: "alert" }, message);
  }

  retry() {
    return element(
      "p",
      {},
      button("Try again", () => this.draw(true)),
    );
  }
}

/**
 * @param {string} path
 * @param {URLSearchParams} query
 * @param {ViewContext} context
 * @returns {Promise<OpenView>}
 */
async function openView(path, query, context) {
  const [pattern, load] = VIEWS.find(([one]) => one.test(path)) ?? [];
  if (!pattern || !load) {
    context.show(
      heading("Page not found"),
      element("p", {}, element("a", { href: `#/${HOME}` }, "Go to the sessions")),
    );
    return {};
  }
  const view = await load();
  const parts = pattern.exec(path)?.slice(1) ?? [];
  return view(query, context, ...parts.map(decodeURIComponent));
}

/**
 * Marks the menu's link to the view.
 * @param {string} path
 */
function markCurrent(path) {
  const [first] = (path || HOME).split("/");
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `#/${first}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
