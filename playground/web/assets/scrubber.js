// The slider of the time machine: its place is the evaluation, as in the chart above it, and it stops where a picture is kept. It
// also obeys "moment" events, which page.js sends while somebody drags along a curve, and it draws the line in the curves that
// says where one is.
const CHARTS = ["time-chart"];
let run = "", at = null;

const frames = () => (props.value && props.value.frames) || [];
const slider = () => element.querySelector("input");

function nearest(evaluation) {
  let index = 0;
  frames().forEach((frame, i) => { if (frame <= evaluation) index = i; });
  return index;
}

function show() {
  if (!slider() || !props.value) return;
  if (props.value.run !== run) { run = props.value.run; at = null; }
  const last = Math.max(0, frames().length - 1), index = at === null ? last : nearest(at);
  slider().min = frames()[0] ?? 0;
  slider().max = frames()[last] ?? 0;
  slider().disabled = last < 1;
  slider().value = frames()[index] ?? 0;
  slider().setAttribute("aria-valuetext", frames().length ? playgroundSay("time.evaluation", { at: frames()[index] }) : playgroundSay("time.no_picture"));
  for (const id of CHARTS) {
    const chart = document.getElementById(id), end = chart?.querySelector("[data-last]")?.dataset.last;
    chart?.classList.toggle("sought", at !== null && Boolean(end));
    if (at !== null && end) chart.style.setProperty("--at", `${Math.min(100, (100 * at) / end)}%`);
  }
}

function go(evaluation) {
  if (!frames().length) return;
  const wanted = frames()[nearest(evaluation)];
  if (wanted === at) return;
  at = wanted;
  document.dispatchEvent(new CustomEvent("sought", { detail: at })); // the chart's line
  show();
  tell();
}

function tell() {
  props.value = { ...props.value, at };
  trigger("input");
}

// News of the run may overtake what was asked for, and take it along before it was read: then ask again.
function renew() {
  show();
  if (at !== null && props.value && props.value.at !== at) tell();
}

element.addEventListener("input", (event) => {
  const wanted = Number(event.target.value);
  go(frames().reduce((best, frame) => (Math.abs(frame - wanted) < Math.abs(best - wanted) ? frame : best), frames()[0]));
  show(); // back to where a picture is
});
element.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key], last = frames().length - 1;
  if (!step || last < 1) return;
  event.preventDefault(); // picture by picture, however far apart
  go(frames()[Math.max(0, Math.min(last, (at === null ? last : nearest(at)) + step))]);
});
document.addEventListener("moment", (event) => element.isConnected && go(event.detail));
show();
watch("value", renew);
