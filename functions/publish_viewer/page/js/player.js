// Video in the page: one MP4, or HLS as KVS serves it. Browsers that play HLS by themselves do; for the others, and where
// that fails, its parts are fed to the browser here.

import { element, safe } from "./dom.js";
import { feed } from "./feeding.js";

const HLS = "application/vnd.apple.mpegurl";
const UNPLAYABLE = "This browser can't play the video. The evidence has it as files.";

export class Player {
  constructor() {
    this.node = element("div", { class: "film" }, element("p", { class: "quiet" }, "Loading …"));
  }

  // Whether there is something to see that a new address would take away.
  get begun() {
    return this.video !== undefined && this.video.currentTime > 0;
  }

  play({ kind, url, missing }) {
    this.stop();
    const source = safe(url);
    const video = element("video", { controls: true, playsinline: true, preload: "metadata", "aria-label": "Video of the event" });
    video.muted = true;
    video.addEventListener("error", () => this.video === video && this.failed(kind, source));
    this.video = video;
    this.node.replaceChildren(video, ...(missing ? [element("p", { class: "quiet" }, `${missing}.`)] : []));
    if (kind !== "HLS" || video.canPlayType(HLS)) video.src = source;
    else this.feed(source);
  }

  failed(kind, source) {
    if (kind === "HLS" && !this.feeding && "MediaSource" in window) this.feed(source);
    else this.tell(UNPLAYABLE);
  }

  async feed(source) {
    this.feeding = new AbortController();
    const { signal } = this.feeding;
    try {
      await feed(this.video, source, signal);
    } catch (error) {
      if (!signal.aborted) this.tell(`The video stopped: ${error.message}`);
    }
  }

  seek(seconds) {
    if (this.video && seconds !== undefined) this.video.currentTime = seconds;
  }

  tell(text) {
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
