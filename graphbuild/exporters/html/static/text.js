// Text helpers. All data is untrusted, so it is inserted as text only, never as HTML.

const SVG = "http://www.w3.org/2000/svg";
const OUTLINES = {
  dot: "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z",
  square: "M-5.5 -5.5h11v11h-11z",
  diamond: "M0 -7.5L7.5 0L0 7.5L-7.5 0z",
  triangle: "M0 -6.5L7 5.5H-7z",
};
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Make characters visible that hide or reorder others ("exe.gpj" displayed as "jpg.exe"). */
function showInvisible(text) {
  const code = (char) => char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return String(text).replace(INVISIBLE, (char) => (char === "\n" ? " " : `⟨U+${code(char)}⟩`));
}

/** Truncate to `most` characters without splitting a surrogate pair. */
function truncate(text, most) {
  const chars = Array.from(text.slice(0, 2 * most + 2));
  return chars.length > most ? `${chars.slice(0, most - 1).join("")}…` : text;
}

function formatNumber(value) {
  return value.toLocaleString("en");
}

function plural(value, word) {
  return `${formatNumber(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** Format seconds since 1970 as a UTC date; return other values as text. */
function formatDate(value) {
  const date = new Date(value * 1000);
  const known = typeof value === "number" && !Number.isNaN(date.getTime());
  return known ? date.toISOString().slice(0, 10) : showInvisible(value);
}

/** Return the parsed URL if it is http or https, else null. */
function parseHttpUrl(text) {
  try {
    const parsed = new URL(text);
    return ["http:", "https:"].includes(parsed.protocol) ? parsed : null;
  } catch {
    return null;
  }
}

/** Defang a URL: hxxps://evil[.]example/a.b is readable but not clickable. */
function defang(text) {
  return showInvisible(text).replace(/^http(s?):\/\/([^/?#]*)/i, (_, secure, host) =>
    `hxxp${secure.toLowerCase()}://${host.replaceAll(".", "[.]")}`);
}

/** Return the label of a node; for one without a name the defanged URL instead of a hash. */
function displayName({ label, attributes: { url, title, name } }) {
  const nameless = url !== undefined && title === undefined && name === undefined;
  return nameless ? defang(String(url)).replace(/^hxxps?:\/\/(www\[\.\])?/, "") : showInvisible(label);
}

/** Undo common defanging, as people paste defanged URLs into the search. */
function refang(text) {
  return text.replace(/^hxxp/i, "http").replaceAll("[.]", ".").replaceAll("[:]", ":");
}

/** Create an element with properties (attributes if the name has a dash) and children. */
function createElement(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Isolate untrusted text, so that its writing direction cannot affect the text around it. */
function isolatedText(text) {
  return createElement("bdi", { textContent: showInvisible(text) });
}

function typeIcon(type) {
  const drawing = document.createElementNS(SVG, "svg");
  const shape = document.createElementNS(SVG, "path");
  drawing.setAttribute("viewBox", "-8 -8 16 16");
  drawing.setAttribute("class", "swatch");
  drawing.setAttribute("aria-hidden", "true");
  shape.setAttribute("d", OUTLINES[type.shape]);
  shape.setAttribute("fill", type.color);
  drawing.append(shape);
  return drawing;
}

/** Return whether the user prefers reduced motion. */
function prefersReducedMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
