// What is known of a session: times, labels, tags, video that is missing, and its record.

import { element } from "../dom/elements.js";
import { clock, dateAndTime } from "../dom/times.js";
import { viewAddress } from "../logic/addresses.js";
import { amount } from "../logic/text.js";
import { durationText } from "../logic/time.js";
import { missingVideoText } from "../logic/video.js";
import { labelChips } from "./session_card.js";

/**
 * @param {SessionDetails} session
 * @returns {HTMLElement[]}
 */
export function sessionFacts(session) {
  const tags = Object.entries(session.tags ?? {});
  return [
    definitions(mainFacts(session)),
    ...(tags.length ? [element("h2", {}, "Producer tags"), definitions(tags)] : []),
    ...missingVideo(session.video?.missing ?? []),
    record(session),
  ];
}

/**
 * @param {SessionDetails} session
 * @returns {[string, Node | string][]}
 */
function mainFacts(session) {
  const { streamName, startedAt, lastSeenAt } = session;
  return [
    ["Camera", element("a", { href: viewAddress("sessions", { stream: streamName }) }, streamName)],
    ["Class", classText(session)],
    ["From", dateAndTime(startedAt)],
    ["To", element("span", {}, dateAndTime(lastSeenAt), session.closed ? "" : ", in progress")],
    ["Length", `${durationText(startedAt, lastSeenAt)}, ${amount(session.images, "image")}`],
    ["Labels", element("span", { class: "chips" }, ...labelChips(session))],
    ["Rules", session.rules.join(", ")],
  ];
}

/** @param {SessionDetails} session */
const classText = (session) =>
  session.class === "ALERT" ? element("span", { class: "broken" }, "alert") : element("span", {}, "activity");

/** @param {[string, Node | string][]} pairs */
const definitions = (pairs) =>
  element("dl", {}, ...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));

/** @param {Api.MissingPart[]} parts */
function missingVideo(parts) {
  if (parts.length === 0) return [];
  const lines = parts.map((part) => element("li", {}, ...missingPart(part)));
  return [element("h2", {}, "Missing from the video"), element("ul", { class: "plain" }, ...lines)];
}

/** @param {Api.MissingPart} part */
function missingPart({ reason, startedAt, endedAt }) {
  const text = missingVideoText(reason);
  return startedAt && endedAt ? [`${text} from `, clock(startedAt), " to ", clock(endedAt)] : [text];
}

/** @param {SessionDetails} session */
const record = (session) =>
  element(
    "details",
    {},
    element("summary", {}, "Record"),
    element("pre", { tabindex: "0" }, JSON.stringify(session.record ?? {}, null, 2)),
  );
