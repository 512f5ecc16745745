// HLS for browsers that do not play it: the segments are appended to a MediaSource, those to be played next first. Each
// is placed where the playlist has it, whatever its own timestamps are.

import { codecsOf } from "../logic/codecs.js";
import { nextSegment, segmentsOf, variantOf } from "../logic/playlist.js";

/** @typedef {import("../logic/playlist.js").Segment} Segment */

const AHEAD_S = 30;
const BEHIND_S = 60;

/**
 * Plays a playlist until the signal. Throws an error if it cannot be read or decoded.
 * @param {HTMLVideoElement} video
 * @param {string} url
 * @param {AbortSignal} signal
 */
export async function feed(video, url, signal) {
  const segments = await readSegments(url, signal);
  const media = new MediaSource();
  video.src = URL.createObjectURL(media);
  await once(media, "sourceopen");
  URL.revokeObjectURL(video.src);
  media.duration = segments.at(-1)?.end ?? 0;
  await new Feeder(video, media, segments, signal).run();
}

class Feeder {
  /** @type {Set<Segment>} */
  buffered = new Set();
  /** Address of the initialization segment in use. */
  initialization = "";
  /** @type {SourceBuffer | undefined} */
  buffer = undefined;

  /**
   * @param {HTMLVideoElement} video
   * @param {MediaSource} media
   * @param {Segment[]} segments
   * @param {AbortSignal} signal
   */
  constructor(video, media, segments, signal) {
    this.video = video;
    this.media = media;
    this.segments = segments;
    this.signal = signal;
  }

  async run() {
    while (!this.signal.aborted) {
      const segment = nextSegment(this.segments, this.buffered, this.video.currentTime, AHEAD_S);
      if (segment) await this.append(segment);
      else {
        this.endIfComplete();
        await playbackMoved(this.video, this.signal);
      }
    }
  }

  endIfComplete() {
    const last = /** @type {Segment} */ (this.segments.at(-1));
    if (this.buffered.has(last) && this.media.readyState === "open") this.media.endOfStream();
  }

  /** @param {Segment} segment */
  async append(segment) {
    const buffer = segment.initialization === this.initialization ? this.buffer : undefined;
    const target = buffer ?? (await this.initialize(segment.initialization));
    const body = await readBytes(segment.url, this.signal);
    target.timestampOffset = segment.start;
    await appendTo(target, body);
    this.buffered.add(segment);
    await this.removePlayed(target);
  }

  /**
   * Announces the codecs of the segments that follow: they change where a camera changes its resolution.
   * @param {string} url
   */
  async initialize(url) {
    const body = await readBytes(url, this.signal);
    const type = `video/mp4; codecs="${codecsOf(body)}"`;
    if (!MediaSource.isTypeSupported(type)) throw new Error("this browser can't decode it");
    if (this.buffer) this.buffer.changeType(type);
    this.buffer ??= this.media.addSourceBuffer(type);
    this.buffer.mode = "sequence";
    await appendTo(this.buffer, body);
    this.initialization = url;
    return this.buffer;
  }

  /** @param {SourceBuffer} buffer */
  async removePlayed(buffer) {
    const until = this.video.currentTime - BEHIND_S;
    const played = [...this.buffered].filter((one) => one.end < until);
    const last = played.at(-1);
    if (!last) return;
    buffer.remove(0, last.end);
    await once(buffer, "updateend");
    for (const one of played) this.buffered.delete(one);
  }
}

/**
 * @param {string} url of a media playlist, or of a master playlist
 * @param {AbortSignal} signal
 * @returns {Promise<Segment[]>}
 */
async function readSegments(url, signal) {
  const text = await (await fetched(url, signal)).text();
  const variant = variantOf(text, url);
  return variant ? readSegments(variant, signal) : segmentsOf(text, url);
}

/**
 * @param {SourceBuffer} buffer
 * @param {BufferSource} body
 */
async function appendTo(buffer, body) {
  buffer.appendBuffer(body);
  await once(buffer, "updateend");
}

/**
 * Resolves once playback moves on, or at the signal.
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} signal
 */
function playbackMoved(video, signal) {
  return new Promise((done) => {
    for (const name of ["timeupdate", "seeking"]) video.addEventListener(name, done, { once: true, signal });
    signal.addEventListener("abort", done, { once: true });
  });
}

/**
 * @param {EventTarget} target
 * @param {string} name
 */
const once = (target, name) =>
  new Promise((done, failed) => {
    target.addEventListener(name, done, { once: true });
    target.addEventListener("error", () => failed(new Error("the browser can't decode it")), { once: true });
  });

/**
 * @param {string} url
 * @param {AbortSignal} signal
 */
const readBytes = async (url, signal) => new Uint8Array(await (await fetched(url, signal)).arrayBuffer());

/**
 * @param {string} url
 * @param {AbortSignal} signal
 */
async function fetched(url, signal) {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`the service returned status ${response.status}`);
  return response;
}
