// Makes every timeline of a page that stands alone move, when it comes into view; before that it is a picture.
(() => {
  const made = [];
  const begin = (root) => {
    const sent = JSON.parse(root.dataset.scene);
    const picture = root.querySelector("svg.t3-timeline");
    const strip = root.querySelector("svg.t3-overview");
    const timeline = makeTimeline(root, () => {}, { alone: true });
    timeline.set({ ...sent, picture, strip });
    made.push(timeline);
  };
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) { watch.unobserve(entry.target); begin(entry.target); }
    }
  }, { rootMargin: "400px" });
  document.querySelectorAll("[data-scene]").forEach((root) => watch.observe(root));
  document.addEventListener("t3-zone", () => made.forEach((one) => one.place()));
  document.querySelectorAll(".t3-id").forEach((one) => ID.test(one.textContent) && one.after(copying(one.textContent, "this id")));
  document.querySelectorAll(".t3-quoted").forEach((one) => one.append(copying(one.textContent, "the command line")));
  let before = [];
  window.addEventListener("beforeprint", () => {
    before = made.map((one) => [...one.range()]);
    made.forEach((one) => one.zoomTo(...one.whole()));
  });
  window.addEventListener("afterprint", () => made.forEach((one, n) => before[n] && one.zoomTo(...before[n])));
})();
