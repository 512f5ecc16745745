// A session's frames as a strip of thumbnails, of which one is chosen.

import { element, safe } from "../dom/elements.js";
import { clock } from "../dom/times.js";

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

export class FrameStrip {
  /** By result id. @type {Map<string, HTMLButtonElement>} */
  buttons = new Map();
  node = element("div", {
    class: "frames",
    role: "group",
    "aria-label": "Images",
    onkeydown: (event) => this.moveByKey(event),
  });

  /** @param {(frame: SessionFrame) => void} chosen called for a frame that the user chooses */
  constructor(chosen) {
    this.chosen = chosen;
  }

  /**
   * @param {SessionFrame[]} frames
   * @param {number} total of the session's images, which may be more than its frames here
   */
  draw(frames, total) {
    this.buttons = new Map(frames.map((frame) => [frame.resultId, this.thumbnail(frame)]));
    const rest = total > frames.length && element("p", { class: "quiet" }, `${frames.length} of ${total} images`);
    this.node.replaceChildren(...this.buttons.values(), ...(rest ? [rest] : []));
  }

  /** @param {SessionFrame} frame */
  thumbnail(frame) {
    const source = safe(frame.links.image);
    return element(
      "button",
      { type: "button", "aria-pressed": "false", onclick: () => this.chosen(frame) },
      element("img", { src: source, alt: "", width: 128, height: 72, loading: "lazy", decoding: "async" }),
      clock(frame.imageTimestamp),
    );
  }

  /** @param {string | undefined} resultId of the frame that is chosen */
  mark(resultId) {
    for (const [id, made] of this.buttons) made.setAttribute("aria-pressed", String(id === resultId));
  }

  /** @param {KeyboardEvent} event */
  moveByKey(event) {
    const step = STEPS[/** @type {keyof typeof STEPS} */ (event.key)];
    const all = [...this.buttons.values()];
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const to = all[at + step];
    if (at < 0 || !to) return;
    event.preventDefault();
    to.focus();
    to.click();
  }
}
