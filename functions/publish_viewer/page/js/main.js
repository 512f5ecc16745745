// Starts the page: theme, menu, sign-in, and the view of the address.

import { byId, messageOf, notice } from "./dom/elements.js";
import { timeZone } from "./logic/time.js";
import { Router } from "./router.js";
import { canSignOut, signIn, signOut } from "./sign_in.js";
import { setUpTheme } from "./theme.js";

const content = byId("content");
const router = new Router();

const focusContent = () => content.focus({ preventScroll: true });

/** Shows the view of a new address, which may have a new token of the local cloud. */
async function follow() {
  const before = router.current.path;
  const hasToken = location.hash.startsWith("#token=");
  if (hasToken && !(await signIn())) return;
  await router.draw(hasToken);
  if (router.current.path !== before) focusContent();
}

/** A click on the menu starts a view again; going back does not. */
function setUpMenu() {
  for (const link of document.querySelectorAll("header a")) {
    if (link instanceof HTMLAnchorElement) link.addEventListener("click", (event) => openFresh(event, link));
  }
}

/**
 * @param {MouseEvent} event
 * @param {HTMLAnchorElement} link
 */
function openFresh(event, link) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.getAttribute("href"));
  router.draw(true).then(focusContent);
}

/** The skip link moves the focus only: its address would open a view. */
function setUpSkipLink() {
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    content.focus();
  });
}

function setUpSignOut() {
  const leave = byId("leave");
  leave.hidden = !canSignOut();
  leave.addEventListener("click", signOut);
}

byId("time-zone").append(timeZone());
setUpTheme();
setUpMenu();
setUpSkipLink();
history.scrollRestoration = "manual";
addEventListener("hashchange", follow);
addEventListener("unhandledrejection", (event) => notice(messageOf(event.reason ?? "Something went wrong.")));
if (await signIn()) {
  setUpSignOut();
  await router.draw();
}
