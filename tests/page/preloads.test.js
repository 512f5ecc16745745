import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

const PAGE = join(import.meta.dirname, "../../functions/publish_viewer/page");

/**
 * The modules that a module imports statically, itself included.
 * @param {string} path
 * @param {Set<string>} [found]
 * @returns {Set<string>}
 */
function modulesOf(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  const source = readFileSync(path, "utf8");
  for (const [, name] of source.matchAll(/^(?:import|export) [^;]*?from "(\.[^"]+)";$/gms)) {
    modulesOf(join(dirname(path), name), found);
  }
  return found;
}

test("the page preloads exactly the modules of the first view", () => {
  const html = readFileSync(join(PAGE, "index.html"), "utf8");
  const preloaded = [...html.matchAll(/rel="modulepreload" href="([^"]+)"/g)].map(([, name]) => name);
  const used = new Set([...modulesOf(join(PAGE, "js/main.js")), ...modulesOf(join(PAGE, "js/views/sessions.js"))]);
  const names = [...used].map((path) => relative(PAGE, path)).filter((name) => name !== "js/main.js");
  assert.deepEqual(preloaded, names.toSorted());
});
