// Functions from the trees that catalogue/tree.py makes of their text: no code is ever made from text here.

const PRIMITIVES = {
  abs: Math.abs, Abs: Math.abs, acos: Math.acos, acosh: Math.acosh, asin: Math.asin, asinh: Math.asinh,
  atan: Math.atan, atanh: Math.atanh, cos: Math.cos, cosh: Math.cosh, exp: Math.exp, log: Math.log,
  sign: Math.sign, sin: Math.sin, sinh: Math.sinh, sqrt: Math.sqrt, tan: Math.tan, tanh: Math.tanh,
  cot: (u) => 1 / Math.tan(u), coth: (u) => 1 / Math.tanh(u), csc: (u) => 1 / Math.sin(u),
  csch: (u) => 1 / Math.sinh(u), sec: (u) => 1 / Math.cos(u), sech: (u) => 1 / Math.cosh(u),
  sinc: (u) => (u === 0 ? 1 : Math.sin(u) / u),
};

const OPERATORS = {
  "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b, "**": (a, b) => a ** b,
};

// Texts of the catalogue that lose digits or overflow when computed as they are written.
const CAREFUL = {
  "log(1 + exp(u))": (u) => Math.max(u, 0) + Math.log1p(Math.exp(-Math.abs(u))),
  "log(1 + u**2)": (u) => Math.log1p(u * u),
  "log(cosh(u))": (u) => (Math.abs(u) < 1
    ? Math.log1p(2 * Math.sinh(u / 2) ** 2) : Math.abs(u) + Math.log1p(Math.exp(-2 * Math.abs(u))) - Math.LN2),
  "1/tanh(u) - 1/u": (u) => (Math.abs(u) < 1 ? u * langevinRatio(u * u) : 1 / Math.tanh(u) - 1 / u),
  "1/(exp(u) - 1)": (u) => Math.exp(-u) / -Math.expm1(-u),
  "u/(exp(u) - 1)": bose,
  "u**3/(exp(u) - 1)": (u) => u * u * bose(u),
  "(1 - exp(-u))**2": (u) => Math.expm1(-u) ** 2,
};

function langevinRatio(square) {
  let rest = 19;
  for (let odd = 17; odd > 1; odd -= 2) rest = odd + square / rest;
  return 1 / rest;
}

function bose(u) {
  if (Math.abs(u) < 1e-3) return 1 - (u / 2) * (1 - u / 6);
  const size = Math.abs(u);
  return (size * Math.exp(-size)) / -Math.expm1(-size) + Math.max(-u, 0);
}

// A function of an array of values, one for each name; null where a part of it is not known here.
function compiled(tree, names) {
  if (typeof tree === "number") return () => tree;
  if (typeof tree === "string") {
    const place = names.indexOf(tree);
    return place < 0 ? null : (values) => values[place];
  }
  if (!Array.isArray(tree)) return null;
  const parts = tree.slice(1).map((part) => compiled(part, names));
  if (parts.includes(null)) return null;
  const [first, second] = parts;
  const call = OPERATORS[tree[0]] || PRIMITIVES[tree[0]] || SPECIAL[tree[0]];
  if (!call) return null;
  return second ? (values) => call(first(values), second(values)) : (values) => call(first(values));
}

// A catalogue entry {text, tree} as a function of u and p; null where it is not known here.
function law(entry) {
  if (Object.hasOwn(CAREFUL, entry.text)) return CAREFUL[entry.text];
  const found = compiled(entry.tree, ["u", "p"]);
  return found && ((u, p) => found([u, p]));
}
