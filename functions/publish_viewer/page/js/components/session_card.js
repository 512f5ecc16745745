// A session in a list. The card is updated in place, so that it keeps the focus.

import { getSession } from "../client/operations.js";
import { element } from "../dom/elements.js";
import { clock } from "../dom/times.js";
import { sessionAddress } from "../logic/addresses.js";
import { openedAt } from "../logic/sessions.js";
import { amount, percent } from "../logic/text.js";
import { dayKey, durationText } from "../logic/time.js";
import { lateImage, load } from "./late_image.js";

const RETRY_MS = [3000, 9000, 27_000];

export class SessionCard {
  /**
   * @param {Session} session
   * @param {boolean} eager whether its image is seen at once
   */
  constructor(session, eager) {
    this.session = session;
    this.eager = eager;
    this.image = this.newImage();
    this.link = element("a", { href: sessionAddress(session) });
    this.node = element("li", { class: "card", "data-day": dayKey(openedAt(session)) }, this.link);
    this.draw();
  }

  /**
   * Links are renewed from time to time without a new revision: they are used for an image that is still loading.
   * @param {Session} session
   */
  update(session) {
    const before = this.session;
    this.session = session;
    if (before.revision === session.revision) this.reload();
    else {
      if (before.best.resultId !== session.best.resultId) this.image = this.newImage();
      this.draw();
    }
  }

  reload() {
    if (this.image instanceof HTMLImageElement && !this.image.complete) load(this.image, this.session.links.image);
  }

  draw() {
    const { session } = this;
    this.node.classList.toggle("reviewed", session.reviewed);
    this.link.replaceChildren(element("span", { class: "shown" }, this.image, ...badges(session)), facts(session));
  }

  /** The last retry reads a new link, since links expire. */
  newImage() {
    const { session } = this;
    const attributes = {
      alt: `${Object.keys(session.labels).join(", ")} on ${session.streamName}`,
      width: 960,
      height: 540,
      decoding: "async",
      loading: this.eager ? "eager" : "lazy",
      fetchpriority: this.eager && "high",
    };
    const linkOf = async (/** @type {boolean} */ isLast) => {
      const current = isLast && session === this.session ? (await getSession(session)).body : this.session;
      return current.links.image;
    };
    return lateImage(attributes, RETRY_MS, linkOf, session.links.image);
  }
}

/** @param {Session} session */
function badges(session) {
  return [
    element(
      "span",
      { class: "badges" },
      session.class === "ALERT" && element("span", { class: "badge alert" }, "Alert"),
      !session.closed && element("span", { class: "badge live" }, "In progress"),
      session.held && element("span", { class: "badge" }, "Held"),
      session.reviewed && element("span", { class: "badge good" }, "✓ Reviewed"),
    ),
    element(
      "span",
      { class: "length" },
      `${durationText(session.startedAt, session.lastSeenAt)} · ${amount(session.images, "image")}`,
    ),
  ];
}

/** @param {Session} session */
function facts(session) {
  return element(
    "span",
    { class: "facts" },
    element("span", { class: "line" }, element("strong", {}, session.streamName), clock(session.startedAt)),
    element("span", { class: "chips" }, ...labelChips(session)),
  );
}

/**
 * The labels of a session with their confidence, and its zones.
 * @param {Session} session
 */
export function labelChips({ labels, zones }) {
  return [
    ...Object.entries(labels).map(([label, confidence]) =>
      element("span", { class: "chip" }, element("b", {}, label), ` ${percent(confidence)}`),
    ),
    ...zones.map((zone) => element("span", { class: "chip zone" }, `in ${zone}`)),
  ];
}
