// The named functions of the catalogue's special page. Most are integrals (DLMF 10.9, 10.32, 9.5, 7.2, 6.2), summed by
// Gauss and Legendre's rule or, where the integrand is periodic or dies out at both ends, by equal steps.

const GAUSS = legendreRule(20);

function legendreRule(count) {
  const rule = [];
  for (let k = 0; k < count; k += 1) {
    let x = Math.cos((Math.PI * (k + 0.75)) / (count + 0.5)), slope = 1;
    for (let turn = 0; turn < 50; turn += 1) {
      let [last, value] = [1, x];
      for (let n = 2; n <= count; n += 1) [last, value] = [value, ((2 * n - 1) * x * value - (n - 1) * last) / n];
      slope = (count * (x * value - last)) / (x * x - 1);
      x -= value / slope;
    }
    rule.push([x, 2 / ((1 - x * x) * slope * slope)]);
  }
  return rule;
}

function integral(f, low, high, panels) {
  const half = (high - low) / panels / 2;
  let sum = 0;
  for (let k = 0; k < panels; k += 1)
    for (const [x, weight] of GAUSS) sum += weight * f(low + half * (2 * k + 1 + x));
  return half * sum;
}

function equalSteps(f, low, high, steps) {
  let sum = (f(low) + f(high)) / 2;
  for (let k = 1; k < steps; k += 1) sum += f(low + ((high - low) * k) / steps);
  return (sum * (high - low)) / steps;
}

function erfc(u) {
  if (u < 2) return 1 - erf(u);
  let rest = u;
  for (let k = 60; k > 0; k -= 1) rest = u + k / 2 / rest;
  return Math.exp(-u * u) / rest / Math.sqrt(Math.PI);
}

function erf(u) {
  if (Math.abs(u) >= 2) return Math.sign(u) * (1 - erfc(Math.abs(u)));
  let term = u, sum = u;
  for (let n = 1; n < 60; n += 1) {
    term *= (2 * u * u) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-u * u) * sum;
}

function logGamma(u) {
  if (!(u > 0)) return NaN;
  if (u < 10) return logGamma(u + 1) - Math.log(u);
  const s = 1 / (u * u);
  const tail = 1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - (s * 691) / 360360))));
  return (u - 0.5) * Math.log(u) - u + Math.log(2 * Math.PI) / 2 + tail / u;
}

function gamma(u) {
  if (u <= 0) return Number.isInteger(u) ? NaN : Math.PI / (Math.sin(Math.PI * u) * gamma(1 - u));
  return Math.exp(logGamma(u));
}

function digamma(u) {
  if (u <= 0) return Number.isInteger(u) ? NaN : digamma(1 - u) - Math.PI / Math.tan(Math.PI * u);
  if (u < 10) return digamma(u + 1) - 1 / u;
  const s = 1 / (u * u);
  return Math.log(u) - 0.5 / u - s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132)))));
}

function lambertW(u) {
  if (u < -Math.exp(-1)) return NaN;
  const near = Math.sqrt(Math.max(0, 2 * (Math.E * u + 1)));
  let w = u < 1 ? -1 + near - (near * near) / 3 : Math.log(u) - Math.log(Math.max(Math.log(u), 1));
  for (let turn = 0; turn < 60; turn += 1) {
    const e = Math.exp(w), off = w * e - u;
    if (off === 0 || w === -1) break;
    w -= off / (e * (w + 1) - ((w + 2) * off) / (2 * w + 2));
  }
  return w;
}

// Complete elliptic integrals of the parameter m, by the arithmetic-geometric mean.
function elliptic(m) {
  let a = 1, b = Math.sqrt(1 - m), sum = m / 2, power = 0.5;
  for (let turn = 0; turn < 40 && a !== b; turn += 1) {
    const c = (a - b) / 2;
    [a, b] = [(a + b) / 2, Math.sqrt(a * b)];
    power *= 2;
    sum += power * c * c;
  }
  return { k: Math.PI / (2 * a), e: (Math.PI / (2 * a)) * (1 - sum) };
}

const besselJ = (n, x) =>
  equalSteps((t) => Math.cos(n * t - x * Math.sin(t)), 0, Math.PI, 40 + Math.ceil(Math.abs(x)) + n) / Math.PI;
const besselI = (n, x) =>
  equalSteps((t) => Math.exp(x * Math.cos(t)) * Math.cos(n * t), 0, Math.PI, 60 + Math.ceil(Math.abs(x)) + n) / Math.PI;

function besselK(n, x) {
  if (!(x > 0)) return NaN;
  return equalSteps((t) => Math.exp(-x * Math.cosh(t)) * Math.cosh(n * t), 0, Math.acosh(1 + 750 / x), 800);
}

function besselY(n, x) {
  if (!(x > 0)) return NaN;
  const turning = integral((t) => Math.sin(x * Math.sin(t) - n * t), 0, Math.PI, 4 + Math.ceil(x / 8) + n);
  const sign = n % 2 ? -1 : 1, end = Math.asinh((50 + 10 * n) / x) + n;
  const dying = (t) => (Math.exp(n * t) + sign * Math.exp(-n * t)) * Math.exp(-x * Math.sinh(t));
  return (turning - integral(dying, 0, end, 40)) / Math.PI;
}

// The solution of y'' = x y and its slope, taken from one place to another by Taylor steps.
function airySteps(y, slope, from, to) {
  const steps = Math.max(1, Math.ceil(Math.abs(to - from) / 0.2)), h = (to - from) / steps;
  for (let k = 0; k < steps; k += 1) {
    const x = from + k * h, c = [y, slope, (x * y) / 2];
    for (let n = 1; n < 24; n += 1) c.push((x * c[n] + c[n - 1]) / ((n + 1) * (n + 2)));
    y = slope = 0;
    for (let n = c.length - 1; n >= 0; n -= 1) y = y * h + c[n];
    for (let n = c.length - 1; n > 0; n -= 1) slope = slope * h + n * c[n];
  }
  return y;
}

const AIRY = [0.355028053887817239, 0.258819403792806798];

function airyAi(x) {
  if (x <= 2) return airySteps(AIRY[0], -AIRY[1], 0, x);
  const root = Math.sqrt(x), decay = Math.exp((-2 / 3) * x * root);
  return (decay / Math.PI) * equalSteps((t) => Math.exp(-root * t * t) * Math.cos(t ** 3 / 3), 0, 6, 200);
}

const airyBi = (x) => (x > 104 ? Infinity : airySteps(Math.sqrt(3) * AIRY[0], Math.sqrt(3) * AIRY[1], 0, x));

const fresnel = (turn) => (u) =>
  integral((t) => turn((Math.PI / 2) * t * t), 0, u, 1 + Math.ceil(u * u / 4));

const SPECIAL = {
  erf, erfc, gamma, digamma, loggamma: logGamma, LambertW: lambertW,
  elliptic_k: (m) => elliptic(m).k, elliptic_e: (m) => elliptic(m).e,
  besselj: besselJ, bessely: besselY, besseli: besselI, besselk: besselK, airyai: airyAi, airybi: airyBi,
  fresnels: fresnel(Math.sin), fresnelc: fresnel(Math.cos),
  Si: (u) => integral(PRIMITIVES.sinc, 0, u, 1 + Math.ceil(Math.abs(u) / 4)),
};
