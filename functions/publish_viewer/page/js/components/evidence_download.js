// A session's evidence as one file, with the hashes of what it contains.

import { createBundle } from "../client/operations.js";
import { button, element, messageOf, safe } from "../dom/elements.js";
import { amount, fileSize } from "../logic/text.js";

/**
 * @param {{ streamName: string, sessionKey: string }} session
 */
export function evidenceDownload(session) {
  const status = element("div", { role: "status" });
  const download = button("Download the evidence", async () => {
    download.disabled = true;
    status.replaceChildren(element("small", { class: "quiet" }, "Packing …"));
    status.replaceChildren(...(await bundleOf(session)));
    status.querySelector("a")?.click();
    download.disabled = false;
  });
  return element("div", {}, download, status);
}

/**
 * Creates a bundle.
 * @param {{ streamName: string, sessionKey: string }} session
 * @returns {Promise<HTMLElement[]>} its link and its files, or the error
 */
async function bundleOf(session) {
  try {
    const { body } = await createBundle(session);
    const link = element("a", { href: safe(body.link), download: "" }, "Save it again");
    return [link, fileList(body.manifest.files)];
  } catch (error) {
    return [element("small", { class: "broken" }, messageOf(error))];
  }
}

/** @param {Api.BundledFile[]} files */
const fileList = (files) =>
  element(
    "details",
    {},
    element("summary", {}, amount(files.length, "file")),
    element("ul", { class: "plain" }, ...files.map(fileLine)),
  );

/** @param {Api.BundledFile} file */
const fileLine = ({ name, bytes, sha256 }) =>
  element("li", {}, `${name}, ${fileSize(bytes)} `, element("code", { title: "SHA-256" }, sha256));
