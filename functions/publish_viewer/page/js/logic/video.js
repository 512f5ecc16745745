// Arithmetic of a session's archived video.

/**
 * Where in the video a time is, in seconds; undefined where the video has nothing of that time. Fragments play one
 * after the other: gaps between them are not in the video.
 * @param {Pick<SessionClip, "fragments"> | null} video
 * @param {string} iso
 * @returns {number | undefined}
 */
export function secondsInto(video, iso) {
  const time = Date.parse(iso);
  let before = 0;
  for (const { startedAt, lengthMs } of video?.fragments ?? []) {
    if (!startedAt) return undefined;
    const into = time - Date.parse(startedAt);
    if (into < (lengthMs ?? 0)) return (before + Math.max(0, into)) / 1000;
    before += lengthMs ?? 0;
  }
  return undefined;
}

/** Why a time range has no video. @type {Record<string, string>} */
const REASONS = {
  NO_MEDIA: "No video was recorded",
  EXPIRED: "The video has expired",
  NO_RETENTION: "The stream does not retain video",
  STREAM_GONE: "The stream was deleted",
  TOO_MANY: "The session has more fragments than are archived",
};

/**
 * @param {string} reason of a time range; that of a fragment is in the words of KVS, and stays as it is
 * @returns {string}
 */
export const missingVideoText = (reason) => REASONS[reason] ?? reason;
