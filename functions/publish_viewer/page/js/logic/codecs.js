// Codecs of an MP4 initialization segment, as MediaSource takes them.

const H264 = "avc1.640028";
const HEVC = "hvc1.1.6.L120.90";
const AAC = "mp4a.40.2"; // KVS puts no other audio into HLS (GetHLSStreamingSessionURL)

/**
 * The codecs of all tracks: a browser refuses an initialization segment with a track that was not announced.
 * @param {Uint8Array} segment
 * @returns {string} such as "avc1.64001f,mp4a.40.2"
 */
export const codecsOf = (segment) => [videoCodec(segment), ...(indexOf(segment, "mp4a") < 0 ? [] : [AAC])].join(",");

/**
 * Profile, constraints and level of H.264 are bytes 1 to 3 of the decoder configuration record (ISO/IEC 14496-15,
 * AVCDecoderConfigurationRecord), which follows the box's name.
 * @param {Uint8Array} segment
 * @returns {string}
 */
function videoCodec(segment) {
  const at = indexOf(segment, "avcC");
  if (at < 0) return indexOf(segment, "hvcC") < 0 ? H264 : HEVC;
  const bytes = [...segment.slice(at + 5, at + 8)];
  return `avc1.${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * @param {Uint8Array} bytes
 * @param {string} name
 * @returns {number} -1 if it is not there
 */
function indexOf(bytes, name) {
  const letters = [...name].map((letter) => letter.charCodeAt(0));
  return bytes.findIndex((_, at) => letters.every((letter, index) => bytes[at + index] === letter));
}
