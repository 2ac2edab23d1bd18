// Makes a painted timeline move. The picture comes painted from Python (`t3lens/view/scene/paint.py`); this puts its
// elements where a range, a width and folded time want them, by the rules of `scene/axis.py`, and names the moments
// of the axis. Drag chooses a time range, Shift+drag moves, Ctrl+wheel or the buttons zoom.

const FOLD = 26;
const EDGE = 14;
const LETTER = 6.3;
const STEPS = [1e3, 5e3, 2e4, 1e5, 5e5, 1e6, 2e6, 5e6, 1e7, 1.5e7, 3e7, 6e7, 1.2e8, 3e8, 6e8, 9e8, 1.8e9, 3.6e9, 7.2e9, 1.08e10, 2.16e10,
  4.32e10, 8.64e10, 1.728e11, 6.048e11, 1.2096e12, 2.592e12, 7.776e12, 3.1536e13];
const LEAST = 2e3;

// Where moments lie; `left` and `width` in pixels. What is folded is FOLD wide.
function makeAxis(low, high, folds, left, width) {
  let inside = folds.filter(([a, b]) => a < high && b > low);
  if (inside.some(([a, b]) => a <= low && b >= high)) inside = [];
  const shut = inside.reduce((sum, [a, b]) => sum + Math.min(b, high) - Math.max(a, low), 0);
  const unit = Math.max(width - FOLD * inside.length, 1) / Math.max(high - low - shut, 1);
  const pieces = [];
  let at = low;
  let px = left;
  const piece = (to, wide) => { if (to > at) pieces.push([at, to, px, px + wide]); at = Math.max(at, to); px += wide; };
  for (const [a, b] of inside) {
    if (a > at) piece(a, (a - at) * unit);
    piece(Math.min(b, high), FOLD);
  }
  if (at < high) piece(high, left + width - px);
  const x = (when) => {
    const t = Math.min(Math.max(when, low), high);
    const found = pieces.find((one) => t <= one[1]) || pieces[pieces.length - 1];
    return found[2] + ((t - found[0]) / Math.max(found[1] - found[0], 1)) * (found[3] - found[2]);
  };
  const time = (where) => {
    const found = pieces.find((one) => where <= one[3]) || pieces[pieces.length - 1];
    const share = Math.min(Math.max((where - found[2]) / Math.max(found[3] - found[2], 1e-9), 0), 1);
    return found[0] + share * (found[1] - found[0]);
  };
  // The first part of a bar that no fold lies in: a word there is not crossed.
  const clear = (from, to) => {
    for (const [a] of inside) {
      const begins = x(a);
      if (begins - 1 <= from && from < begins + FOLD) from = begins + FOLD;
      else if (begins > from) return [from, Math.max(Math.min(to, begins), from)];
    }
    return [from, Math.max(to, from)];
  };
  return { x, time, unit, folds: inside, low, high, clear };
}

// Time without what is folded, and back: zooming and moving go by it.
function flatten(folds) {
  const keep = 1e3;
  const flat = (t) => t - folds.reduce((sum, [a, b]) => sum + Math.min(Math.max(t - a, 0), b - a) * (1 - keep / (b - a)), 0);
  const back = (v) => {
    let lost = 0;
    for (const [a, b] of folds) {
      const from = a - lost;
      if (v <= from) break;
      if (v < from + keep) return a + ((v - from) / keep) * (b - a);
      lost += b - a - keep;
    }
    return v + lost;
  };
  return { flat, back };
}

