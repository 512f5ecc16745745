// Moments, lengths and amounts as people read them, in the browser's own language and time zone.

import { element } from "./dom.js";

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];
const DAY_MS = 86_400_000;

const written = (form) => (iso) => {
  const moment = new Date(iso);
  const text = Number.isNaN(moment.getTime()) ? String(iso) : form.format(moment);
  return element("time", { datetime: String(iso) }, text);
};

export const time = written(MOMENT);
export const clock = written(CLOCK);

// The day where the browser is, as a key that sorts.
export function dayKey(moment) {
  const two = (number) => String(number).padStart(2, "0");
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

export function dayName(iso) {
  const moment = new Date(iso);
  const key = dayKey(moment);
  if (key === dayKey(new Date())) return "Today";
  if (key === dayKey(new Date(Date.now() - DAY_MS))) return "Yesterday";
  return DAY.format(moment);
}

export function ago(iso, now = Date.now()) {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return element("time", { datetime: iso, title: MOMENT.format(new Date(iso)) }, AGO.format(Math.round(seconds / length), unit));
}

export function lasting(fromIso, toIso) {
  const seconds = Math.max(0, Math.round((Date.parse(toIso) - Date.parse(fromIso)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const percent = (confidence) => `${Math.round(confidence)} %`;

export const amount = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
