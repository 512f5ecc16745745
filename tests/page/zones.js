// Tests in a time zone.

/**
 * Runs with a time zone.
 * @param {string} zone
 * @param {() => void} run
 */
export function inZone(zone, run) {
  const before = process.env.TZ;
  process.env.TZ = zone;
  try {
    run();
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
}
