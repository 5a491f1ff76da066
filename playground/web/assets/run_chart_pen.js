// How the chart of a run looks: its numbers, colours, axes, bands, flags and lines on a canvas. Knows nothing of what the page holds.
const narrow = "\u202f";
const spelled = (figures) => window.playgroundDecimal?.(figures) ?? String(figures); // as the page's language has it
function number(value) {
  if (!value) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e10) {
    if (size >= 1000) return Number(value.toPrecision(3)).toFixed(0).replace(/\B(?=(\d{3})+$)/g, narrow);
    return spelled(Number(value.toPrecision(3)));
  }
  const power = Math.floor(Math.log10(size));
  return `${spelled(Number((value / 10 ** power).toPrecision(3)))} × 10${String(power).replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] || "⁻")}`;
}

function coloursOf(figure, names) {
  const style = getComputedStyle(figure), get = (name) => style.getPropertyValue(name).trim();
  const forced = matchMedia("(forced-colors: active)").matches;
  // All are read before anything is moved: a browser lays the page out anew for each one read after a change.
  const terms = Object.fromEntries(names.map((key) => [key, forced ? "CanvasText" : get(`--c-${key}`) || style.color]));
  return {
    term: (key) => terms[key],
    layer: (key, i, n) => (forced ? "CanvasText" : `hsl(${Math.round((key.startsWith("content") ? 190 : -35) + (key.startsWith("content") ? 60 : 70) * (i / Math.max(1, n - 1)))} 62% ${document.body.classList.contains("dark") ? 70 : 32}%)`),
    text: forced ? "CanvasText" : get("--body-text-color-subdued"), line: forced ? "GrayText" : get("--border-color-primary"),
    band: forced ? "transparent" : get("--band"), accent: forced ? "Highlight" : get("--color-accent"), paper: forced ? "Canvas" : get("--body-background-fill"),
  };
}
function colourOf(key, palette, names) {
  if (!key.includes(":")) return palette.term(key);
  const kind = key.split(":")[0], same = names.filter((other) => other.startsWith(kind));
  return palette.layer(key, same.indexOf(key), same.length);
}

function cleared(canvas, width, height, scale, paper) {
  canvas.width = width * scale; canvas.height = height * scale;
  canvas.style.width = `${width}px`; canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.clearRect(0, 0, width, height);
  if (paper) { pen.fillStyle = paper; pen.fillRect(0, 0, width, height); }
  pen.font = "11px system-ui, sans-serif"; pen.lineJoin = "round";
  return pen;
}

// The axis covers where the lines are most of the time: a content loss that starts at nothing would squeeze all else.
function range(lines, log) {
  const lows = [], highs = [];
  for (const line of lines) {
    const own = line.filter((number) => number > 0).sort((a, b) => a - b);
    if (own.length) { lows.push(Math.max(own[Math.floor(own.length * 0.08)], own[Math.floor(own.length / 2)] * 1e-3)); highs.push(Math.min(own[own.length - 1], own[Math.floor(own.length / 2)] * 1e4)); }
  }
  if (!lows.length) return [0, 1];
  const top = Math.max(...highs);
  if (!log) return [0, top * 1.05];
  const low = Math.log10(Math.min(...lows)), high = Math.log10(top), spare = Math.max(0, 0.8 - (high - low)) / 2;
  return [low - spare - 0.05, high + spare + 0.05];
}
function ticks(low, high, log) {
  if (!log) {
    const step = 10 ** Math.floor(Math.log10(high / 2));
    const by = step * [1, 2, 5].find((times) => high / (step * times) <= 5);
    return Array.from({ length: Math.floor(high / by) + 1 }, (_, i) => i * by);
  }
  const steps = high - low < 1.4 ? [1, 2, 5] : high - low < 2 ? [1, 3] : [1], every = Math.max(1, Math.ceil((high - low) / 5)), found = [];
  for (let decade = Math.floor(low); decade <= Math.ceil(high); decade += 1) {
    if (((decade % every) + every) % every) continue;
    for (const times of steps) { const at = decade + Math.log10(times); if (at >= low && at <= high) found.push(times * 10 ** decade); }
  }
  return found;
}

// Where the axis ends: where the plan does, or, of a long plan, at the next of 10, 20, 50, 100 ... steps that holds what has run.
function axisEnd(ran, planned) {
  if (planned <= ran) return Math.max(1, ran);
  const power = 10 ** Math.floor(Math.log10(Math.max(10, ran))), next = power * [1, 2, 5, 10].find((times) => power * times >= ran);
  return next * 1.5 >= planned ? planned : next;
}

