// Draws every figure of the document in the reader's theme and width, when it comes into view.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const config = { displaylogo: false, responsive: true, scrollZoom: false, plotlyServerURL: "",
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]], showTips: false };
  const drawn = new Set();
  const draw = (target) => {
    const spec = JSON.parse(document.getElementById(target.dataset.figure).textContent);
    const swap = (value) => {
      if (typeof value === "string") return spec.toDark[value] || value;
      if (Array.isArray(value)) return value.map(swap);
      if (value && typeof value === "object") {
        return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, swap(part)]));
      }
      return value;
    };
    const forced = document.documentElement.dataset.theme;
    const night = forced ? forced === "dark" : dark.matches;
    const shown = night ? swap({ data: spec.data, layout: spec.layout }) : spec;
    drawn.add(target);
    return Plotly.react(target, shown.data, shown.layout, config).then(() => {
      target.dataset.drawn = "true";
      const picture = target.previousElementSibling;
      if (picture) picture.classList.add("r-gone");
    });
  };
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) { watch.unobserve(entry.target); draw(entry.target); }
    }
  }, { rootMargin: "400px" });
  document.querySelectorAll("[data-figure]").forEach((target) => watch.observe(target));
  dark.addEventListener("change", () => drawn.forEach(draw));
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((one) => { one.dataset.was = one.open; });
  });
})();
