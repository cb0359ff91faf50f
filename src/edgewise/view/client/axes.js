// Plots as SVG: scales, ticks, axes, dots, lines and bars.

const MANY_DECADES = 60;

// Linear, or logarithmic where all values are positive and span a factor of more than MANY_DECADES.
function scaleOf(values, from, to, { air = 0.04, log = null } = {}) {
  const known = values.filter(Number.isFinite);
  let low = known.reduce((a, b) => Math.min(a, b), Infinity), high = known.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!known.length) [low, high] = [0, 1];
  const isLog = log ?? (low > 0 && high / low > MANY_DECADES);
  if (isLog) [low, high] = [Math.log10(low), Math.log10(high)];
  if (!(high > low)) [low, high] = [low - 0.5 * (Math.abs(low) || 1), high + 0.5 * (Math.abs(high) || 1)];
  const room = air * (high - low);
  [low, high] = [low - room, high + room];
  const place = (value) => from + (((isLog ? Math.log10(value) : value) - low) / (high - low)) * (to - from);
  const back = (pixel) => {
    const value = low + ((pixel - from) / (to - from)) * (high - low);
    return isLog ? 10 ** value : value;
  };
  const about = Math.max(2, Math.round(Math.abs(to - from) / 70));
  const marks = isLog ? decades(low, high, about) : ticks(low, high, about);
  return Object.assign(place, { back, marks, low: isLog ? 10 ** low : low, high: isLog ? 10 ** high : high, log: isLog });
}

// Round numbers between two ends, 1, 2 or 5 times a power of ten apart.
function ticks(low, high, about) {
  const rough = (high - low) / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.75);
  const first = Math.ceil(low / step), last = Math.floor(high / step), found = [];
  for (let k = first; k <= last; k += 1) found.push(Number((k * step).toPrecision(12)));
  return found;
}

function decades(low, high, about) {
  const factors = high - low > 2.2 ? [1] : [1, 2, 5];
  const found = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power += 1)
    for (const factor of factors) found.push(factor * 10 ** power);
  const inside = found.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
  const every = Math.ceil(inside.length / Math.max(about, 2));
  return inside.filter((value, k) => k % every === 0).map((value) => Number(value.toPrecision(3)));
}

// An SVG path through points, broken where one is missing or far outside.
function pathOf(points) {
  let words = "", pen = "M";
  for (const [x, y] of points) {
    const good = Number.isFinite(y) && Math.abs(y) < 1e5;
    if (good) words += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = good ? "L" : "M";
  }
  return words;
}

const dotsOf = (points) =>
  points.filter(([, y]) => Number.isFinite(y)).map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join("");

// A frame with ticks and names; parts are drawn inside. The box says where the frame is.
const FRAME = { wide: 360, high: 264, left: 60, right: 10, top: 10, bottom: 48 };

function axes(x, y, names, frame = FRAME) {
  const { wide, high, left, right, top, bottom } = frame, floor = high - bottom, end = wide - right;
  const middle = (top + floor) / 2, note = (scale) => (scale.log ? " (log scale)" : "");
  return [
    svg("rect", { class: "ew-frame", x: left, y: top, width: end - left, height: floor - top }),
    x.marks.map((value) => [
      svg("path", { class: "ew-tick", d: `M${x(value).toFixed(1)} ${floor}v5` }),
      svg("text", { x: x(value).toFixed(1), y: floor + 18, "text-anchor": "middle" }, number(value, 3)),
    ]),
    y.marks.map((value) => [
      svg("path", { class: "ew-tick", d: `M${left} ${y(value).toFixed(1)}h-5` }),
      svg("text", { x: left - 8, y: (y(value) + 4).toFixed(1), "text-anchor": "end" }, number(value, 3)),
    ]),
    svg("text", { class: "ew-axis", x: (left + end) / 2, y: high - 9, "text-anchor": "middle" },
      shortened(names[0], x.log ? 26 : 40) + note(x)),
    svg("text", { class: "ew-axis", transform: `translate(13 ${middle}) rotate(-90)`, "text-anchor": "middle" },
      shortened(names[1], y.log ? 18 : 30) + note(y)),
  ];
}

function chart(label, parts, frame = FRAME) {
  return svg("svg", { class: "ew-chart", viewBox: `0 0 ${frame.wide} ${frame.high}`, role: "img", "aria-label": label }, parts);
}

// Bars whose area tells counts, from one pixel to another, standing on a floor; one row among thousands still shows.
function bars(counts, left, right, floor, height) {
  const step = (right - left) / counts.length, largest = Math.max(1, ...counts);
  const words = counts.map((count, k) => {
    const tall = count ? Math.max(1, (height * count) / largest) : 0;
    return count ? `M${(left + k * step).toFixed(1)} ${floor}v${-tall.toFixed(1)}h${(step - 0.6).toFixed(1)}v${tall.toFixed(1)}z` : "";
  });
  return svg("path", { class: "ew-visits", d: words.join("") });
}
