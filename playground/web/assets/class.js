// A class, as every page of it sees it: the lesson that the teacher has opened, the votes once they are shown, and what of
// one's own may hang on the wall. Told by page.js, whose one question every few seconds brings all of it. teacher.js has
// what only the teacher's page can do.
const playgroundClass = (() => {
  const OFF = "style-playground-off-the-wall";
  const stays = () => { try { return localStorage.getItem(OFF) === "yes"; } catch { return false; } };
  const say = (key, values) => playgroundSay(`class.${key}`, values);
  const plural = (key, count, values = {}) => say(`${key}.${count === 1 ? "one" : "many"}`, { count, ...values });

  const ask = async (body) => {
    const headers = { "content-type": "application/json" };
    if (playground.key()) headers["x-teacher-key"] = playground.key();
    const answer = await fetch("class", { method: "POST", headers, body: JSON.stringify(body) });
    const told = await answer.json();
    if (told.class) document.dispatchEvent(new CustomEvent("class", { detail: told.class }));
    return told;
  };
  const made = (tag, name, text = "") => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text) node.textContent = text;
    return node;
  };
  const button = (text, act, name = "") => {
    const node = made("button", name, text);
    node.type = "button";
    node.addEventListener("click", act);
    return node;
  };

  // The votes as a table: an option a row, its number in words; the bar says the same to the eye, the first round's is hatched.
  const votes = (told) => {
    const table = made("table", "votes");
    table.append(made("caption", "", say("votes")));
    const totals = told.counts.map((round) => round.reduce((sum, count) => sum + count, 0));
    told.options.forEach((option, index) => {
      const row = made("tr"), name = made("th", "", option), cell = made("td");
      name.scope = "row";
      told.counts.forEach((round, number) => {
        const line = made("span", `vote round-${told.counts.length - number}${round[index] ? "" : " none"}`), bar = made("i");
        bar.style.setProperty("--share", totals[number] ? round[index] / totals[number] : 0);
        bar.setAttribute("aria-hidden", "true");
        const words = plural("votes.of", round[index], { of: totals[number] });
        line.append(bar, made("span", "", told.counts.length > 1 ? say(`votes.round.${number + 1}`, { votes: words }) : words));
        cell.append(line);
      });
      row.append(name, cell);
      table.append(row);
    });
    return table;
  };
  const drawVotes = (place, told) => {
    if (!place) return;
    const key = told?.counts.length ? JSON.stringify([told.counts, told.options]) : "";
    if (place.dataset.key === key) return;
    place.dataset.key = key;
    place.replaceChildren(...(key ? [votes(told)] : []));
  };

  const asked = () => document.querySelector("#lesson-question [data-lesson]")?.dataset.lesson;
  const inSight = () => document.querySelector('#rooms [role=tab][data-tab-id="lab"][aria-selected="true"]') || document.documentElement.classList.contains("one-lesson");

  // One line in the page's head.
  const strip = (told) => {
    const parts = [made("b", "of", say("label"))], atIt = told.lesson && asked() === told.lesson && inSight();
    if (told.paused) parts.push(made("b", "", say("paused")));
    if (told.lesson) {
      const lesson = say("lesson", { number: told.number, title: told.title });
      const now = told.locked || told.phase === "run" ? say(`now.${told.phase}`) : "";
      const line = made("span", "lesson", `${lesson}${now ? ` · ${now}` : ""}`); // gives way where it is narrow
      line.title = line.textContent;
      parts.push(line);
      if (!atIt) parts.push(button(say("go"), () => { document.getElementById("class-opened")?.click(); soon(); }, "go"));
    }
    if (told.wall) {
      if (told.standing === "removed") parts.push(made("span", "", say("wall.removed")));
      const box = made("input"), label = made("label", "", say("wall.mine"));
      box.type = "checkbox";
      box.checked = told.on_wall;
      box.id = "class-mine";
      box.addEventListener("change", () => {
        try { localStorage.setItem(OFF, box.checked ? "no" : "yes"); } catch { /* it lasts as long as the server */ }
        document.dispatchEvent(new CustomEvent("ask-class"));
      });
      label.prepend(box);
      parts.push(label);
      if (told.on_wall && told.own && ["private", "hangs"].includes(told.standing)) {
        const show = told.standing === "private";
        parts.push(button(say(show ? "wall.show" : "wall.hide"), () => ask({ do: show ? "share" : "hide" })));
      }
    }
    return parts.length > 1 ? parts : [];
  };

  let last = null, drawn = "";
  const draw = () => {
    const place = document.getElementById("class-strip");
    if (!place || !last) return;
    const now = JSON.stringify([last.paused, last.lesson, last.phase, last.locked, last.wall, last.on_wall, last.standing, last.own, asked(), Boolean(inSight())]);
    if (now !== drawn) {
      drawn = now;
      const focused = place.contains(document.activeElement) ? document.activeElement.id || document.activeElement.textContent : "";
      const parts = last.teacher ? [] : strip(last);
      place.replaceChildren(...parts);
      place.hidden = !parts.length;
      if (focused) [...place.querySelectorAll("button, input")].find((node) => (node.id || node.textContent) === focused)?.focus();
    }
    drawVotes(document.querySelector("#lesson-votes .class-votes"), asked() === last.lesson ? last : null);
  };
  const soon = () => [300, 900, 2000].forEach((wait) => setTimeout(draw, wait));

  document.addEventListener("class", (event) => {
    const told = event.detail, before = last;
    last = told;
    document.documentElement.classList.toggle("teaches", told.teacher);
    draw();
    const moved = !before || before.phase !== told.phase || before.lesson !== told.lesson || before.version !== told.version;
    if (moved && told.lesson && asked() === told.lesson) document.getElementById("class-went-on")?.click();
    else if (before?.lesson && before.lesson !== told.lesson && asked() === before.lesson) document.getElementById("class-went-on")?.click();
  });
  document.addEventListener("click", (event) => { if (event.target.closest?.("[role=tab], #lesson-choice, .lab-all")) soon(); });
  return { ask, made, button, plural, say, drawVotes, stays, told: () => last };
})();
