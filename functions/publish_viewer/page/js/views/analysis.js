// One on-demand analysis: its progress, its results, its time-lapse.

import { getAnalysis, startTimelapse } from "../client/operations.js";
import { resultCard } from "../components/result_card.js";
import { button, element, heading, messageOf, notice, safe } from "../dom/elements.js";
import { dateAndTime } from "../dom/times.js";
import { analysisAddress, viewAddress } from "../logic/addresses.js";
import { isRunning, noResultsText, progressOf, progressText } from "../logic/analysis.js";
import { dayKey } from "../logic/time.js";

const REFRESH_MS = 2000;

/** @type {View} */
export async function analysis(_, { show }, id) {
  const view = new AnalysisView(id);
  await view.open(show);
  return { leave: () => view.leave() };
}

class AnalysisView {
  isLeft = false;
  /** Ids of the results that are shown. @type {Set<string>} */
  shown = new Set();
  status = element("p", { role: "status" });
  progress = element("progress", { "aria-label": "Completed windows" });
  problem = element("p", { class: "broken", role: "alert", hidden: true });
  timelapse = element("div", { class: "video" });
  results = element("ul", { class: "cards", "aria-label": "Results" });
  none = element("p", { class: "quiet" });

  /** @param {string} id */
  constructor(id) {
    this.id = id;
  }

  /** @param {Show} show */
  async open(show) {
    const { body } = await getAnalysis(this.id);
    show(
      element("nav", { class: "bar", "aria-label": "Analyses" }, element("a", { href: "#/analyze" }, "← Analyze")),
      heading(`Analysis of ${body.streamName}`),
      range(body),
      this.progress,
      this.status,
      this.problem,
      this.timelapse,
      element("h2", {}, "Results"),
      this.none,
      this.results,
    );
    this.draw(body);
    this.scheduleRefresh(isRunning(body));
  }

  leave() {
    this.isLeft = true;
    clearTimeout(this.timer);
  }

  /** @param {boolean} isNeeded */
  scheduleRefresh(isNeeded) {
    if (isNeeded && !this.isLeft) this.timer = setTimeout(() => this.refresh(), REFRESH_MS);
  }

  async refresh() {
    try {
      const { body } = await getAnalysis(this.id);
      if (this.isLeft) return;
      this.draw(body);
      this.scheduleRefresh(isRunning(body));
    } catch (error) {
      notice(messageOf(error));
      this.scheduleRefresh(true);
    }
  }

  /** @param {Analysis} current */
  draw(current) {
    Object.assign(this.progress, progressOf(current));
    this.status.textContent = progressText(current);
    this.problem.hidden = !current.error;
    this.problem.textContent = current.error ?? "";
    const added = current.results.filter((one) => !this.shown.has(one.resultId));
    for (const one of added) this.shown.add(one.resultId);
    this.results.append(...added.map(resultCard));
    this.none.hidden = this.shown.size > 0;
    this.none.textContent = noResultsText(current);
    this.drawTimelapse(current);
  }

  /** @param {Analysis} current */
  drawTimelapse(current) {
    if (this.timelapse.childElementCount || isRunning(current)) return;
    const source = safe(current.timelapse?.link);
    const make = () => button("Make a time-lapse of it", () => this.makeTimelapse());
    const content = source ? timelapseVideo(source, safe(current.timelapse?.poster)) : [element("p", {}, make())];
    this.timelapse.append(...content);
  }

  async makeTimelapse() {
    try {
      const { body } = await startTimelapse(this.id);
      location.hash = analysisAddress(body.analysisId);
    } catch (error) {
      notice(messageOf(error));
    }
  }
}

/** @param {Analysis} analysis */
function range({ streamName, startTimestamp, endTimestamp }) {
  const start = startTimestamp ?? "";
  const address = viewAddress("sessions", { stream: streamName, day: start && dayKey(new Date(start)) });
  const link = element("a", { href: address }, "Sessions of that day");
  return element("p", {}, dateAndTime(start), " to ", dateAndTime(endTimestamp ?? ""), " ", link);
}

/**
 * @param {string} source
 * @param {string | undefined} poster
 */
const timelapseVideo = (source, poster) => [
  element("h2", {}, "Time-lapse"),
  element("video", {
    src: source,
    poster,
    controls: true,
    playsinline: true,
    preload: "metadata",
    "aria-label": "Time-lapse",
  }),
];
