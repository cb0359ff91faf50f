// Elements, numbers and words. Data only ever become text nodes and attribute values, never markup.

const SVG = "http://www.w3.org/2000/svg";
const MATHML = "http://www.w3.org/1998/Math/MathML";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

const html = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// ["msup", ["mi", "x"], ["mn", "2"]] as elements; the tags were chosen in mathml.py.
function mathml(tree) {
  const [tag, ...parts] = tree;
  const node = document.createElementNS(MATHML, tag);
  for (const part of parts) {
    if (Array.isArray(part)) node.append(mathml(part));
    else if (typeof part === "object") for (const name in part) node.setAttribute(name, part[name]);
    else node.append(part);
  }
  return node;
}

// A number in a few digits with a real minus sign.
function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "undefined";
  if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
  const size = Math.abs(value);
  let text;
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    text = `${Number(mantissa)}e${Number(exponent)}`;
  } else text = String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

const percent = (share) => `${share < 0.0995 ? number(100 * share, 2) : Math.round(100 * share)} %`;

// A name cut in the middle, where names of one table differ least.
function shortened(name, most) {
  if (name.length <= most) return name;
  const head = Math.floor(most / 2);
  return name.slice(0, head) + "…" + name.slice(name.length - (most - head - 1));
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function numbers(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  return new Float64Array(bytes.buffer);
}
