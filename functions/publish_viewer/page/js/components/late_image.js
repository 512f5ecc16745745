// An image that may not exist yet: it is stored some seconds after its record. A placeholder is shown until it loads.

import { element, placeholder, safe } from "../dom/elements.js";

/**
 * @param {Attributes} attributes of the image
 * @param {number[]} waits before each retry, in milliseconds
 * @param {(isLast: boolean) => Promise<string>} linkOf the link to try next
 * @param {string} [link] to try first
 * @returns {HTMLElement} what to show: the image, or its placeholder without a link
 */
export function lateImage(attributes, waits, linkOf, link) {
  const place = placeholder("no image yet");
  const image = element("img", attributes);
  const left = [...waits];
  image.addEventListener("error", async () => {
    image.replaceWith(place);
    const wait = left.shift();
    if (wait === undefined) return;
    await new Promise((done) => setTimeout(done, wait));
    load(image, await linkOf(left.length === 0));
  });
  image.addEventListener("load", () => place.replaceWith(image));
  return load(image, link) ? image : place;
}

/**
 * @param {HTMLImageElement} image
 * @param {string | null | undefined} link
 */
export function load(image, link) {
  const source = safe(link);
  if (source) image.src = source;
  return source !== undefined;
}
