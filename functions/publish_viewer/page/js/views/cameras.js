// The selected streams: a recent image of each, its stream settings, and its health.

import { getCameraImage, listCameras } from "../client/operations.js";
import { cameraCard } from "../components/camera_card.js";
import { button, element, heading, messageOf, notice } from "../dom/elements.js";

const NO_STREAMS = "No streams are selected. Set the parameters StreamNames or TagFilters of the stack.";

/** @type {View} */
export async function cameras(_, { show }) {
  const view = new CamerasView();
  await view.open(show);
  return { leave: () => view.leave() };
}

class CamerasView {
  /** Object URLs of images, to be revoked. @type {string[]} */
  sources = [];
  /** @type {string | null} */
  cursor = null;
  list = element("ul", { class: "cards cameras", "aria-label": "Cameras" });
  end = element("p", { class: "quiet" });

  constructor() {
    this.watcher = new IntersectionObserver((seen) => this.loadVisible(seen), { rootMargin: "200px" });
  }

  /** @param {Show} show */
  async open(show) {
    const count = await this.readMore();
    const refresh = button("Refresh", () => this.refresh());
    show(element("div", { class: "bar" }, heading("Cameras"), refresh), this.list, this.end);
    if (count === 0) this.end.textContent = NO_STREAMS;
  }

  async refresh() {
    this.leave();
    this.list.replaceChildren();
    this.cursor = null;
    await this.readMore();
  }

  leave() {
    this.watcher.disconnect();
    for (const source of this.sources) URL.revokeObjectURL(source);
    this.sources = [];
  }

  /** @returns {Promise<number>} how many cameras were read */
  async readMore() {
    const { body } = await listCameras(this.cursor);
    this.cursor = body.cursor;
    const cards = body.cameras.map(cameraCard);
    this.list.append(...cards);
    for (const card of cards) this.watcher.observe(card);
    const more = button("More cameras", () => this.readMore().catch((error) => notice(messageOf(error))));
    this.end.replaceChildren(...(this.cursor ? [more] : []));
    return cards.length;
  }

  /**
   * An image costs a GetImages call, so it is read once its card is almost in sight.
   * @param {IntersectionObserverEntry[]} entries
   */
  loadVisible(entries) {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) this.loadImage(/** @type {HTMLElement} */ (target));
    }
  }

  /**
   * The request needs the token, so the image has an object URL instead of its own address.
   * @param {HTMLElement} card
   */
  async loadImage(card) {
    this.watcher.unobserve(card);
    const { stream = "" } = card.dataset;
    const place = card.querySelector(".none");
    try {
      const source = URL.createObjectURL(await getCameraImage(stream));
      this.sources.push(source);
      place?.replaceWith(element("img", { src: source, alt: `${stream}, a recent image`, width: 960, height: 540 }));
    } catch (error) {
      place?.replaceChildren(messageOf(error));
    }
  }
}
