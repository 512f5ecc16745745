// The rules document, as far as zones are concerned (docs/rules.md): which entry counts for a camera, and a document
// in which that camera has other zones.

// The first entry with a matching pattern counts, and only that one.
export const entryOf = (document, stream) =>
  document.cameras.find((entry) => entry.streams.some((pattern) => glob(pattern).test(stream)));

const glob = (pattern) => new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")}$`);

// An entry that other cameras share is left to them: this one gets its own, before all others, with the same rules.
export function changed(document, stream, entry) {
  const before = entryOf(document, stream);
  const own = before?.streams.length === 1 && before.streams[0] === stream;
  const others = own ? document.cameras.filter((one) => one !== before) : document.cameras;
  return { ...document, cameras: [{ ...entry, streams: [stream] }, ...others] };
}

// A rule may name only zones that are there and do not exclude.
export function pruned(entry) {
  const known = new Set(entry.zones.filter((one) => one.kind !== "EXCLUDE").map((one) => one.name));
  const rules = entry.rules.map((rule) => (rule.zones ? { ...rule, zones: rule.zones.filter((name) => known.has(name)) } : rule));
  return { ...entry, rules };
}

export function renamed(entry, before, after) {
  const swap = (names) => names?.map((name) => (name === before ? after : name));
  return { ...entry, rules: entry.rules.map((rule) => (rule.zones ? { ...rule, zones: swap(rule.zones) } : rule)) };
}

export function free(entry) {
  const names = new Set(entry.zones.map((one) => one.name));
  let number = 1;
  while (names.has(`zone ${number}`)) number += 1;
  return `zone ${number}`;
}
