// Requests for on-demand analyses, and the texts of their progress.

import { amount, statusText } from "./text.js";

const FRAMES_PER_SECOND = 10;

/**
 * The request of the form; times are local.
 * @param {Record<"stream" | "start" | "end" | "interval", string>} form
 * @param {boolean} withTimelapse
 * @returns {Api.AnalysisRequest}
 */
export const requestOf = ({ stream, start, end, interval }, withTimelapse) => ({
  StreamName: stream,
  StartTimestamp: new Date(start).toISOString(),
  EndTimestamp: new Date(end).toISOString(),
  SamplingInterval: Number(interval),
  ...(withTimelapse ? { Timelapse: { FramesPerSecond: FRAMES_PER_SECOND } } : {}),
});

export const isRunning = (/** @type {Pick<Analysis, "status">} */ { status }) => status === "RUNNING";

/**
 * Value and maximum of the progress bar. A success is complete, whatever was counted.
 * @param {Pick<Analysis, "status" | "windows">} analysis
 * @returns {{ value: number, max: number }}
 */
export function progressOf({ status, windows }) {
  const max = Math.max(1, windows.all);
  return { max, value: status === "SUCCEEDED" ? max : windows.done };
}

/**
 * @param {Pick<Analysis, "status" | "windows" | "found" | "matched">} analysis
 * @returns {string} such as "running: 1 of 4 windows, 20 images, 3 matched"
 */
export const progressText = ({ status, windows, found, matched }) =>
  `${statusText(status)}: ${windows.done} of ${amount(windows.all, "window")}, ${amount(found, "image")}, ${matched} matched`;

/**
 * Why there are no results.
 * @param {Pick<Analysis, "status" | "detector" | "summary">} analysis
 * @returns {string}
 */
export function noResultsText(analysis) {
  if (isRunning(analysis)) return "No results yet.";
  if (analysis.detector === "NONE") return "No detections: the analysis ran without a detector.";
  const before = analysis.summary?.alreadyAnalyzed ?? 0;
  if (before === 0) return "No detections.";
  return `No new results: ${amount(before, "image")} had already been analyzed; their detections are in the sessions.`;
}
