// Elements without markup: every text goes in as text, so what a label or a stream's name says is never read as HTML.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "selected"]);

export const element = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);

export const shape = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...present(children));
  return made;
}

const present = (children) => children.flat().filter((child) => child !== null && child !== undefined && child !== false);

export function show(...content) {
  document.getElementById("content").replaceChildren(...present(content));
}

// A view's heading, which the tab is named after, too.
export function heading(text) {
  document.title = `${text} · Kinesight`;
  return element("h1", {}, text);
}

// A skip link would change the address, which is the view.
export function skipTo(content) {
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    content.focus();
  });
}

export function notice(text) {
  const line = element("p", {}, text);
  document.getElementById("notices").append(line);
  setTimeout(() => line.remove(), 8000);
}

// Addresses that came from outside are opened only if the browser fetches them; anything else, `javascript:` above all, is none.
export function safe(address) {
  try {
    const url = new URL(address, location.href);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}

export const field = (label, input, more = {}) => element("label", more, element("span", {}, label), input);

export function choice(name, values, chosen, onchange) {
  const options = values.map(([value, text]) => element("option", { value, selected: value === chosen }, text));
  return element("select", { name, onchange: onchange && ((event) => onchange(event.target.value)) }, ...options);
}

// Suggestions for an input; the values are replaced as more are known.
export class Suggestions {
  constructor(id) {
    this.known = new Set();
    this.node = element("datalist", { id });
  }

  add(values) {
    const before = this.known.size;
    values.forEach((value) => this.known.add(value));
    if (this.known.size === before) return;
    this.node.replaceChildren(...[...this.known].sort().map((value) => element("option", { value })));
  }
}
