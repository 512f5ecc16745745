// The selected streams: what each last showed, whether it is set up as wanted, and what is broken.

import { address, blob, get, streamPath } from "./api.js";
import { element, heading, notice } from "./dom.js";
import { ago } from "./format.js";

export async function cameras(_, { show }) {
  const page = new Page();
  await page.draw(show);
  return { leave: () => page.leave() };
}

class Page {
  constructor() {
    this.addresses = [];
    this.list = element("ul", { class: "cards cameras", "aria-label": "Cameras" });
    this.end = element("p", { class: "quiet" });
    this.watcher = new IntersectionObserver((seen) => seen.filter((one) => one.isIntersecting).forEach((one) => this.picture(one.target)), { rootMargin: "200px" });
  }

  async draw(show) {
    const first = await this.more();
    const again = element("button", { type: "button", onclick: () => this.again() }, "Look again");
    show(element("div", { class: "way" }, heading("Cameras"), again), this.list, this.end);
    if (first === 0) this.end.textContent = "No stream is selected. The parameters StreamNames and TagFilters say which are.";
  }

  async again() {
    this.leave();
    this.list.replaceChildren();
    this.cursor = undefined;
    await this.more();
  }

  leave() {
    this.watcher.disconnect();
    this.addresses.forEach((one) => URL.revokeObjectURL(one));
    this.addresses = [];
  }

  async more() {
    const { body } = await get("cameras", { cursor: this.cursor });
    this.cursor = body.cursor ?? undefined;
    const made = body.cameras.map(camera);
    this.list.append(...made);
    made.forEach((one) => this.watcher.observe(one));
    const on = element("button", { type: "button", onclick: () => this.more().catch((error) => notice(error.message)) }, "More cameras");
    this.end.replaceChildren(...(this.cursor ? [on] : []));
    return made.length;
  }

  // A picture costs a call of GetImages: it is asked for when it is about to be seen. It needs the token, so it can't
  // be named in an address.
  async picture(card) {
    this.watcher.unobserve(card);
    const { stream } = card.dataset;
    const place = card.querySelector(".none");
    try {
      const source = URL.createObjectURL(await blob(`cameras/${streamPath(stream)}/picture`));
      this.addresses.push(source);
      place.replaceWith(element("img", { src: source, alt: `${stream}, a recent picture`, width: 960, height: 540 }));
    } catch (error) {
      place.textContent = error.message;
    }
  }
}

function camera(one) {
  const broken = one.health.filter((check) => check.state === "broken");
  const { drift } = one.configuration;
  const link = (href, text) => element("a", { class: "button", href, "aria-label": `${text} of ${one.stream}` }, text);
  return element(
    "li", { class: "card", "data-stream": one.stream },
    element(
      "span", { class: "shown" }, element("span", { class: "none" }, "…"),
      element("span", { class: "badges" }, state(one, broken)),
    ),
    element(
      "div", { class: "facts" },
      element("h2", {}, one.stream),
      element("p", { class: "quiet" }, `${one.status.toLowerCase()}, `, ...seen(one.lastFragmentAt), `, kept ${one.retentionHours} h`),
      drift.length > 0 && element("p", { class: "broken" }, `Not as the parameters say: ${drift.join(", ")}`),
      broken.length > 0 && element("ul", { class: "plain" }, ...broken.map(told)),
      checks(one.health),
      element(
        "p", { class: "row" },
        link(address("events", { stream: one.stream }), "Events"), link(`#/cameras/${streamPath(one.stream)}/zones`, "Zones"),
        link(address("analyze", { stream: one.stream }), "Analyze"),
      ),
    ),
  );
}

const state = (one, broken) =>
  broken.length || one.configuration.drift.length
    ? element("span", { class: "badge alert" }, "Needs a look")
    : element("span", { class: "badge good" }, "Healthy");

const seen = (moment) => (moment ? ["last seen ", ago(moment)] : ["not seen lately"]);

const told = ({ fact, next }) => element("li", {}, element("span", { class: "broken" }, fact), next && element("small", { class: "quiet" }, ` ${next}`));

const checks = (health) => health.length > 0 && element(
  "details", {}, element("summary", {}, `${health.filter((one) => one.state === "ok").length} of ${health.length} checks are fine`),
  element("ul", { class: "plain" }, ...health.map(({ check, state: how, fact }) => element(
    "li", {}, element("b", { class: how === "ok" ? "ok" : how === "broken" ? "broken" : "quiet" }, `${check}: ${how}`), ` ${fact}`,
  ))),
);
