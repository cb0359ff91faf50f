// Reads a curve's value under the pointer. The page is complete without it.
for (const chart of document.querySelectorAll("svg.edge")) {
  const article = chart.closest("article");
  const output = article && article.querySelector("output");
  const dot = chart.querySelector(".dot");
  const values = chart.dataset.values.split(",");
  const pixels = chart.dataset.pixels.split(",");
  const low = Number(chart.dataset.low), high = Number(chart.dataset.high);
  const left = Number(chart.dataset.left), right = Number(chart.dataset.right);
  const wide = chart.viewBox.baseVal.width;
  const hide = () => { dot.setAttribute("hidden", ""); if (output) output.textContent = ""; };
  const show = (event) => {
    const box = chart.getBoundingClientRect();
    if (!box.width || !output) return;
    const at = ((event.clientX - box.left) / box.width * wide - left) / (right - left);
    const k = Math.round(Math.min(1, Math.max(0, at)) * (values.length - 1));
    if (values[k] === "") return hide();
    const share = k / (values.length - 1), x = low * (1 - share) + high * share;
    output.textContent = `at ${Number(x.toPrecision(4))} the value is ${Number(Number(values[k]).toPrecision(4))}`;
    if (pixels[k] === "") return dot.setAttribute("hidden", "");
    dot.removeAttribute("hidden");
    dot.setAttribute("cx", left + share * (right - left));
    dot.setAttribute("cy", pixels[k]);
  };
  chart.addEventListener("pointermove", show);
  chart.addEventListener("pointerleave", hide);
}
