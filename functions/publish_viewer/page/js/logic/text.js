// Amounts, sizes and statuses as text.

/**
 * @param {number} confidence from 0 to 100
 * @returns {string}
 */
export const percent = (confidence) => `${Math.round(confidence)} %`;

/**
 * A count with its noun: "1 camera", "2 cameras".
 * @param {number} count
 * @param {string} singular
 * @param {string} [plural]
 * @returns {string}
 */
export const amount = (count, singular, plural = `${singular}s`) => `${count} ${count === 1 ? singular : plural}`;

/**
 * @param {number} bytes
 * @returns {string}
 */
export function fileSize(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/**
 * An API status such as TIMED_OUT in words: "timed out".
 * @param {string} status
 * @returns {string}
 */
export const statusText = (status) => status.toLowerCase().replaceAll("_", " ");

/**
 * @param {Pick<Api.Detection, "label" | "confidence" | "zones">} detection
 * @returns {string}
 */
export const detectionText = ({ label, confidence, zones }) =>
  `${label} ${percent(confidence)}${zones?.length ? ` in ${zones.join(", ")}` : ""}`;
