// One on-demand run: its progress, its results, its time-lapse.

import { address, call, get } from "./api.js";
import { element, heading, notice, safe } from "./dom.js";
import { amount, clock, time } from "./format.js";

const EVERY_MS = 2000;
const RUNNING = "RUNNING";

export async function analysis(_, { show }, id) {
  const page = new Page(id);
  await page.begin(show);
  return { leave: () => page.leave() };
}

class Page {
  constructor(id) {
    this.path = `analyses/${encodeURIComponent(id)}`;
    this.shown = new Map();
    this.status = element("p", { role: "status" });
    this.progress = element("progress", { "aria-label": "Windows that are done" });
    this.problem = element("p", { class: "broken", role: "alert", hidden: true });
    this.film = element("div", { class: "film" });
    this.results = element("ul", { class: "cards", "aria-label": "Results" });
    this.none = element("p", { class: "quiet" });
  }

  async begin(show) {
    const { body } = await get(this.path);
    show(
      element("nav", { class: "way", "aria-label": "Analyses" }, element("a", { href: "#/analyze" }, "← Analyze")),
      heading(`Analysis of ${body.streamName}`),
      element("p", {}, time(body.startTimestamp), " to ", time(body.endTimestamp), " ",
        element("a", { href: address("events", { stream: body.streamName, day: body.startTimestamp.slice(0, 10) }) }, "Events of that day")),
      this.progress, this.status, this.problem, this.film, element("h2", {}, "Results"), this.none, this.results,
    );
    this.draw(body);
    this.wait(body);
  }

  leave() {
    this.left = true;
    clearTimeout(this.timer);
  }

  wait({ status }) {
    if (status === RUNNING && !this.left) this.timer = setTimeout(() => this.look(), EVERY_MS);
  }

  async look() {
    try {
      const { body } = await get(this.path);
      if (this.left) return;
      this.draw(body);
      this.wait(body);
    } catch (error) {
      notice(error.message);
      this.wait({ status: RUNNING });
    }
  }

  draw(run) {
    const { done, all } = run.windows;
    this.progress.max = Math.max(1, all);
    this.progress.value = run.status === "SUCCEEDED" ? Math.max(1, all) : done;
    this.status.textContent =
      `${run.status.toLowerCase().replaceAll("_", " ")}: ${done} of ${amount(all, "window")}, ${amount(run.found, "picture")}, ${run.matched} matched`;
    this.problem.hidden = !run.error;
    this.problem.textContent = run.error ?? "";
    for (const one of run.results) if (!this.shown.has(one.resultId)) this.add(one);
    this.none.hidden = this.shown.size > 0;
    this.none.textContent = run.status === RUNNING ? "None yet." : nothing(run);
    this.drawFilm(run);
  }

  add(one) {
    const made = result(one);
    this.shown.set(one.resultId, made);
    this.results.append(made);
  }

  drawFilm(run) {
    if (this.film.childElementCount || run.status === RUNNING) return;
    const source = run.timelapse?.link && safe(run.timelapse.link);
    const poster = run.timelapse?.poster && safe(run.timelapse.poster);
    if (source) this.film.append(element("h2", {}, "Time-lapse"), element("video", { src: source, poster, controls: true, playsinline: true, preload: "metadata", "aria-label": "Time-lapse" }));
    else this.film.append(element("p", {}, element("button", { type: "button", onclick: () => this.makeFilm() }, "Make a time-lapse of it")));
  }

  async makeFilm() {
    try {
      const { body } = await call("POST", `${this.path}/timelapse`, { body: {} });
      location.hash = `#/analyze/${encodeURIComponent(body.analysisId)}`;
    } catch (error) {
      notice(error.message);
    }
  }
}

function nothing({ detector, summary }) {
  if (detector === "NONE") return "It was made without a detector, so nothing was looked for.";
  const before = summary?.alreadyAnalyzed ?? 0;
  if (before === 0) return "Nothing was found.";
  return `Nothing new: ${amount(before, "picture")} had been analyzed before, and what they show is among the events.`;
}

// The picture is kept some seconds after its record.
function result({ imageTimestamp, labels, links }) {
  const place = element("span", { class: "none" }, "no picture yet");
  const source = links.picture && safe(links.picture);
  const image = element("img", { alt: labels.join(", "), loading: "lazy", width: 960, height: 540 });
  let tries = 5;
  image.addEventListener("error", () => {
    image.replaceWith(place);
    tries -= 1;
    if (tries > 0 && source) setTimeout(() => { image.src = source; }, 3000);
  });
  image.addEventListener("load", () => place.replaceWith(image));
  if (source) image.src = source;
  return element(
    "li", { class: "card" },
    element("span", { class: "shown" }, image),
    element(
      "div", { class: "facts" }, element("span", { class: "line" }, clock(imageTimestamp)),
      element("span", { class: "chips" }, ...labels.map((label) => element("span", { class: "chip" }, label))),
    ),
  );
}