// Where a step and a value stand on a chart of so many pixels.
function planeOf(pen, width, height, end, [low, high], log) {
  const marks = ticks(low, high, log), left = Math.max(46, ...marks.map((tick) => Math.ceil(pen.measureText(number(tick)).width) + 8)), right = width - 6, top = 16, bottom = height - 18;
  const to = (number) => (log ? Math.log10(number) : number);
  const across = (step) => left + ((right - left) * step) / end;
  // What is below the axis stays below it: a line leaves the chart at its foot instead of running along it.
  const lowest = low - 20 * (high - low), below = (number) => top + ((bottom - top) * (high - Math.min(high, Math.max(lowest, to(number))))) / (high - low);
  const down = (number) => Math.min(bottom, below(number));
  return { left, right, top, bottom, across, down, below, ticks: marks };
}
// Bands lie under the curves, their names over them.
function drawBands(pen, { across, right, top, bottom }, stages, palette) {
  pen.fillStyle = palette.band;
  stages.forEach(([from, until], i) => { if (i % 2 && across(from) < right) pen.fillRect(across(from), top, Math.min(right, across(until)) - across(from), bottom - top); });
}
function nameBands(pen, { across, right, bottom }, stages, palette) {
  for (const [from, until, size] of stages) {
    const text = `${size} px`;
    if (pen.measureText(text).width + 6 < Math.min(right, across(until)) - across(from)) legible(pen, text, across(from) + 4, bottom - 4, palette);
  }
}
// Words over lines, with the background around them.
function legible(pen, text, x, y, palette) {
  pen.textAlign = "left"; pen.setLineDash([]);
  pen.strokeStyle = palette.paper; pen.lineWidth = 4; pen.strokeText(text, x, y);
  pen.fillStyle = palette.text; pen.fillText(text, x, y);
}
function stroke(pen, x, y, toX, toY) { pen.beginPath(); pen.moveTo(x, y); pen.lineTo(toX, toY); pen.stroke(); }
function drawGrid(pen, { left, right, bottom, down, ticks }, palette, last) {
  pen.lineWidth = 1; pen.fillStyle = palette.text; pen.strokeStyle = palette.line; pen.textAlign = "right";
  for (const tick of ticks) {
    stroke(pen, left, down(tick), right, down(tick));
    pen.fillText(number(tick), left - 6, down(tick) + 4);
  }
  pen.fillText(last, right, bottom + 14);
  pen.textAlign = "left"; pen.fillText("0", left, bottom + 14);
}
// A text that is no wider than there is room for.
function cutTo(text, room, widthOf) {
  while (text.length > 4 && widthOf(text) > room) text = `${text.slice(0, -2).trimEnd()}…`;
  return text;
}
// Where flags stand and their words begin, latest first. The latest always has its words, the others right or left of them where
// they cover nothing, in the first of so many rows; what is left without (`at` null) is a tick, which hovering tells.
function placedFlags(flags, { across, right }, widthOf, rows = 1) {
  const taken = Array.from({ length: rows }, () => []);
  return [...flags].reverse().map(([step, text], nth) => {
    const x = across(step), wide = widthOf(text), after = x + 10, before = x - 4 - wide;
    const free = (row) => [after, before].find((from) => {
      const low = Math.min(x, from) - 6, high = Math.max(x + 8, from + wide) + 6;
      return from >= 0 && from + wide <= right && !taken[row].some(([a, b]) => low < b && high > a);
    });
    const row = Math.max(0, taken.findIndex((_, nth) => free(nth) !== undefined));
    const at = free(row) ?? (nth === 0 ? Math.max(0, right - wide) : null);
    if (at !== null) taken[row].push([Math.min(x, at), Math.max(x + 8, at + wide)]);
    return { x, text, at, row };
  });
}
// The second row lies in the chart, where it is over the first one's poles.
function drawFlags(pen, plane, flags, palette, rows) {
  pen.strokeStyle = pen.fillStyle = palette.accent; pen.textAlign = "left"; pen.lineWidth = 1;
  const wide = (text) => pen.measureText(text).width, fitting = flags.map(([step, text]) => [step, cutTo(text, plane.right - plane.left, wide)]);
  const placed = placedFlags(fitting, plane, wide, rows);
  for (const { x, at, row } of placed) {
    if (at === null) { stroke(pen, x, plane.top - 2, x, plane.top + 6); continue; }
    const down = 13 * row;
    pen.setLineDash([2, 3]); stroke(pen, x, 4 + down, x, plane.bottom); pen.setLineDash([]);
    pen.beginPath(); pen.moveTo(x, 3 + down); pen.lineTo(x + 7, 6.5 + down); pen.lineTo(x, 10 + down); pen.fill();
  }
  for (const { text, at, row } of placed) if (at !== null) legible(pen, text, at, 10.5 + 13 * row, { ...palette, text: palette.accent });
}
// Whose the broken lines are, at the upper right: losses fall, so that little is there.
const DASHES = [[6, 3], [2, 2], [9, 3, 2, 3]];
function nameLaid(pen, { left, right, top }, names, palette) {
  names.forEach((name, nth) => {
    const text = cutTo(name, right - left - 46, (text) => pen.measureText(text).width);
    const x = right - 4 - pen.measureText(text).width, y = top + 13 + 15 * nth;
    legible(pen, text, x, y, palette);
    pen.strokeStyle = palette.text; pen.lineWidth = 1.2; pen.setLineDash(DASHES[nth % 3]);
    stroke(pen, x - 34, y - 4, x - 6, y - 4);
  });
}
function drawLine(pen, { left, right, top, bottom, across, below }, list, steps) {
  pen.save();
  pen.beginPath(); pen.rect(left - 1, top - 2, right - left + 4, bottom - top + 2); pen.clip();
  pen.beginPath();
  let open = false;
  list.forEach((number, i) => {
    const is = number !== null && number !== undefined;
    if (is) pen[open ? "lineTo" : "moveTo"](across(steps[i]), below(number));
    open = is;
  });
  pen.stroke();
  pen.restore();
}
function drawCursor(pen, { top, bottom, across }, step, palette) {
  pen.strokeStyle = palette.accent; pen.lineWidth = 1.5; pen.setLineDash([]);
  stroke(pen, across(step), top, across(step), bottom);
}
