// HLS with fragmented MP4, as KVS serves it, for browsers that play no HLS: the parts of its playlist are handed to a
// MediaSource, those first that are seen next. Each is put where the playlist says, whatever its own time stamps are.

const AHEAD_S = 30;
const BEHIND_S = 60;
const H264 = "avc1.640028";
const HEVC = "hvc1.1.6.L120.90";
const AAC = "mp4a.40.2"; // KVS takes no other sound into HLS (GetHLSStreamingSessionURL)

export async function feed(video, url, signal) {
  const parts = await partsOf(url, signal);
  const media = new MediaSource();
  video.src = URL.createObjectURL(media);
  await once(media, "sourceopen");
  URL.revokeObjectURL(video.src);
  media.duration = parts.at(-1).end;
  await new Feeder(video, media, parts, signal).run();
}

class Feeder {
  constructor(video, media, parts, signal) {
    Object.assign(this, { video, media, parts, signal });
    this.fed = new Set();
  }

  async run() {
    while (!this.signal.aborted) {
      const part = this.next();
      if (part) await this.give(part);
      else {
        if (this.fed.has(this.parts.at(-1)) && this.media.readyState === "open") this.media.endOfStream();
        await moved(this.video, this.signal);
      }
    }
  }

  next() {
    const { currentTime } = this.video;
    return this.parts.find((one) => !this.fed.has(one) && one.end > currentTime && one.start < currentTime + AHEAD_S);
  }

  async give(part) {
    if (part.head !== this.head) await this.begin(part.head);
    const body = await bytes(part.url, this.signal);
    this.buffer.timestampOffset = part.start;
    await this.append(body);
    this.fed.add(part);
    await this.forget();
  }

  // What decodes the parts that follow: a camera may change its picture's size.
  async begin(head) {
    const body = await bytes(head, this.signal);
    const type = `video/mp4; codecs="${codecs(body)}"`;
    if (!MediaSource.isTypeSupported(type)) throw new Error("this browser can't decode it");
    if (this.buffer) this.buffer.changeType(type);
    else this.buffer = this.media.addSourceBuffer(type);
    this.buffer.mode = "sequence";
    await this.append(body);
    this.head = head;
  }

  async append(body) {
    this.buffer.appendBuffer(body);
    await once(this.buffer, "updateend");
  }

  async forget() {
    const until = this.video.currentTime - BEHIND_S;
    const old = [...this.fed].filter((one) => one.end < until);
    if (old.length === 0) return;
    this.buffer.remove(0, old.at(-1).end);
    await once(this.buffer, "updateend");
    old.forEach((one) => this.fed.delete(one));
  }
}

// {url, head, start, end} of every part, in seconds from the beginning.
async function partsOf(url, signal) {
  const lines = (await text(url, signal)).split("\n").map((line) => line.trim()).filter(Boolean);
  if (lines.some((line) => line.startsWith("#EXT-X-STREAM-INF"))) {
    return partsOf(new URL(lines.find((line) => !line.startsWith("#")), url).href, signal);
  }
  const parts = [];
  let head;
  let length = 0;
  for (const line of lines) {
    const [, name, value] = /^#(EXT-X-MAP|EXTINF):(.*)$/.exec(line) ?? [];
    if (name === "EXT-X-MAP") head = new URL(/URI="([^"]+)"/.exec(value)[1], url).href;
    if (name === "EXTINF") length = Number.parseFloat(value);
    if (line.startsWith("#")) continue;
    const start = parts.at(-1)?.end ?? 0;
    parts.push({ url: new URL(line, url).href, head, start, end: start + length });
  }
  if (!parts.length || !head) throw new Error("there is nothing in it");
  return parts;
}

// The initialization segment holds every track's; a browser refuses one that was not announced.
function codecs(head) {
  return find(head, "mp4a") < 0 ? picture(head) : `${picture(head)},${AAC}`;
}

// Profile, constraints and level of H.264 are bytes 1 to 3 of its decoder's record (ISO/IEC 14496-15,
// AVCDecoderConfigurationRecord).
function picture(head) {
  const at = find(head, "avcC");
  if (at < 0) return find(head, "hvcC") < 0 ? H264 : HEVC;
  return `avc1.${[...head.slice(at + 5, at + 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function find(all, name) {
  const letters = [...name].map((letter) => letter.charCodeAt(0));
  return all.findIndex((_, at) => letters.every((letter, index) => all[at + index] === letter));
}

function moved(video, signal) {
  return new Promise((done) => {
    for (const name of ["timeupdate", "seeking"]) video.addEventListener(name, done, { once: true, signal });
    signal.addEventListener("abort", done, { once: true });
  });
}

const once = (target, name) => new Promise((done, failed) => {
  target.addEventListener(name, done, { once: true });
  target.addEventListener("error", () => failed(new Error("the browser can't decode it")), { once: true });
});

const bytes = async (url, signal) => new Uint8Array(await (await fetched(url, signal)).arrayBuffer());

const text = async (url, signal) => (await fetched(url, signal)).text();

async function fetched(url, signal) {
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
  return answer;
}
