// The teacher's tab: its buttons, who is here, the votes, the wall. Filled from what page.js is told; the pictures of the wall
// are asked for only while the tab is in sight.
(() => {
  const { ask, made, button, plural, say, drawVotes } = playgroundClass;
  const place = (id) => document.getElementById(id);
  const say_ = (id, text) => { const node = place(id); if (node && node.textContent !== text) node.textContent = text; };
  const shown = () => Boolean(place("teaching")?.offsetParent);

  let taken = ""; // the open lesson that the menu was set to, also when the page is opened anew
  const draw = () => {
    const told = playgroundClass.told(), desk = place("teaching");
    if (!told?.teacher || !desk) return;
    const open = Boolean(told.lesson);
    if (taken !== told.lesson) { taken = told.lesson; if (open) place("class-lesson").value = taken; }
    for (const node of desk.querySelectorAll("[data-do=move]")) {
      node.disabled = !open;
      node.setAttribute("aria-pressed", String(told.phase === node.dataset.phase));
    }
    desk.querySelector("[data-do=close]").disabled = !open;
    for (const [what, on] of [["pause", told.paused], ["hang", told.wall]]) {
      const node = desk.querySelector(`[data-do=${what}]`);
      node.setAttribute("aria-pressed", String(on));
      node.textContent = say(`${what}.${on ? "off" : "on"}`);
    }
    say_("class-here", plural("here", told.here));
    say_("class-asked", open ? told.question : "");
    const voting = ["vote", "again"].includes(told.phase);
    say_("class-said", !open ? say("none_open") : voting || told.phase === "discuss" ? plural("voted", told.voted, { of: told.here }) : say(`teacher.${told.phase}`));
    drawVotes(desk.querySelector(".class-votes"), told);
    if (!told.wall) { have.clear(); place("class-wall").replaceChildren(); say_("class-wall-said", place("class-wall-said").dataset.hint); }
  };

  // The wall: pictures by their numbers, of which the page tells the server what it has.
  const have = new Map();
  let asking = false, grouped = "";
  const hang = async () => {
    const told = playgroundClass.told();
    if (!told?.teacher || !told.wall || !shown() || asking || document.hidden) return;
    asking = true;
    try {
      const { tiles } = await ask({ do: "wall", have: Object.fromEntries([...have].map(([id, tile]) => [id, tile.version])) });
      if (!tiles || !playgroundClass.told().wall) return;
      const ids = new Set(tiles.map((tile) => tile.id));
      for (const id of [...have.keys()]) if (!ids.has(id)) have.delete(id);
      for (const tile of tiles) {
        const known = have.get(tile.id);
        have.set(tile.id, { ...tile, picture: tile.picture || known?.picture });
      }
      paint(told);
    } catch { /* the next look */ } finally { asking = false; }
  };
  const figure = (tile, number) => {
    const one = made("figure"), large = made("button", "enlarge"), image = made("img"), caption = made("figcaption");
    large.type = "button";
    large.setAttribute("aria-label", playgroundSay("class.enlarge", { number }));
    image.alt = "";
    large.append(image);
    const off = button("×", () => ask({ do: "remove", id: tile.id }).then(hang), "off");
    off.setAttribute("aria-label", say("remove", { number }));
    off.title = say("remove", { number });
    caption.append(made("b", ""), made("span"), off);
    one.append(large, caption);
    return one;
  };
  const nodes = new Map();
  const paint = (told) => {
    const wall = place("class-wall");
    if (!wall) return;
    const tiles = [...have.values()], groups = new Map();
    const sorted = (a, b) => (a.group ?? 99) - (b.group ?? 99) || a.id - b.id;
    for (const tile of tiles.sort(sorted)) groups.set(tile.group, [...(groups.get(tile.group) ?? []), tile]);
    const layout = JSON.stringify([told.lesson, [...groups].map(([group, some]) => [group, some.map((tile) => tile.id)])]);
    if (layout !== grouped || !wall.childElementCount) {
      grouped = layout;
      nodes.clear();
      let number = 0;
      wall.replaceChildren(...[...groups].flatMap(([group, some]) => {
        const heading = [...groups.keys()].every((one) => one === null) ? [] : [made("h3", "", group === null ? say("wall.unpredicted") : say("wall.predicted", { option: told.options[group] }))];
        const row = made("div", "lab-grid wall");
        for (const tile of some) {
          const node = figure(tile, ++number);
          node.querySelector("b").textContent = String(number);
          nodes.set(tile.id, node);
          row.append(node);
        }
        return [...heading, row];
      }));
    }
    for (const tile of tiles) {
      const node = nodes.get(tile.id), image = node.querySelector("img"), many = node.querySelector("figcaption span");
      if (tile.picture && image.src !== tile.picture) image.src = tile.picture;
      many.textContent = tile.count > 1 ? plural("wall.same", tile.count) : "";
    }
    say_("class-wall-said", plural("wall.hangs", tiles.reduce((sum, tile) => sum + tile.count, 0)));
  };

  document.addEventListener("click", async (event) => {
    const node = event.target.closest?.("#teaching [data-do]");
    if (!node) return;
    const told = playgroundClass.told(), what = node.dataset.do;
    if (what === "clear" && !confirm(say("clear.sure"))) return;
    const body = { do: what, lesson: place("class-lesson").value, phase: node.dataset.phase, on: what === "pause" ? !told?.paused : !told?.wall };
    const answer = await ask(body);
    if (answer.error) say_("class-said", answer.error);
    if (what === "hang" || what === "clear") hang();
  });

  const address = async () => {
    const code = place("class-qr");
    if (!code || code.childElementCount || code.dataset.asked) return;
    code.dataset.asked = "yes";
    const told = await ask({ do: "address" });
    if (!told.qr) { delete code.dataset.asked; return; }
    code.innerHTML = told.qr; // the server's own drawing
    code.firstElementChild.setAttribute("role", "img");
    code.firstElementChild.setAttribute("aria-label", say("qr"));
    say_("class-address", told.address);
  };
  const look = () => { draw(); if (shown()) { address(); hang(); } };
  document.addEventListener("class", draw);
  setInterval(() => { if (shown() && playgroundClass.told()?.teacher) look(); }, 4000);
  document.addEventListener("click", (event) => { if (event.target.closest?.("[role=tab]")) [200, 800].forEach((wait) => setTimeout(look, wait)); });
})();
