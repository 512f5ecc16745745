/**
 * Bytes in base64url without padding (RFC 4648, section 5), as PKCE has them.
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
