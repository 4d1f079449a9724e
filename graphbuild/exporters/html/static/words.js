// Text: everything shown comes from strangers, so it goes to the page as text and nothing else.

const SVG = "http://www.w3.org/2000/svg";
const OUTLINES = {
  dot: "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z",
  square: "M-5.5 -5.5h11v11h-11z",
  diamond: "M0 -7.5L7.5 0L0 7.5L-7.5 0z",
  triangle: "M0 -6.5L7 5.5H-7z",
};
const NAMES = {
  id: "Id", url: "Address", title: "Title", name: "Name", author: "Author",
  creation_date: "Date", last_modification_date: "Changed", seed: "Seed", state: "State",
};
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** The text with characters that hide or turn others ("exe.gpj" for "jpg.exe") made visible. */
function clean(text) {
  const code = (char) => char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return String(text).replace(UNSEEN, (char) => (char === "\n" ? " " : `⟨U+${code(char)}⟩`));
}

/** At most so many characters, never half of one. */
function cut(text, most) {
  const chars = Array.from(text.slice(0, 2 * most + 2));
  return chars.length > most ? `${chars.slice(0, most - 1).join("")}…` : text;
}

function number(value) {
  return value.toLocaleString("en");
}

function counted(value, word) {
  return `${number(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** Seconds since 1970 as a day in UTC; anything else as it is. */
function day(value) {
  const date = new Date(value * 1000);
  const known = typeof value === "number" && !Number.isNaN(date.getTime());
  return known ? date.toISOString().slice(0, 10) : clean(value);
}

/** The parsed address where it may become a link: http and https only. */
function webAddress(text) {
  try {
    const parsed = new URL(text);
    return ["http:", "https:"].includes(parsed.protocol) ? parsed : null;
  } catch {
    return null;
  }
}

/** hxxps://evil[.]example/a.b: readable, and no program makes a link of it. */
function defang(text) {
  return clean(text).replace(/^http(s?):\/\/([^/?#]*)/i, (_, secure, host) =>
    `hxxp${secure.toLowerCase()}://${host.replaceAll(".", "[.]")}`);
}

/** What to call a node: its label, or where it has no name its address rather than its hash. */
function nameOf({ label, attributes: { url, title, name } }) {
  const nameless = url !== undefined && title === undefined && name === undefined;
  return nameless ? defang(String(url)).replace(/^hxxps?:\/\/(www\[\.\])?/, "") : clean(label);
}

/** What people paste: the same address with its teeth back. */
function refang(text) {
  return text.replace(/^hxxp/i, "http").replaceAll("[.]", ".").replaceAll("[:]", ":");
}

/** An element with properties (or attributes, where the name has a dash) and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** A stranger's words: on their own for the order of writing, so they cannot turn ours around. */
function quoted(text) {
  return make("bdi", { textContent: clean(text) });
}

function swatch(type) {
  const drawing = document.createElementNS(SVG, "svg");
  const shape = document.createElementNS(SVG, "path");
  drawing.setAttribute("viewBox", "-8 -8 16 16");
  drawing.setAttribute("class", "swatch");
  drawing.setAttribute("aria-hidden", "true");
  shape.setAttribute("d", OUTLINES[type.shape]);
  shape.setAttribute("fill", type.colour);
  drawing.append(shape);
  return drawing;
}

/** Whether the reader wants no movement. */
function isStill() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
