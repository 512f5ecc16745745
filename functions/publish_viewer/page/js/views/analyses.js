// On-demand analyses: starting one over a time range of a camera, and those that were started before.

import { listAnalyses, listCameras, startAnalysis } from "../client/operations.js";
import { analysesTable } from "../components/analyses_table.js";
import { analysisForm } from "../components/analysis_form.js";
import { element, heading, messageOf, notice } from "../dom/elements.js";
import { Suggestions } from "../dom/fields.js";
import { analysisAddress } from "../logic/addresses.js";

const HELP = "Images are generated from recorded video and analyzed like live ones.";

/** @type {View} */
export async function analyses(query, { show }) {
  const streams = new Suggestions("analyzed-cameras");
  const earlier = element("div", {}, element("p", { class: "quiet" }, "Loading …"));
  show(
    heading("Analyze a time range"),
    element("p", { class: "quiet" }, HELP),
    analysisForm(query, start),
    element("h2", {}, "Earlier analyses"),
    earlier,
    streams.node,
  );
  listCameras().then(
    ({ body }) => streams.add(body.cameras.map((one) => one.stream)),
    () => {}, // suggestions can be missing
  );
  const { body } = await listAnalyses();
  streams.add(body.analyses.map((one) => one.streamName));
  earlier.replaceChildren(body.analyses.length ? analysesTable(body.analyses) : none());
  return {};
}

const none = () => element("p", { class: "quiet" }, "No analyses have been started yet.");

/**
 * @param {Api.AnalysisRequest} request
 * @param {HTMLElement} problem where an error is shown
 */
async function start(request, problem) {
  try {
    const { body } = await startAnalysis(request);
    location.hash = analysisAddress(body.analysisId);
  } catch (error) {
    problem.textContent = messageOf(error);
    notice("The analysis was not started.");
  }
}
