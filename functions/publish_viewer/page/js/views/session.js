// One session: its images with boxes, its video, its facts; marking it, and downloading its evidence.

import { getChangedSession, getPlayback, getSession } from "../client/operations.js";
import { evidenceDownload } from "../components/evidence_download.js";
import { FrameStrip } from "../components/frame_strip.js";
import { ImageStage } from "../components/image_stage.js";
import { Player } from "../components/player.js";
import { sessionFacts } from "../components/session_facts.js";
import { SessionMarks } from "../components/session_marks.js";
import { element, heading, messageOf } from "../dom/elements.js";
import { sessionAddress } from "../logic/addresses.js";
import { isSettled } from "../logic/sessions.js";
import { secondsInto } from "../logic/video.js";
import { listAddress, neighbours } from "./sessions.js";

const REFRESH_MS = 5000;
const LINKS_MS = 6 * 60_000;

/** @type {View} */
export async function session(_, { show }, streamName, sessionKey) {
  const { body, tag } = await getSession({ streamName, sessionKey });
  const view = new SessionView(body, tag);
  view.open(show);
  return { leave: () => view.leave() };
}

class SessionView {
  readAt = 0;
  /** @type {SessionFrame | undefined} */
  frame = undefined;
  stage = new ImageStage();
  player = new Player();
  strip = new FrameStrip((frame) => this.choose(frame));
  facts = element("div");

  /**
   * @param {SessionDetails} shown
   * @param {string | null} tag
   */
  constructor(shown, tag) {
    this.session = shown;
    this.tag = tag;
    this.marks = new SessionMarks(this);
  }

  /** @param {Show} show */
  open(show) {
    const { session } = this;
    show(
      navigation(session),
      heading(`${Object.keys(session.labels).join(", ")} on ${session.streamName}`),
      element(
        "div",
        { class: "columns" },
        element("section", { "aria-label": "Images", class: "images" }, this.stage.node, this.strip.node),
        element("section", { "aria-label": "Video" }, this.player.node),
        element("section", { "aria-label": "Facts" }, this.marks.node, this.facts),
      ),
    );
    this.marks.node.append(evidenceDownload(session));
    this.change(session, this.tag);
    this.playVideo();
    this.timer = setInterval(() => document.hidden || this.refresh(), REFRESH_MS);
  }

  leave() {
    clearInterval(this.timer);
    this.player.stop();
  }

  /** Reads the session again while it may change, and before its links expire. */
  async refresh() {
    if (isSettled(this.session, Date.now()) && Date.now() - this.readAt < LINKS_MS) return;
    const response = await getChangedSession(this.session, this.tag).catch(() => undefined);
    if (!response || response.unchanged) return;
    this.change(response.body, response.tag);
    if (!this.player.hasBegun) this.playVideo();
  }

  /**
   * @param {SessionDetails} changed
   * @param {string | null} tag
   */
  change(changed, tag) {
    this.readAt = Date.now();
    this.session = changed;
    this.tag = tag;
    this.marks.draw();
    this.strip.draw(changed.frames, changed.images);
    const chosen = this.frame?.resultId ?? changed.best.resultId;
    this.showFrame(changed.frames.find((one) => one.resultId === chosen) ?? changed.frames[0]);
    this.facts.replaceChildren(...sessionFacts(changed));
  }

  /** @param {SessionFrame | undefined} frame */
  showFrame(frame) {
    this.frame = frame;
    this.strip.mark(frame?.resultId);
    this.stage.show(frame, this.session.links.image);
  }

  /** @param {SessionFrame} frame chosen by the user */
  choose(frame) {
    this.showFrame(frame);
    this.player.seek(secondsInto(this.session.video, frame.imageTimestamp));
  }

  async playVideo() {
    try {
      this.player.play((await getPlayback(this.session)).body);
    } catch (error) {
      const { closed, video } = this.session;
      const hint = closed && video?.complete ? "" : " It may become available once the session has ended.";
      this.player.explain(messageOf(error) + hint);
    }
  }
}

/** @param {Session} shown */
function navigation(shown) {
  const { newer, older } = neighbours(shown);
  const link = (/** @type {Session | undefined} */ to, /** @type {string} */ text) =>
    to && element("a", { class: "button", href: sessionAddress(to) }, text);
  return element(
    "nav",
    { class: "bar", "aria-label": "Sessions" },
    element("a", { href: listAddress() }, "← Sessions"),
    element("span", { class: "row" }, link(newer, "‹ Newer"), link(older, "Older ›")),
  );
}
