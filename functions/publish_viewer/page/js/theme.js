// Dark or light: the system's choice until the user makes one.

import { byId } from "./dom/elements.js";

const KEY = "kinesight.theme";

export function setUpTheme() {
  const root = document.documentElement;
  const stored = localStorage.getItem(KEY);
  if (stored) root.dataset.theme = stored;
  byId("theme").addEventListener("click", () => {
    const theme = isDark(root) ? "light" : "dark";
    root.dataset.theme = theme;
    localStorage.setItem(KEY, theme);
  });
}

/** @param {HTMLElement} root */
const isDark = ({ dataset }) =>
  dataset.theme ? dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
