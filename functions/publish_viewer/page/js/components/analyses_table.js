import { element } from "../dom/elements.js";
import { ago, dateAndTime } from "../dom/times.js";
import { analysisAddress } from "../logic/addresses.js";
import { statusText } from "../logic/text.js";

const COLUMNS = ["Camera", "From", "To", "Started", "Status"];

/** @param {ListedAnalysis[]} analyses */
export const analysesTable = (analyses) =>
  element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Earlier analyses" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...COLUMNS.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...analyses.map(row)),
    ),
  );

/** @param {ListedAnalysis} analysis */
const row = (analysis) =>
  element(
    "tr",
    {},
    element("td", {}, element("a", { href: analysisAddress(analysis.analysisId) }, analysis.streamName)),
    element("td", {}, dateAndTime(analysis.startTimestamp)),
    element("td", {}, dateAndTime(analysis.endTimestamp)),
    element("td", {}, ago(analysis.startedAt)),
    element("td", {}, `${statusText(analysis.status)}${analysis.timelapse ? ", with a time-lapse" : ""}`),
  );