function makeTimeline(root, tell, options) {
  const alone = options.alone;
  let sent = null;
  let svg = null;
  let strip = null;
  let items = [];
  let stripItems = [];
  let range = [0, 1];
  let axis = null;
  let folding = true;
  let chosen = null;
  let moment = null;
  let latest = null; // which of the two was chosen last: "mark" or "moment"
  let brush = null;
  let timer = null;
  let pointer = null;
  const tip = el("div", { class: "t3-tip", role: "status", hidden: true });
  const box = el("div", { class: "t3-drawing" });
  const over = el("div", { class: "t3-over", title: "The whole thread; drag to move" });
  const head = root.querySelector(".t3-head") || el("div", { class: "t3-head" });
  const legend = root.querySelector(".t3-legend") || el("div", { class: "t3-legend" });
  const picked = el("p", { class: "t3-picked t3-hint", "aria-live": "polite" });
  const fold = el("input", { type: "checkbox", checked: true });
  const zones = el("select", { class: "t3-input", "aria-label": "Times in" });
  const fork = button("fork", () => sent && go(sent.opens), { "aria-label": "Where history forked" });
  const chosenRange = button("range", () => brush && go(brush), { "aria-label": "Zoom to the chosen range", disabled: true });
  const group = (...made) => el("span", { class: "t3-group" }, ...made); // wraps as one: no button stands alone
  const tools = el("div", { class: "t3-tools", role: "toolbar", "aria-label": "Timeline" },
    group(button("+", () => zoom(0.5), { "aria-label": "Zoom in" }), button("−", () => zoom(2), { "aria-label": "Zoom out" }),
      button("◂", () => shift(-0.4), { "aria-label": "Earlier" }), button("▸", () => shift(0.4), { "aria-label": "Later" })),
    group(button("all", () => sent && go(sent.whole), { "aria-label": "Whole thread" }), fork, chosenRange),
    group(el("label", { class: "t3-live" }, fold, " fold quiet time"), zones), options.extra ? group(...options.extra) : null);
  fold.addEventListener("change", () => { folding = fold.checked; place(); options.moved?.(range, folding); });
  zones.addEventListener("change", () => { zone.kind = zones.value; root.dispatchEvent(new CustomEvent("t3-zone", { bubbles: true })); });

  const width = () => Math.max(box.clientWidth, 240);
  const gutter = () => (width() < 560 ? 108 : sent.gutter);
  const folds = () => (folding && sent ? sent.folds : []);

  function go(wanted, quiet) {
    if (!sent) return;
    const { flat, back } = flatten(folds());
    const [first, last] = sent.whole.map(flat);
    let [low, high] = wanted.map(flat);
    if (high - low < LEAST) { const middle = (low + high) / 2; low = middle - LEAST / 2; high = middle + LEAST / 2; }
    if (high - low >= last - first) { low = first; high = last; }
    else if (low < first) { high += first - low; low = first; }
    else if (high > last) { low -= high - last; high = last; }
    range = [Math.round(back(low)), Math.round(back(high))];
    place();
    if (quiet) return;
    options.moved?.(range, folding);
    clearTimeout(timer);
    timer = setTimeout(() => tell({ do: "range", low: range[0], high: range[1] }), 70);
  }

  // The part in view of what was chosen last, on the flat axis; nothing is kept that somebody moved away from.
  function inView(flat, low, high, middle) {
    const mark = latest === "mark" ? items.find((one) => one.key !== undefined && one.key === chosen) : null;
    if (!mark && moment === null) return null;
    const [from, to] = (mark ? [mark.a, mark.b] : [moment, moment]).map(flat);
    if (from >= low) return from <= high ? from : null;
    return to >= low ? Math.min(Math.max(middle, low), to) : null; // of a bar that began before, what is nearest
  }

  // What is chosen stays in view.
  function zoom(factor, about) {
    if (!sent) return;
    const { flat, back } = flatten(folds());
    const [low, high] = range.map(flat);
    const pointed = about === undefined ? (low + high) / 2 : flat(about);
    const kept = inView(flat, low, high, pointed);
    const middle = about === undefined && kept !== null ? kept : pointed;
    let wanted = [middle - (middle - low) * factor, middle + (high - middle) * factor];
    if (kept !== null) {
      const by = Math.max(wanted[0] - kept, 0) + Math.min(wanted[1] - kept, 0);
      wanted = wanted.map((one) => one - by);
    }
    go(wanted.map(back));
  }

  function shift(part) {
    const { flat, back } = flatten(folds());
    const [low, high] = range.map(flat);
    go([back(low + (high - low) * part), back(high + (high - low) * part)]);
  }

  function read(picture, zero) {
    const found = [];
    for (const node of picture.querySelectorAll("[data-t]")) {
      const held = node.dataset;
      const one = { node, t: held.t, r: +held.r || 0, p: +held.p || 0, y: +held.y || 0, key: held.key, open: held.o !== undefined };
      if (held.a !== undefined) {
        one.a = zero + +held.a;
        one.b = held.b === undefined ? one.a : zero + +held.b;
      }
      if (held.t === "g") one.long = [...node.childNodes];
      if (one.key !== undefined) {
        const told = node.querySelector("title");
        one.words = told ? told.textContent.split("\n") : [];
        told?.remove();
        one.top = node.getAttribute("y") !== null ? +node.getAttribute("y") : one.y;
        node.setAttribute("role", "img"); // opened by pointer here, by keyboard with the arrows or from the table
        node.spot = one;
      }
      found.push(one);
    }
    return found;
  }

  const hide = (one, hidden) => {
    if (one.hidden === hidden) return;
    one.hidden = hidden;
    one.node.style.display = hidden ? "none" : "";
  };

  function put(list, ax, left, right, lead) {
    const beside = new Map();
    const rules = [];
    for (const one of list) { // no name covers a mark: `scene/name_rows.py` has the same rule
      if (one.t === "f" && one.a >= ax.low && one.a <= ax.high) beside.set(one.y, [...(beside.get(one.y) || []), { x: ax.x(one.a), one }]);
    }
    for (const one of list) {
      const out = one.a !== undefined && (one.b < ax.low || one.a > ax.high);
      if (one.t === "g") {
        if (one.node.dataset.short && one.short !== lead < 120) {
          one.short = lead < 120;
          one.node.replaceChildren(...(one.short ? [one.node.dataset.short] : one.long));
        }
        one.node.setAttribute("x", lead - 8);
      } else if (one.t === "n") one.node.setAttribute("x", lead + 6);
      else if (one.t === "z") {
        const shown = ax.folds.some(([a, b]) => a === one.a && b === one.b);
        hide(one, !shown);
        if (shown) one.node.setAttribute("transform", `translate(${ax.x(Math.max(one.a, ax.low)).toFixed(1)})`);
      } else if (out) {
        hide(one, true);
      } else if (one.t === "b") {
        const from = ax.x(one.a);
        hide(one, false);
        one.node.setAttribute("x", from.toFixed(1));
        one.node.setAttribute("width", Math.max(ax.x(one.b) - from, 1.5).toFixed(1));
      } else if (one.t === "p" || one.t === "w") {
        hide(one, one.t === "w" && one.a > ax.high);
        one.node.setAttribute("transform", `translate(${ax.x(one.a).toFixed(1)} ${one.y})`);
      } else if (one.t === "v") {
        hide(one, false);
        one.node.setAttribute("transform", `translate(${ax.x(one.a).toFixed(1)})`);
      } else if (one.t === "l") {
        const [start, end] = [ax.x(one.a), ax.x(one.b)];
        const plated = one.p && end - start >= one.p && one.b <= ax.high;
        const [from, to] = ax.clear(start, end);
        hide(one, to - from < one.r + (plated && to === end ? one.p : 0));
        one.node.setAttribute("x", (from + 5).toFixed(1));
      } else if (one.t === "e") {
        const to = ax.x(one.b);
        hide(one, one.b > ax.high || to - ax.x(one.a) < one.r);
        one.node.setAttribute("transform", `translate(${to.toFixed(1)} ${one.y})`);
      } else if (one.t === "f") {
        const at = ax.x(one.a);
        const from = at + one.r + 12 > right ? at - 10 - one.r : at + 10;
        const taken = beside.get(one.y);
        const free = !taken.some((other) => other.one !== one && from < other.x + 7 && other.x - 7 < from + one.r)
          && !taken.some((other) => other.from !== undefined && from < other.from + other.one.r && other.from < from + one.r) && from >= lead;
        if (free) taken.find((other) => other.one === one).from = from;
        hide(one, !free);
        one.node.setAttribute("x", from.toFixed(1));
      } else if (one.t === "k") {
        const at = ax.x(one.a);
        const from = at + one.r + 4 > right ? at - 4 - one.r : at + 4;
        const free = !rules.some(([a, b]) => from < b + 4 && a < from + one.r + 4);
        if (free) rules.push([from, from + one.r]);
        hide(one, !free);
        one.node.setAttribute("x", from.toFixed(1));
      }
    }
  }

  function named(at, step, days) {
    if (zone.kind === "fork" && zone.zero !== null) return since(at);
    const [day, time] = parts(at);
    if (step >= 8.64e10) return day.slice(5);
    const other = day !== parts(axis.low)[0]; // beyond a fold it may be weeks later
    if (step >= 6e7) return days || other ? `${day.slice(5)} ${time.slice(0, 5)}` : time.slice(0, 5);
    return (other ? `${day.slice(5)} ` : "") + (step >= 1e6 ? time.slice(0, 8) : time);
  }

  function ticks(lead, right) {
    const group = svg.querySelector(".t3-ticks");
    const days = axis.high - axis.low > 1.296e11;
    const room = zone.kind === "fork" ? 104 : 84;
    const step = STEPS.find((one) => one * axis.unit >= room) || STEPS[STEPS.length - 1];
    const local = zone.kind === "local" ? new Date(axis.low / 1000).getTimezoneOffset() * 6e7 : 0;
    const base = zone.kind === "fork" && zone.zero !== null ? zone.zero : local;
    const edges = [axis.low, ...axis.folds.flat(), axis.high];
    const made = [];
    let last = -Infinity;
    for (let n = 0; n < edges.length; n += 2) {
      const first = (by) => base + Math.ceil((edges[n] - base) / by) * by;
      // Finer where a stretch between folds is so short that none of the others' moments lies in it.
      const fine = first(step) <= edges[n + 1] ? step : STEPS.findLast((one) => one < step && first(one) <= edges[n + 1]) || step;
      for (let at = first(fine); at <= edges[n + 1]; at += fine) {
        const x = axis.x(at);
        const text = named(at, fine, days);
        const half = (text.length * LETTER) / 2;
        const middle = Math.min(Math.max(x, lead + half), right - half - 2);
        if (middle - half < last + 8) continue;
        last = middle + half;
        const line = shape("path", { transform: `translate(${x.toFixed(1)})`, d: group.dataset.d, class: "t3-grid" });
        const word = shape("text", { x: middle.toFixed(1), y: 12, "text-anchor": "middle" });
        word.textContent = text;
        made.push(line, word);
      }
    }
    group.replaceChildren(...made);
    const label = svg.querySelector(".t3-zone");
    const name = zoneName(axis.low);
    label.textContent = zone.kind === "fork" || lead < 120 ? name : `${parts(axis.low)[0]}, ${name}`;
    if (label.textContent.length * LETTER > lead) label.textContent = name;
  }

  function place() {
    if (!sent || !svg || !box.clientWidth) return;
    zone.zero = sent.zero;
    const lead = gutter();
    const wide = width();
    axis = makeAxis(range[0], range[1], folds(), lead, wide - lead - EDGE);
    svg.setAttribute("viewBox", `0 0 ${wide} ${sent.height + 20}`);
    put(items, axis, lead, wide, lead);
    ticks(lead, wide);
    const front = svg.querySelector(".t3-front");
    const made = [];
    const rule = (when, kind) => when !== null && when >= axis.low && when <= axis.high
      && made.push(shape("path", { transform: `translate(${axis.x(when).toFixed(1)})`, d: svg.querySelector(".t3-ticks").dataset.d, class: kind }));
    if (brush) {
      const [a, b] = brush.map(axis.x);
      made.push(shape("rect", { x: a, width: Math.max(b - a, 1), y: 18, height: sent.height - 18, class: "t3-brush" }));
    }
    rule(moment, "t3-moment");
    front.replaceChildren(...made);
    if (strip) {
      const span = makeAxis(sent.whole[0], sent.whole[1], folds(), 0, wide);
      strip.setAttribute("viewBox", `0 0 ${wide} 30`);
      put(stripItems, span, 0, wide, 0);
      for (const one of stripItems) if (one.node.classList.contains("t3-shut")) hide(one, !folding);
      const window_ = strip.querySelector(".t3-window");
      const [a, b] = range.map(span.x);
      window_.setAttribute("x", Math.min(a + 0.5, wide - 4).toFixed(1));
      window_.setAttribute("width", Math.max(b - a - 1, 3).toFixed(1));
      over.axis = span;
    }
    fork.hidden = sent.zero === null;
    chosenRange.disabled = brush === null;
    root.dataset.drawn = "true";
  }

  const told = (one) => {
    if (one.open) return `since ${clock(one.a)}, still open after ${lasted(one.b - one.a)}`;
    return one.a === one.b ? clock(one.a) : `${clock(one.a)} – ${clock(one.b)} (${lasted(one.b - one.a)})`;
  };
  const inZone = (one) => (zone.kind === "fork" ? "" : ` ${zoneName(one.a)}`);

  function say(one, event) {
    if (!one) { tip.hidden = true; return; }
    tip.replaceChildren(el("b", {}, one.words[0]), el("span", {}, told(one) + inZone(one)), ...one.words.slice(1).map((text) => el("span", {}, text)));
    tip.hidden = false;
    const bounds = box.getBoundingClientRect();
    tip.style.left = `${Math.min(Math.max(event.clientX - bounds.left + 12, 4), Math.max(bounds.width - 290, 4))}px`;
    tip.style.top = `${event.clientY - bounds.top + 16}px`;
  }

  function mark(key) {
    chosen = key;
    for (const one of items) if (one.key !== undefined) one.node.classList.toggle("t3-chosen", one.key === key);
  }

  // In a page of its own nobody else shows what is chosen.
  function pick(one) {
    mark(one.key);
    latest = "mark";
    moment = null;
    picked.replaceChildren(el("b", {}, one.words[0]), ` ${told(one)}${inZone(one)}`, ...one.words.slice(1).map((text) => el("span", {}, text)));
    if (one.b < range[0] || one.a > range[1]) {
      const half = (range[1] - range[0]) / 2;
      go([one.a - half, one.a + half], true);
    } else place();
  }

  function step(by) {
    const order = items.filter((one) => one.key !== undefined).sort((a, b) => a.a - b.a || a.top - b.top);
    const here = order.findIndex((one) => one.key === chosen);
    const next = here < 0 ? order.findIndex((one) => one.a >= range[0]) : here + by;
    if (order[next]) pick(order[next]);
  }

  // A range is chosen, on all timelines that share the axis.
  function choose(chosenRange) {
    brush = chosenRange;
    place();
    options.chose?.(brush);
  }

  function listen(picture) {
    const px = (event) => event.clientX - box.getBoundingClientRect().left;
    const inside = (where) => Math.min(Math.max(where, gutter()), width() - EDGE);
    picture.addEventListener("pointermove", (event) => {
      if (!pointer) { say(event.target.spot, event); return; }
      const where = px(event);
      if (Math.abs(where - pointer.px) > 4) pointer.moved = true;
      if (pointer.moved && pointer.pan) {
        const { flat, back } = flatten(folds());
        const by = ((pointer.px - where) / (width() - gutter())) * (flat(pointer.range[1]) - flat(pointer.range[0]));
        go(pointer.range.map((one) => back(flat(one) + by)));
      } else if (pointer.moved) {
        choose([axis.time(inside(Math.min(where, pointer.px))), axis.time(inside(Math.max(where, pointer.px)))].map(Math.round));
      }
    });
    picture.addEventListener("pointerleave", () => say(null));
    picture.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      pointer = { px: px(event), pan: event.shiftKey, range, moved: false, spot: event.target.spot };
      picture.setPointerCapture(event.pointerId);
    });
    picture.addEventListener("pointerup", (event) => {
      const was = pointer;
      pointer = null;
      if (!was) return;
      if (!was.moved) {
        if (was.spot && alone) pick(was.spot);
        else if (was.spot) tell({ do: "open", key: was.spot.key, at: was.spot.a >= range[0] ? was.spot.a : Math.round(axis.time(was.px)) });
        else if (was.px > gutter()) tell({ do: "moment", at: Math.round(axis.time(was.px)) });
        if (brush && !was.spot) { choose(null); tell({ do: "brush", low: null, high: null }); }
      } else if (!was.pan && brush) tell({ do: "brush", low: brush[0], high: brush[1] });
      event.preventDefault();
    });
    picture.addEventListener("dblclick", () => brush && go(brush));
    picture.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.3 : 1 / 1.3, axis.time(px(event)));
    }, { passive: false });
    if (!alone) return;
    const keys = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), "+": () => zoom(0.5), "-": () => zoom(2), a: () => go(sent.whole), f: () => go(sent.opens) };
    picture.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
  }

  const slide = (event) => {
    if (!over.axis || !sent) return;
    const { flat, back } = flatten(folds());
    const half = (flat(range[1]) - flat(range[0])) / 2;
    const middle = flat(over.axis.time(event.clientX - over.getBoundingClientRect().left));
    go([back(middle - half), back(middle + half)]);
  };
  over.addEventListener("pointerdown", (event) => { over.setPointerCapture(event.pointerId); slide(event); });
  over.addEventListener("pointermove", (event) => event.buttons && slide(event));

  // Markup of a picture comes from this package, its texts escaped there; nothing else enters a page as markup.
  // Its patterns get ids of this page's: of two pictures with the same ids the second one's patterns go with the first.
  function parsed(text) {
    const made = document.importNode(new DOMParser().parseFromString(text, "text/html").body.firstElementChild, true);
    for (const one of made.querySelectorAll("pattern")) one.id = `${root.id}-${one.id}`;
    for (const one of made.querySelectorAll("[fill^='url(#']")) one.setAttribute("fill", one.getAttribute("fill").replace("#", `#${root.id}-`));
    return made;
  }

  function show(picture, overview) {
    svg = picture;
    svg.setAttribute("role", "group");
    svg.setAttribute("tabindex", "0");
    svg.append(shape("g", { class: "t3-front" }));
    items = read(svg, sent.whole[0]);
    svg.append(...items.filter((one) => one.t === "n").map((one) => one.node)); // what an empty lane says is crossed by nothing
    for (const one of items) if (one.key !== undefined) one.node.setAttribute("aria-label", `${one.words[0]}, ${clock(one.a, 0)}`);
    listen(svg);
    box.replaceChildren(svg, tip);
    if (overview) {
      strip = overview;
      stripItems = read(strip, sent.whole[0]);
      over.replaceChildren(strip);
    }
    if (chosen !== null) mark(chosen);
    zones.replaceChildren(...[["utc", "UTC"], ["local", "local time"], ["fork", "since the fork"]]
      .filter(([kind]) => kind !== "fork" || sent.zero !== null)
      .map(([kind, name]) => el("option", { value: kind, selected: kind === zone.kind }, name)));
  }

  root.replaceChildren(el("div", { class: "t3-bar" }, head, tools), over, box, legend, ...(alone ? [picked] : []));
  new ResizeObserver(() => place()).observe(box);

  return {
    // `next` is what `scene_payload` made; `keep` says that the range stays, `next.refined` that it is the same thread nearer.
    set(next, keep) {
      const fresh = !sent || sent.id !== next.id;
      const followed = sent && range[0] === sent.whole[0] && range[1] === sent.whole[1];
      sent = next;
      zone.zero = next.zero;
      if (next.zero === null && zone.kind === "fork") zone.kind = "utc";
      if (fresh) { chosen = null; moment = null; brush = null; strip = null; over.replaceChildren(); }
      if (fresh || (!keep && !next.refined)) range = [...next.opens];
      else if (followed && keep) range = [...next.whole];
      show(next.picture || parsed(next.svg), next.strip || (next.overview ? parsed(next.overview) : null));
      if (options.head) options.head(head, next);
      if (next.legend !== undefined) legend.replaceChildren(...parsed(next.legend).childNodes);
      place();
    },
    clear(words) {
      clearTimeout(timer);
      sent = null;
      svg = null;
      strip = null;
      items = [];
      chosen = null;
      head.replaceChildren();
      box.replaceChildren(el("p", { class: "t3-hint", role: "status" }, words));
      over.replaceChildren();
      legend.replaceChildren();
    },
    place,
    range: () => range,
    folding: () => folding,
    whole: () => (sent ? sent.whole : [0, 1]),
    rows: () => items.filter((one) => one.key !== undefined).map((one) => ({ at: one.a, until: one.open ? null : one.b, key: one.key, what: one.words[0],
      lane: (sent.lanes.find(([y, high]) => one.top >= y - 4 && one.top <= y + high) || [0, 0, ""])[2] })),
    zoom,
    zoomTo(low, high) { go([low, high]); },
    follow(wanted, folded) {
      if (!sent) return;
      range = [...wanted];
      folding = fold.checked = folded;
      place();
    },
    brushed(wanted) { brush = wanted; place(); },
    zoomToRange: () => brush && go(brush),
    opens: () => sent && go(sent.opens),
    select(key) { mark(key); latest = "mark"; },
    moment(when) {
      moment = when;
      latest = "moment";
      if (sent && when !== null && (when < range[0] || when > range[1])) {
        const { flat, back } = flatten(folds());
        const half = (flat(range[1]) - flat(range[0])) / 2;
        go([back(flat(when) - half), back(flat(when) + half)]);
      } else place();
    },
  };
}
