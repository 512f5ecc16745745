// On-demand runs: a stretch of a camera's past is asked for, and those that were asked for before.

import { call, get } from "./api.js";
import { Suggestions, choice, element, field, heading, notice } from "./dom.js";
import { ago, time } from "./format.js";

const INTERVALS = [["500", "half second"], ["1000", "second"], ["2000", "2 seconds"], ["5000", "5 seconds"], ["10000", "10 seconds"], ["20000", "20 seconds"]];
const STRETCHES = [["5", "5 minutes"], ["15", "15 minutes"], ["60", "hour"]];
const FRAMES_PER_SECOND = 10;

export async function analyze(query, { show }) {
  const known = new Suggestions("analyzed-cameras");
  const form = asking(query);
  const runs = element("div", {}, element("p", { class: "quiet" }, "Loading …"));
  show(
    heading("Analyze a stretch of the past"),
    element("p", { class: "quiet" }, "Pictures are taken of what a camera has recorded, and go the same way as live ones. Times are this browser's."),
    form, element("h2", {}, "Earlier"), runs, known.node,
  );
  get("cameras").then(({ body }) => known.add(body.cameras.map((one) => one.stream)), () => {});
  const { body } = await get("analyses");
  known.add(body.analyses.map((one) => one.streamName));
  runs.replaceChildren(body.analyses.length ? table(body.analyses) : element("p", { class: "quiet" }, "None was started here yet."));
  return {};
}

function asking(query) {
  const now = new Date();
  const input = (name, type, value, more = {}) => element("input", { name, type, value, required: true, ...more });
  const from = input("start", "datetime-local", local(query.get("start") ?? new Date(now.getTime() - 5 * 60_000)), { step: 1 });
  const to = input("end", "datetime-local", local(query.get("end") ?? now), { step: 1 });
  const last = (minutes) => {
    const end = new Date();
    from.value = local(new Date(end.getTime() - minutes * 60_000));
    to.value = local(end);
  };
  const problem = element("p", { class: "broken", role: "alert" });
  const form = element(
    "form", { class: "asking", onsubmit: (event) => { event.preventDefault(); start(new FormData(form), problem); } },
    element(
      "div", { class: "row" },
      field("Camera", input("stream", "text", query.get("stream") ?? "", { pattern: "[a-zA-Z0-9_.\\-]{1,256}", list: "analyzed-cameras", autocomplete: "off" })),
      field("From", from), field("To", to), field("A picture every", choice("interval", INTERVALS, "1000")),
    ),
    element("div", { class: "row" }, ...STRETCHES.map(([minutes, text]) => element("button", { type: "button", onclick: () => last(Number(minutes)) }, `Last ${text}`))),
    field("Make a time-lapse, too", element("input", { type: "checkbox", name: "timelapse" }), { class: "check" }),
    problem,
    element("p", {}, element("button", { type: "submit", class: "primary" }, "Analyze")),
  );
  return form;
}

async function start(given, problem) {
  const moment = (name) => new Date(given.get(name)).toISOString();
  const asked = {
    StreamName: given.get("stream"), StartTimestamp: moment("start"), EndTimestamp: moment("end"),
    SamplingInterval: Number(given.get("interval")),
    ...(given.get("timelapse") ? { Timelapse: { FramesPerSecond: FRAMES_PER_SECOND } } : {}),
  };
  try {
    const { body } = await call("POST", "analyses", { body: asked });
    location.hash = `#/analyze/${encodeURIComponent(body.analysisId)}`;
  } catch (error) {
    problem.textContent = error.message;
    notice("It was not started.");
  }
}

function table(runs) {
  const head = ["Camera", "From", "To", "Started", "Status"];
  const row = (run) => element(
    "tr", {},
    element("td", {}, element("a", { href: `#/analyze/${encodeURIComponent(run.analysisId)}` }, run.streamName)),
    element("td", {}, time(run.startTimestamp)), element("td", {}, time(run.endTimestamp)), element("td", {}, ago(run.startedAt)),
    element("td", {}, `${run.status.toLowerCase().replaceAll("_", " ")}${run.timelapse ? ", with a time-lapse" : ""}`),
  );
  return element(
    "div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Earlier analyses" },
    element("table", {}, element("thead", {}, element("tr", {}, ...head.map((one) => element("th", { scope: "col" }, one)))), element("tbody", {}, ...runs.map(row))),
  );
}

function local(moment) {
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
