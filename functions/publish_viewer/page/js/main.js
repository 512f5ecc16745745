// Which view an address shows. A view draws itself with the `show` it is given, which does nothing once another view is
// wanted; what it returns is what to do when it is left, whether something `unsaved` would be lost then, and, where the same
// view can show another address without being drawn anew, `update`.

import { element, heading, notice, show, skipTo } from "./dom.js";
import { canSignOut, signIn, signOut } from "./session.js";

const VIEWS = [
  [/^events$/, () => import("./events.js").then((module) => module.events)],
  [/^events\/([^/]+)\/([^/]+)$/, () => import("./event.js").then((module) => module.event)],
  [/^cameras$/, () => import("./cameras.js").then((module) => module.cameras)],
  [/^cameras\/([^/]+)\/zones$/, () => import("./zones.js").then((module) => module.zones)],
  [/^analyze$/, () => import("./analyze.js").then((module) => module.analyze)],
  [/^analyze\/([^/]+)$/, () => import("./analysis.js").then((module) => module.analysis)],
];

const content = document.getElementById("content");
const LOADING_MS = 300;

let current = {};
let turn = 0;

async function draw(fresh = false) {
  const mine = ++turn;
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const asked = new URLSearchParams(query);
  let patience;
  try {
    if (!fresh && current.update && current.path === path) {
      await current.update(asked);
      return;
    }
    if (current.unsaved?.() && !confirm("What you have changed here is not saved. Leave it?")) {
      history.replaceState(null, "", `#/${current.path}`);
      return;
    }
    current.leave?.();
    current = {};
    mark(path);
    scrollTo(0, 0);
    patience = setTimeout(() => mine === turn && show(element("p", { class: "quiet" }, "Loading …")), LOADING_MS);
    const shows = (...content) => {
      clearTimeout(patience);
      if (mine === turn) show(...content);
    };
    const drawn = { path, ...(await opened(path || "events", asked, { fresh, show: shows })) };
    if (mine === turn) current = drawn;
    else drawn.leave?.();
  } catch (error) {
    clearTimeout(patience);
    if (mine === turn) show(heading("This did not work"), element("p", { role: "alert" }, error.message), again());
  }
}

async function opened(path, asked, context) {
  const [form, load] = VIEWS.find(([one]) => one.test(path)) ?? [];
  if (!form) {
    context.show(heading("There is no such page"), element("p", {}, element("a", { href: "#/events" }, "To the events")));
    return {};
  }
  const view = await load();
  return view(asked, context, ...form.exec(path).slice(1).map(decodeURIComponent));
}

const again = () => element("p", {}, element("button", { type: "button", onclick: () => draw(true) }, "Try again"));

function mark(path) {
  for (const link of document.querySelectorAll("nav a")) {
    const here = (path || "events").split("/")[0] === link.getAttribute("href").slice(2);
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function theme() {
  const root = document.documentElement;
  const kept = localStorage.getItem("kinesight.theme");
  if (kept) root.dataset.theme = kept;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("kinesight.theme", root.dataset.theme);
  });
}

async function moved() {
  const before = current.path;
  const another = location.hash.startsWith("#token=");
  if (another && !(await signIn())) return;
  await draw(another);
  if (current.path !== before) content.focus({ preventScroll: true });
}

// A click on a heading of the menu begins anew; going back does not.
function menu() {
  for (const link of document.querySelectorAll("header a")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      history.pushState(null, "", link.getAttribute("href"));
      draw(true).then(() => content.focus({ preventScroll: true }));
    });
  }
}

theme();
menu();
skipTo(content);
history.scrollRestoration = "manual";
addEventListener("hashchange", moved);
addEventListener("unhandledrejection", (event) => notice(event.reason?.message ?? "something went wrong"));
if (await signIn()) {
  const leave = document.getElementById("leave");
  leave.hidden = !canSignOut();
  leave.addEventListener("click", signOut);
  await draw();
}
