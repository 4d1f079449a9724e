// Helpers for text and elements. All data is untrusted, so it is inserted as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";
const OUTLINES = {
  dot: "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z",
  square: "M-5.5 -5.5h11v11h-11z",
  diamond: "M0 -7.5L7.5 0L0 7.5L-7.5 0z",
  triangle: "M0 -6.5L7 5.5H-7z",
  triangleDown: "M0 6.5L7 -5.5H-7z",
  hexagon: "M7 0L3.5 6.1H-3.5L-7 0L-3.5 -6.1H3.5z",
  star: "M0 -7.8L1.8 -2.4H7.4L2.9 0.9L4.6 6.3L0 3L-4.6 6.3L-2.9 0.9L-7.4 -2.4H-1.8z",
};
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Replace characters that hide or reorder text by visible codes such as ⟨U+202E⟩, and \n by a space. */
function showInvisible(text) {
  const code = (char) => char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return String(text).replace(INVISIBLE, (char) => (char === "\n" ? " " : `⟨U+${code(char)}⟩`));
}

/** Truncate text to `maxLength` characters (code points), of which the last is then an ellipsis. */
function truncate(text, maxLength) {
  const chars = Array.from(text.slice(0, 2 * maxLength + 2));
  return chars.length > maxLength ? `${chars.slice(0, maxLength - 1).join("")}…` : text;
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

/** Defang an http or https URL, as in hxxps://evil[.]example/a.b, so that programs do not make it a link. */
function defang(text) {
  return showInvisible(text).replace(/^http(s?):\/\/([^/?#]*)/i, (_, secure, host) =>
    `hxxp${secure.toLowerCase()}://${host.replaceAll(".", "[.]")}`);
}

/** Return the label of a node for display. If the node has a URL, but no title or name, the host is defanged. */
function displayName({ type, label, attributes: { url, title, name } }) {
  if (url === undefined || title !== undefined || name !== undefined) return showInvisible(label);
  // The label of a reference without a title is a short form of its URL, which starts with the host.
  if (types[type].dated) return showInvisible(label).replace(/^[^/]*/, (host) => host.replaceAll(".", "[.]"));
  return defang(String(url)).replace(/^hxxps?:\/\/(www\[\.\])?/, "");
}

/** Undo common ways of defanging, for defanged URLs pasted into the search. */
function refang(text) {
  return text.replace(/^hxxp/i, "http").replaceAll("[.]", ".").replaceAll("[:]", ":");
}

/** Create an element. `role` and properties with a hyphen in their name are set as attributes. */
function createElement(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Return untrusted text in an element, so that its writing direction does not affect the text around it. */
function isolatedText(text) {
  return createElement("bdi", { textContent: showInvisible(text) });
}

/** Return the shape of a node type, in its color, as an SVG element. */
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
