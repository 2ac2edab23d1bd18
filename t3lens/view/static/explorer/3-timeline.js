// The timeline: lanes of bars and marks in SVG. It draws what it was sent at once, and asks for more detail when
// the range has come to rest. Drag chooses a time range, Shift+drag moves, Ctrl+wheel or the buttons zoom.

const LANE = 30;
const PACKED = 17;
const AXIS = 24;
const TICKS = [1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 1.5e7, 3e7, 6e7, 1.2e8, 3e8, 6e8, 9e8, 1.8e9, 3.6e9, 7.2e9,
  1.08e10, 2.16e10, 4.32e10, 8.64e10, 1.728e11, 6.048e11, 2.592e12];

function makeTimeline(root, signs, tell) {
  let view = null;
  let range = [0, 1];
  let chosen = null;
  let moment = null;
  let brush = null;
  let timer = null;
  let pointer = null;
  let labels = [];  // what stands below the lanes: from and to, in pixels
  const tools = el("div", { class: "t3-tools", role: "toolbar", "aria-label": "Timeline" });
  const head = el("div", { class: "t3-head" });
  const tip = el("div", { class: "t3-tip", role: "status", hidden: true });
  const svg = shape("svg", { class: "t3-timeline", role: "group", "aria-label": "Timeline", tabindex: "0" });
  const box = el("div", { class: "t3-drawing" }, svg, tip);
  const legend = el("div", { class: "t3-legend", "aria-label": "Legend" });
  const zoom = (factor, about) => {
    const middle = about === undefined ? (range[0] + range[1]) / 2 : about;
    go([middle - (middle - range[0]) * factor, middle + (range[1] - middle) * factor]);
  };
  tools.append(
    button("+", () => zoom(0.5), { "aria-label": "Zoom in" }), button("−", () => zoom(2), { "aria-label": "Zoom out" }),
    button("◂", () => shift(-0.4), { "aria-label": "Earlier" }), button("▸", () => shift(0.4), { "aria-label": "Later" }),
    button("all", () => view && go(view.whole), { "aria-label": "Whole thread" }),
    button("zoom to range", () => brush && go(brush), { "aria-label": "Zoom to the chosen range" }));
  root.append(el("div", { class: "t3-bar" }, head, tools), box, legend);

  const gutter = () => (box.clientWidth < 560 ? 112 : 142);
  const width = () => Math.max(box.clientWidth - gutter() - 10, 60);
  const x = (at) => gutter() + ((at - range[0]) / (range[1] - range[0])) * width();
  const at = (px) => range[0] + ((px - gutter()) / width()) * (range[1] - range[0]);
  const clamp = (px) => Math.min(Math.max(px, gutter()), gutter() + width());
  const shift = (part) => { const by = (range[1] - range[0]) * part; go([range[0] + by, range[1] + by]); };

  function go(wanted, quiet) {
    if (!view) return;
    const least = 2e3;
    let [low, high] = wanted;
    if (high - low < least) { const middle = (low + high) / 2; low = middle - least / 2; high = middle + least / 2; }
    range = [Math.round(low), Math.round(high)];
    draw();
    if (quiet) return;
    clearTimeout(timer);
    timer = setTimeout(() => tell({ do: "range", low: range[0], high: range[1] }), 70);
  }

  function places() {
    let y = AXIS;
    const found = {};
    for (const lane of view.lanes) {
      const step = lane.rows > 1 ? PACKED : LANE;
      found[lane.key] = { y, step, high: step * lane.rows };
      y += step * lane.rows + 7;
    }
    found.end = y;
    return found;
  }

  function patterns() {
    const defs = shape("defs", {});
    const strokes = { "/": "M0 6L6 0", "\\": "M0 0L6 6", "x": "M0 6L6 0M0 0L6 6", "-": "M0 3H6", "|": "M3 0V6", "+": "M3 0V6M0 3H6", ".": "M2.5 3H3.5" };
    for (const [role, mark] of Object.entries(view.patterns)) {
      const made = shape("pattern", { id: `${root.id}-${role.replace(":", "-")}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" });
      const ground = shape("rect", { width: 6, height: 6 });
      ground.style.fill = roleVariable(role);
      made.append(ground);
      if (strokes[mark]) made.append(shape("path", { d: strokes[mark], class: "t3-hatch" }));
      defs.append(made);
    }
    return defs;
  }

  function fill(role) {
    return view.patterns[role] ? `url(#${root.id}-${role.replace(":", "-")})` : roleVariable(role);
  }

  function axis(group, end) {
    const step = TICKS.find((t) => t / (range[1] - range[0]) > 90 / width()) || TICKS[TICKS.length - 1];
    for (let t = Math.ceil(range[0] / step) * step; t <= range[1]; t += step) {
      const where = x(t);
      group.append(shape("line", { x1: where, x2: where, y1: AXIS - 4, y2: end, class: "t3-grid" }));
      const text = shape("text", { x: where, y: 12, class: "t3-axis" });
      text.textContent = step >= 8.64e10 ? stamp(t).slice(0, 10) : step >= 6e7 ? stamp(t).slice(5, 16) : clock(t, step >= 1e6 ? 0 : 3);
      const half = text.textContent.length * 3.1; // a label at the edge stays inside
      text.setAttribute("x", Math.min(where, box.clientWidth - half - 2));
      group.append(text);
    }
  }

  const star = (a, y) => "M" + [...Array(10).keys()].map((n) => {
    const angle = n * Math.PI / 5 - Math.PI / 2;
    const radius = n % 2 ? 3 : 7;
    return `${(a + radius * Math.cos(angle)).toFixed(1)} ${(y + radius * Math.sin(angle)).toFixed(1)}`;
  }).join("L") + "z";
  const MARKS = {
    terminal: (a, y) => `M${a - 4} ${y - 4}h8v8h-8z`, trouble: (a, y) => `M${a - 5} ${y - 3}l2-2 3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3z`,
    ask: (a, y) => `M${a} ${y - 5}l5 4-2 6h-6l-2-6z`, command: (a, y) => `M${a - 5} ${y - 4}h10l-5 9z`,
    lifecycle: (a, y) => `M${a} ${y - 5}l5 5-5 5-5-5z`, other: (a, y) => `M${a - 0.75} ${y - 5}h1.5v10h-1.5z`,
    "action:applied": (a, y) => star(a, y), "action:already": (a, y) => `M${a} ${y - 7}l2 5 5 2-5 2-2 5-2-5-5-2 5-2z`,
    "action:failed": (a, y) => MARKS.trouble(a, y), "action:not-confirmed": (a, y) => `M${a - 5} ${y - 6}h10l-10 12h10z`,
    "action:refused": (a, y) => `M${a - 6} ${y - 5}h3v3.5h6v-3.5h3v10h-3v-3.5h-6v3.5h-3z`,
    "action:cut-off": (a, y) => `M${a - 5} ${y - 1}h4v-4h2v4h4v2h-4v4h-2v-4h-4z`,
  };
  const SEVERITIES = {
    critical: (a, y) => `M${a - 3} ${y - 7}h6l4 4v6l-4 4h-6l-4-4v-6z`, high: (a, y) => `M${a} ${y - 6}l6 11h-12z`,
    medium: (a, y) => `M${a} ${y - 6}l6 6-6 6-6-6z`, low: (a, y) => `M${a - 4} ${y - 4}h8v8h-8z`, info: (a, y) => `M${a - 5} ${y}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z`,
  };

  function target(made, key, title, from, to, count, facts) {
    made.dataset.key = key;
    made.classList.add("t3-mark");
    if (key === chosen) made.classList.add("t3-chosen");
    made.setAttribute("role", "img"); // opened by pointer here, by keyboard from the table
    made.setAttribute("aria-label", `${title}, ${clock(from, 0)}`);
    made.spot = { key, title, from, to, count, facts: facts || [] };
    return made;
  }

  function drawLane(group, lane, place) {
    group.append(shape("rect", { x: 0, y: place.y - 3.5, width: box.clientWidth, height: place.high + 7, class: "t3-stripe" }));
    const name = shape("text", { x: gutter() - 8, y: place.y + place.high / 2 + 4, class: "t3-lane-name" });
    const [long, short] = lane.title.split(": ");
    name.textContent = box.clientWidth < 560 && short ? short : lane.title;
    group.append(name);
    if (lane.note) {
      const note = shape("text", { x: gutter() + 6, y: place.y + place.high / 2 + 4, class: "t3-note" });
      note.textContent = lane.note;
      group.append(note);
    }
    return long;
  }

  function drawBars(group, where) {
    for (const [lane, row, start, end, open, role, title, key, count] of view.bars) {
      const place = where[lane];
      if (!place || end < range[0] || start > range[1]) continue;
      const left = clamp(x(start));
      const right = Math.max(clamp(x(end)), left + 1.5);
      const thin = lane === "actions"; // only ties an action's mark to its effect
      const high = thin ? 4 : place.step - 4;
      const y = place.y + row * place.step + (place.step - high) / 2;
      const made = shape("rect", { x: left, y, width: right - left, height: high });
      made.style.fill = fill(role);
      if (count > 1) made.classList.add("t3-many");
      group.append(target(made, key, title, start, open ? null : end, count));
      if (!open || end > range[1]) continue;
      const stuck = view.verdict === "stuck" && lane.endsWith("stored");
      const colour = stuck ? roleVariable("verdict:stuck") : roleVariable(role);
      const arrow = shape("path", { d: `M${right} ${y - 2}l9 ${high / 2 + 2}l-9 ${high / 2 + 2}z`, class: "t3-arrow" });
      arrow.style.fill = colour;
      group.append(target(arrow, key, title, start, null, count));
      if (lane === "items" || right - left < 150) continue;
      const label = `${stuck ? "stuck" : "open"} ${lasted(end - start)}`;
      const plate = shape("rect", { x: right - 10 - label.length * 6.4, y: y + 2, width: label.length * 6.4 + 6, height: high - 4, rx: 2, class: "t3-plate" });
      plate.style.fill = colour;
      const text = shape("text", { x: right - 7, y: y + high / 2 + 4, class: "t3-plate-text" });
      text.textContent = label;
      group.append(plate, text);
    }
  }

  function drawMarks(group, where) {
    for (const [lane, when, until, role, title, key, count, dense, weight, facts] of view.marks) {
      const kind = role.startsWith("action:") ? role : role.split(":")[1];
      const place = where[lane];
      if (!place || until < range[0] || when > range[1]) continue;
      const middle = place.y + place.high / 2;
      let made;
      if (dense) {
        const high = 3 + (place.high - 6) * weight;
        made = shape("rect", { x: clamp(x(when)), y: place.y + place.high - high - 1, width: Math.max(clamp(x(until)) - clamp(x(when)) - 0.5, 1), height: high, class: "t3-dense" });
      } else made = shape("path", { d: (MARKS[kind] || MARKS.other)(clamp(x(when)), middle) });
      made.style.fill = roleVariable(role);
      group.append(target(made, key, title, when, count > 1 ? until : when, count, facts));
    }
  }

  function drawFindings(group, where) {
    const place = where.findings;
    if (!place) return;
    for (const [key, code, severity, since, row, summary] of view.findings) {
      const spot = since === null ? range[0] : since;
      if (spot < range[0] || spot > range[1]) continue;
      const y = place.y + row * place.step + place.step / 2;
      const made = shape("path", { d: SEVERITIES[severity](x(spot), y) });
      made.style.fill = roleVariable(`severity:${severity}`);
      group.append(target(made, key, `${code}: ${summary}`, spot, spot, 1));
      const flip = x(spot) > gutter() + width() * 0.7;
      const text = shape("text", { x: x(spot) + (flip ? -10 : 10), y: y + 4, class: "t3-code", "text-anchor": flip ? "end" : "start" });
      text.textContent = code;
      group.append(text);
    }
  }

  function rule(group, when, end, name, label) {
    if (when === null || when < range[0] || when > range[1]) return;
    group.append(shape("line", { x1: x(when), x2: x(when), y1: AXIS - 4, y2: end, class: name }));
    if (!label) return;
    const wide = label.length * 6.5;
    const flip = x(when) + wide > gutter() + width();
    const left = x(when) + (flip ? -4 - wide : 4);
    if (labels.some(([from, to]) => left < to && left + wide > from)) return;  // its line says enough
    labels.push([left, left + wide]);
    const text = shape("text", { x: x(when) + (flip ? -4 : 4), y: end + 12, class: "t3-axis", style: `text-anchor:${flip ? "end" : "start"}` });
    text.textContent = label;
    group.append(text);
  }

  function draw() {
    if (!view || !box.clientWidth) return;
    const where = places();
    const end = where.end;
    const back = shape("g", {});
    const front = shape("g", {});
    const top = shape("g", {});
    labels = [];
    const near = moment !== null && Math.abs(x(moment) - x(view.as_of));
    if (near > 3) rule(top, moment, end, "t3-moment", near < 60 ? "" : clock(moment));
    for (const lane of view.lanes) drawLane(back, lane, where[lane.key]);
    axis(back, end);
    if (brush) back.append(shape("rect", { x: clamp(x(brush[0])), width: Math.max(clamp(x(brush[1])) - clamp(x(brush[0])), 1), y: AXIS - 4, height: end - AXIS, class: "t3-brush" }));
    for (const [when, label] of view.servers) rule(back, when, end, "t3-server", label);
    for (const when of view.forks) rule(back, when, end, "t3-fork", "fork");
    rule(back, view.since, end, "t3-since");
    rule(back, view.as_of, end, "t3-now", "as of");
    drawBars(front, where);
    drawMarks(front, where);
    drawFindings(front, where);
    svg.setAttribute("height", end + 18);
    svg.replaceChildren(patterns(), back, front, top);
  }

  function say(spot, event) {
    if (!spot) { tip.hidden = true; return; }
    const span = spot.to === null ? `since ${clock(spot.from)}, still open` : spot.to === spot.from ? clock(spot.from)
      : `${clock(spot.from)} – ${clock(spot.to)} (${lasted(spot.to - spot.from)})`;
    tip.replaceChildren(el("b", {}, spot.title), el("span", {}, span), ...spot.facts.map((fact) => el("span", {}, fact)));
    tip.hidden = false;
    const bounds = box.getBoundingClientRect();
    tip.style.left = `${Math.min(Math.max(event.clientX - bounds.left + 12, 4), Math.max(bounds.width - 290, 4))}px`;
    tip.style.top = `${event.clientY - bounds.top + 16}px`;
  }

  svg.addEventListener("pointermove", (event) => {
    if (pointer) {
      const px = event.clientX - box.getBoundingClientRect().left;
      if (Math.abs(px - pointer.px) > 4) pointer.moved = true;
      if (pointer.moved && pointer.pan) {
        const by = ((pointer.px - px) / width()) * (pointer.range[1] - pointer.range[0]);
        go([pointer.range[0] + by, pointer.range[1] + by]);
      } else if (pointer.moved) {
        brush = [at(clamp(Math.min(px, pointer.px))), at(clamp(Math.max(px, pointer.px)))].map(Math.round);
        draw();
      }
      return;
    }
    say(event.target.spot, event);
  });
  svg.addEventListener("pointerleave", () => say(null));
  svg.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pointer = { px: event.clientX - box.getBoundingClientRect().left, pan: event.shiftKey, range, moved: false, spot: event.target.spot };
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointerup", (event) => {
    const was = pointer;
    pointer = null;
    if (!was) return;
    if (!was.moved) {
      if (was.spot) tell({ do: "open", key: was.spot.key, at: was.spot.from });
      else if (was.px > gutter()) tell({ do: "moment", at: Math.round(at(was.px)) });
      if (brush && !was.spot) { brush = null; draw(); tell({ do: "brush", low: null, high: null }); }
    } else if (!was.pan && brush) tell({ do: "brush", low: brush[0], high: brush[1] });
    event.preventDefault();
  });
  svg.addEventListener("dblclick", () => brush && go(brush));
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.3 : 1 / 1.3, at(event.clientX - box.getBoundingClientRect().left));
  }, { passive: false });
  new ResizeObserver(() => draw()).observe(box);

  return {
    set(sent, keep) {
      const fresh = !view || view.id !== sent.id;
      const followed = view && range[0] === view.whole[0] && range[1] === view.whole[1];
      view = sent;
      if (fresh || (!keep && !sent.refined)) { range = [sent.start, sent.end]; brush = null; chosen = null; moment = null; }
      else if (followed && keep) range = [...sent.whole];
      head.replaceChildren(el("strong", { class: "t3-title" }, sent.title),
        sent.verdict ? chip("verdict", sent.verdict, signs.verdict[sent.verdict]) : "", el("span", { class: "t3-hint" }, sent.primary || ""));
      legend.replaceChildren(...sent.legend.map(([role, name]) => {
        const swatch = el("i", { class: "t3-swatch" });
        swatch.style.background = roleVariable(role);
        return el("span", {}, swatch, `${signs[role.split(":")[0]]?.[role.split(":")[1]] || ""} ${name}`);
      }));
      draw();
    },
    range: () => range,
    view: () => view,
    whole: () => (view ? view.whole : [0, 1]),
    zoomTo(low, high) { go([low, high]); },
    select(key) { chosen = key; draw(); },
    moment(when) {
      moment = when;
      if (when !== null && (when < range[0] || when > range[1])) {
        const half = (range[1] - range[0]) / 2;
        go([when - half, when + half]);
      } else draw();
    },
  };
}
