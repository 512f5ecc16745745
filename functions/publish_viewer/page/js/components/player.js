// A session's video: one MP4, or HLS as KVS serves it. Browsers that play HLS do so; otherwise, and where that fails, the
// page feeds its segments to the browser.

import { element, messageOf, safe } from "../dom/elements.js";
import { feed } from "./hls_feeder.js";

const HLS = "application/vnd.apple.mpegurl";
const UNPLAYABLE = "This browser can't play the video. Download the evidence to get it as a file.";

export class Player {
  /** @type {HTMLVideoElement | undefined} */
  video = undefined;
  /** @type {AbortController | undefined} */
  feeding = undefined;
  node = element("div", { class: "video" }, element("p", { class: "quiet" }, "Loading …"));

  /** Whether playback has begun, so that a new link would interrupt it. */
  get hasBegun() {
    return this.video !== undefined && this.video.currentTime > 0;
  }

  /** @param {Api.Playback} playback */
  play({ kind, url, missing }) {
    this.stop();
    const source = safe(url) ?? "";
    const video = newVideo();
    video.addEventListener("error", () => this.video === video && this.fail(kind, source));
    this.video = video;
    this.node.replaceChildren(video, ...(missing ? [element("p", { class: "quiet" }, `${missing}.`)] : []));
    if (kind !== "HLS" || video.canPlayType(HLS)) video.src = source;
    else this.feed(video, source);
  }

  /**
   * @param {Api.Playback["kind"]} kind
   * @param {string} source
   */
  fail(kind, source) {
    if (this.video && kind === "HLS" && !this.feeding && "MediaSource" in window) this.feed(this.video, source);
    else this.explain(UNPLAYABLE);
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {string} source
   */
  async feed(video, source) {
    this.feeding = new AbortController();
    const { signal } = this.feeding;
    try {
      await feed(video, source, signal);
    } catch (error) {
      if (!signal.aborted) this.explain(`The video stopped: ${messageOf(error)}`);
    }
  }

  /** @param {number | undefined} seconds */
  seek(seconds) {
    if (this.video && seconds !== undefined) this.video.currentTime = seconds;
  }

  /**
   * Shows a text instead of a video.
   * @param {string} text
   */
  explain(text) {
    this.stop();
    this.node.replaceChildren(element("p", { class: "quiet" }, text));
  }

  stop() {
    this.feeding?.abort();
    this.feeding = undefined;
    this.video?.pause();
    this.video?.removeAttribute("src");
    this.video = undefined;
  }
}

function newVideo() {
  const video = element("video", {
    controls: true,
    playsinline: true,
    preload: "metadata",
    "aria-label": "Video of the session",
  });
  video.muted = true;
  return video;
}
