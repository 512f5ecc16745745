import assert from "node:assert/strict";
import { test } from "node:test";
import { codecsOf } from "../../functions/publish_viewer/page/js/logic/codecs.js";
import { nextSegment, segmentsOf, variantOf } from "../../functions/publish_viewer/page/js/logic/playlist.js";
import { missingVideoText, secondsInto } from "../../functions/publish_viewer/page/js/logic/video.js";

const MEDIA = `#EXTM3U
#EXT-X-MAP:URI="init.mp4?token=a"
#EXTINF:2.0,
1.mp4
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init2.mp4"
#EXTINF:1.5,
https://cdn.example/2.mp4
#EXT-X-ENDLIST
`;
const BASE = "https://kvs.example/hls/media.m3u8?token=a";
const VIDEO = {
  fragments: [
    { number: "1", date: "", startedAt: "2026-03-10T12:00:00Z", lengthMs: 2000 },
    { number: "2", date: "", startedAt: "2026-03-10T12:00:10Z", lengthMs: 3000 },
  ],
};

test("a time is found in the video, whose gaps are left out", () => {
  assert.equal(secondsInto(VIDEO, "2026-03-10T12:00:01.500Z"), 1.5);
  assert.equal(secondsInto(VIDEO, "2026-03-10T12:00:11Z"), 3);
});

test("a time before the video or in a gap is at the fragment that follows", () => {
  assert.equal(secondsInto(VIDEO, "2026-03-10T11:59:00Z"), 0);
  assert.equal(secondsInto(VIDEO, "2026-03-10T12:00:05Z"), 2);
});

test("a time after the video, or without known fragments, is nowhere", () => {
  assert.equal(secondsInto(VIDEO, "2026-03-10T12:00:13Z"), undefined);
  assert.equal(secondsInto(null, "2026-03-10T12:00:00Z"), undefined);
  assert.equal(secondsInto({ fragments: [{ number: "1", date: "" }] }, "2026-03-10T12:00:00Z"), undefined);
});

test("missing video is explained; the words of KVS stay as they are", () => {
  assert.equal(missingVideoText("NO_MEDIA"), "No video was recorded");
  assert.equal(missingVideoText("ResourceNotFoundException"), "ResourceNotFoundException");
});

test("segments follow one another, each with the initialization before it", () => {
  const first = "https://kvs.example/hls/init.mp4?token=a";
  assert.deepEqual(segmentsOf(MEDIA, BASE), [
    { url: "https://kvs.example/hls/1.mp4", initialization: first, start: 0, end: 2 },
    { url: "https://cdn.example/2.mp4", initialization: "https://kvs.example/hls/init2.mp4", start: 2, end: 3.5 },
  ]);
});

test("lines may end as on Windows", () => {
  assert.deepEqual(segmentsOf(MEDIA.replaceAll("\n", "\r\n"), BASE), segmentsOf(MEDIA, BASE));
});

test("a playlist without segments or without an initialization is an error", () => {
  assert.throws(() => segmentsOf("#EXTM3U\n", BASE), /empty/);
  assert.throws(() => segmentsOf("#EXTM3U\n#EXTINF:2.0,\n1.mp4\n", BASE), /empty/);
});

test("a master playlist leads to its first media playlist", () => {
  const master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8?a=1\n#EXT-X-STREAM-INF:BANDWIDTH=2\nother.m3u8\n";
  assert.equal(variantOf(master, "https://kvs.example/hls/master.m3u8"), "https://kvs.example/hls/media.m3u8?a=1");
  assert.equal(variantOf(MEDIA, BASE), undefined);
});

test("the next segment is the first one ahead that is not buffered", () => {
  const segments = segmentsOf(MEDIA, BASE);
  const [first, second] = segments;
  assert.equal(nextSegment(segments, new Set(), 0, 30), first);
  assert.equal(nextSegment(segments, new Set([first]), 0, 30), second);
  assert.equal(nextSegment(segments, new Set([first]), 0, 2), undefined);
  assert.equal(nextSegment(segments, new Set(), 2, 30), second);
  assert.equal(nextSegment(segments, new Set(segments), 0, 30), undefined);
});

const bytes = (/** @type {(string | number)[]} */ ...parts) =>
  Uint8Array.from(
    parts.flatMap((one) => (typeof one === "string" ? [...one].map((letter) => letter.charCodeAt(0)) : one)),
  );

test("codecs are those of the initialization segment", () => {
  const h264 = ["moov", "avcC", 1, 0x4d, 0x40, 0x0a, 0xff];
  assert.equal(codecsOf(bytes(...h264)), "avc1.4d400a");
  assert.equal(codecsOf(bytes(...h264, "mp4a")), "avc1.4d400a,mp4a.40.2");
  assert.equal(codecsOf(bytes("moov", "hvcC", 1)), "hvc1.1.6.L120.90");
  assert.equal(codecsOf(bytes("moov")), "avc1.640028");
});
