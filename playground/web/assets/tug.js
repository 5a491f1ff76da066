// Tug asks when its tab opens and when another picture stands on the easel; what a run measures on its way comes by itself.
const lens = playgroundLens.follow(element, (turn, at) => trigger("select", { turn, at }), Infinity);
watch("value", () => lens.answered(Number(/data-turn="(\d+)"/.exec(props.value || "")?.[1])));
