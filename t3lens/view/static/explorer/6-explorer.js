// The explorer: puts the panes together, links their selection through the kernel, and knows the keys.

const HELP = [["↑ ↓", "previous, next thread"], ["Enter", "open the thread and move to its timeline"], ["← →", "step to the previous, next event"], ["f", "next finding"],
  ["+ −", "zoom in, out"], ["a", "whole thread"], ["o", "where history forked"], ["z", "zoom to the chosen range"], ["space", "play, pause"], ["c", "compare: keep this thread below the next ones, or let go of it"], ["w", "full width"], ["/", "search"], ["?", "this help"], ["Esc", "close the help"]];

// Each widget has a copy of this script; what is counted is counted for the page, or two explorers would share their ids.
const COUNT = Symbol.for("t3lens.explorers");

function render({ model, el: host }) {
  globalThis[COUNT] = (globalThis[COUNT] || 0) + 1;
  const id = `t3x-${globalThis[COUNT]}`;
  const tell = (message) => kernel.tell(message);
  const root = el("section", { class: "t3 t3-explorer", "aria-label": "t3lens explorer", tabindex: "-1" });
  const pane = (name, label, tag) => el(tag || "div", { class: `t3-${name}-pane`, id: `${id}-${name}`, "aria-label": label });
  const fleetPane = pane("fleet", "Threads", "nav");
  const timePane = pane("time", "Timeline", "div");
  const sidePane = pane("side", "Details", "aside");
  const actPane = pane("act", "Actions", "div");
  actPane.hidden = true; // until the kernel offers any
  const help = el("dialog", { class: "t3-help", "aria-label": "Keys" }, el("h3", {}, "Keys"),
    el("dl", { class: "t3-facts" }, ...HELP.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)])),
    el("p", { class: "t3-hint" }, "In the timeline: drag chooses a time range, Shift+drag moves, Ctrl+wheel zooms."), button("Close", () => help.close()));
  const note = el("p", { class: "t3-problem", role: "status" }, "Asking the kernel…");
  const notices = el("div", { class: "t3-notice", role: "alert", hidden: true });
  const problem = el("p", { class: "t3-problem", role: "alert", hidden: true });
  function wide() {
    if (document.fullscreenElement === root) document.exitFullscreen();
    else root.requestFullscreen?.().catch(() => root.classList.toggle("t3-full"));
  }
  const play = button("▶", () => playing(!ticking), { "aria-label": "Play" });
  const slider = el("input", { type: "range", min: "0", max: "1000", value: "1000", class: "t3-slider", "aria-label": "Time" });
  const shownTime = el("output", { class: "t3-time" });
  const live = el("input", { type: "checkbox", id: `${id}-live` });
  const liveLabel = el("label", { for: `${id}-live`, class: "t3-live" }, live, " live");
  const steps = el("div", { class: "t3-steps" }, button("◂", () => step(-1), { "aria-label": "Previous event" }), play,
    button("▸", () => step(1), { "aria-label": "Next event" }), slider, shownTime, liveLabel,
    button("?", () => help.showModal(), { "aria-label": "Help" }));
  const besidePane = pane("beside", "Timeline of the pinned thread", "section");
  const cause = el("p", { class: "t3-cause", hidden: true }); // the side pane with the story may stand below, out of view
  const middle = el("div", { class: "t3-middle" }, cause, timePane, besidePane, steps, actPane);
  root.append(note, notices, problem, el("div", { class: "t3-columns" }, fleetPane, middle, sidePane), help);
  host.append(root);

  const signs = model.get("signs");
  let shown = null; // the thread that is shown; null while one is being fetched
  const fetching = (row) => {
    shown = null;
    playing(false);
    wanted = null;
    timeline.clear(`Fetching “${row.title}” …`);
    panes.clear();
    cause.hidden = true;
    now = null;
    shownTime.textContent = "";
    clearTimeout(sliding);
    actions.off();
  };
  const heading = (place, sent, of, ...more) => place.replaceChildren(el("strong", { class: "t3-title" }, sent.title),
    sent.verdict ? chip("verdict", sent.verdict, signs.verdict[sent.verdict]) : "", el("span", { class: "t3-hint" }, sent.primary || ""),
    of ? copying(of.thread, "the thread's id", "copy id") : "", ...more);
  const fleet = makeFleet(fleetPane, signs, tell, { fetching, searching: (text) => panes.looking(text), searched: (on) => on || panes.unfound() });
  const comparing = (on) => shown && tell({ do: "pin", on });
  const pin = button("compare", () => comparing(!pinned), { "aria-pressed": "false", title: "Keep this thread below the ones chosen next, on one time axis" });
  const timeline = makeTimeline(timePane, tell, {
    moved: (range, folding) => beside?.follow(range, folding),
    chose: (range) => beside?.brushed(range),
    extra: [pin, button("⤢", wide, { "aria-label": "Full width", title: "Full width; Esc ends it" })],
    head: (place, sent) => heading(place, sent, shown),
  });
  const panes = makePanes(sidePane, signs, tell, {
    shown: () => shown,
    kept: () => kept,
    unsearch: () => fleet.unsearch(),
    open: (hit) => {
      if (shown && shown.home === hit.home && shown.thread === hit.thread) tell({ do: "open", key: hit.key, at: hit.at });
      else if (fleet.pick(hit.home, hit.thread)) wanted = hit;
    },
  });
  let wanted = null; // a record of a thread that is being fetched
  let opening = true; // nothing was shown yet: what is waited for is said
  timeline.clear("Fetching the threads …");
  panes.clear();
  let beside = null; // the pinned thread's timeline
  let pinned = null; // the thread that stays while others are chosen
  let kept = true; // whether notes outlive the kernel
  const actions = makeActions(actPane, tell);
  let ticking = null;
  let whole = [0, 1];
  let now = null; // the moment that is told of
  let fed = false;

  const step = (by) => shown && tell({ do: "step", by });
  function playing(on) {
    clearInterval(ticking);
    ticking = on ? setInterval(() => step(1), 700) : null;
    play.textContent = on ? "❚❚" : "▶";
    play.setAttribute("aria-label", on ? "Pause" : "Play");
  }
  function setTime(when) {
    timeline.moment(when);
    beside?.moment(when);
    now = when;
    slider.value = String(Math.round(((when - whole[0]) / (whole[1] - whole[0])) * 1000));
    shownTime.textContent = zoned(when);
  }
  let sliding = null;
  slider.addEventListener("input", () => {
    if (!shown) return; // it stands where the thread before had it
    const when = Math.round(whole[0] + (slider.value / 1000) * (whole[1] - whole[0]));
    shownTime.textContent = zoned(when);
    timeline.moment(when);
    beside?.moment(when);
    clearTimeout(sliding);
    sliding = setTimeout(() => shown && tell({ do: "moment", at: when }), 60);
  });
  root.addEventListener("t3-zone", () => {
    timeline.place();
    beside?.place();
    fleet.again();
    panes.again();
    if (now !== null) shownTime.textContent = zoned(now);
  });
  live.addEventListener("change", () => tell({ do: "live", on: live.checked }));

  const keys = {
    ArrowUp: () => fleet.move(-1), ArrowDown: () => fleet.move(1), ArrowLeft: () => step(-1), ArrowRight: () => step(1),
    Enter: () => timePane.querySelector("svg.t3-timeline").focus(), f: () => shown && tell({ do: "next-finding" }), "?": () => help.showModal(), a: () => timeline.zoomTo(...timeline.whole()),
    "+": () => timeline.zoom(0.5), "-": () => timeline.zoom(2), z: () => timeline.zoomToRange(), o: () => timeline.opens(), c: () => comparing(!pinned), w: wide, "/": () => fleetPane.querySelector("input").focus(), " ": () => playing(!ticking),
  };
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) { event.stopPropagation(); return; }
    const typing = event.target.matches("input, select, textarea");
    const pressing = event.target.matches("button, summary, a") && (event.key === "Enter" || event.key === " ");
    if (!typing && !pressing && keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
    event.stopPropagation();
  });

  const heard = {
    fleet: (sent) => {
      fed = true;
      notices.hidden = !sent.notices.length;
      notices.replaceChildren(...sent.notices.map((text) => el("p", {}, text)));
      fleet.set(sent.rows, sent.counts);
      if (opening) timeline.clear(sent.rows.length ? "Fetching a thread …" : "There is no thread.");
      if (opening && !sent.rows.length) panes.clear("Nothing to tell.");
      opening = false;
    },
    view: (sent) => {
      whole = sent.whole;
      if (sent.home && !fleet.select(sent.home, sent.thread)) return; // chosen before, and given up since
      if (sent.home) shown = { home: sent.home, thread: sent.thread };
      if (!shown) return;
      timeline.set(sent, sent.live);
      if (wanted && shown.thread === wanted.thread) { tell({ do: "open", key: wanted.key, at: wanted.at }); wanted = null; }
      panes.drawing(() => [timeline.rows(), timeline.range()]);
    },
    pinned: (sent) => { pinned = sent; pin.setAttribute("aria-pressed", sent ? "true" : "false"); },
    beside: (sent) => {
      root.classList.toggle("t3-compares", Boolean(sent));
      if (!sent) {
        beside = null;
        const letGo = button("Do not compare", () => comparing(false));
        besidePane.replaceChildren(...(pinned ? [el("p", { class: "t3-hint", role: "status" }, `Choose another thread: “${pinned.title}” stays below it, on one time axis. `, letGo)] : []));
        return;
      }
      if (!beside) besidePane.replaceChildren();
      // What is clicked or dragged over here is told of the thread above, but for the records of this one: the axis is the same.
      beside ??= makeTimeline(besidePane, (message) => shown && ["open", "moment", "brush"].includes(message.do) && tell({ ...message, beside: message.do === "open" }), {
        head: (place, view) => heading(place, view, pinned, button("×", () => comparing(false), { "aria-label": "Do not compare", title: "Do not compare" })),
        moved: (range, folding) => timeline.follow(range, folding), chose: (range) => timeline.brushed(range),
      });
      beside.set(sent);
      beside.follow(timeline.range(), timeline.folding());
    },
    kept: (sent) => { kept = sent; },
    forgotten: () => { panes.unrecord(); panes.show("story"); },
    hits: (sent) => { fleet.found(sent); panes.found(sent); },
    noted: (sent) => timeline.select(sent),
    story: (sent) => {
      if (!shown) return;
      panes.story(sent);
      const worst = sent.findings.find((one) => !["low", "info"].includes(one.severity));
      cause.hidden = !worst;
      cause.textContent = worst?.summary || "";
    },
    record: (sent) => { if (!shown) return; panes.record(sent); panes.show("record"); timeline.select(sent.beside ? null : sent.mark || sent.key); beside?.select(sent.beside ? sent.mark || sent.key : null); },
    zoom: (sent) => shown && timeline.zoomTo(sent[0], sent[1]),
    moment: (sent) => { if (!shown) return; setTime(sent.at); panes.moment(sent); if (sent.show) panes.show("moment"); },
    end: () => playing(false),
    range: (sent) => { if (sent && !shown) return; panes.range(sent); if (sent) panes.show("range"); },
    actions: (sent) => { if (!shown) return; actPane.hidden = false; actions.clear(); actions.set(sent.kinds, sent.note, shown); },
    plan: (sent) => actions.plan(sent),
    step: (sent) => actions.step(sent.text, sent.phase),
    outcome: (sent) => actions.outcome(sent),
    fail: (sent) => actions.fail(sent),
    live: (sent) => { live.checked = sent; root.classList.toggle("t3-is-live", sent); },
    problem: (sent) => { problem.hidden = !sent; problem.textContent = sent || ""; },
  };
  const kernel = attend(model, {
    note,
    fed: () => fed,
    hello: () => ({ do: "hello" }),
    heard: (message) => {
      for (const [name, sent] of Object.entries(message)) if (Object.hasOwn(heard, name)) heard[name](sent);
    },
  });
  return () => {
    playing(false);
    actions.close();
    kernel.end();
  };
}

export default { render };
