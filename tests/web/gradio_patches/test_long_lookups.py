"""What gradio's script finds by walking, ours finds too: on the served text, and on random pages in a browser."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.web.gradio_patches import long_lookups as patch
from playground.web.gradio_patches.served_scripts import replaced, texts
from tests.helpers.visitor import NEEDS_CHROMIUM, chromium

BOTH = """() => {
  const chance = (seed => () => (seed = (seed * 48271) % 2147483647) / 2147483647)(7);
  const below = most => Math.floor(chance() * most);
  const plain = (() => { WALKS; return Z; })(), ours = (() => { REMEMBERS; return Z; })();
  class Plain { ASKS_EVERY_EVENT }
  class Ours { postprocess(e) { BEGINS_ANEWe; } ASKS_ONCE }
  const said = [];
  for (let page = 0; page < 40; page++) {
    let parts = [];
    const part = () => { const made = {id: parts.length, children: [], props: {shared_props: {}}}; parts.push(made); return made; };
    const root = part();
    for (let k = 0; k < 60; k++) parts[below(parts.length)].children.push(part());
    for (let k = 0; k < 200; k++) {
      const id = below(70);
      said.push(plain(root, id) === ours(root, id));
      const from = parts[below(parts.length)], to = parts[0];
      if (chance() < 0.2 && from.children.length) to.children.unshift(from.children.pop());  // the tree changes meanwhile
    }
    const mine = new Ours();
    for (let reload = 0; reload < 2; reload++) {
      const target = () => [below(61), ["click", "change", null][below(3)]];
      const events = Array.from({length: 30}, () => ({targets: Array.from({length: below(4)}, target)}));
      mine.postprocess(root);
      for (const one of parts) {
        const wanted = new Plain().find_attached_events(one, events).props.shared_props.attached_events;
        const found = mine.find_attached_events(one, events).props.shared_props.attached_events;
        said.push(JSON.stringify(wanted) === JSON.stringify(found));
      }
    }
  }
  return [said.length, said.filter(same => !same).length];
}"""


def test_only_what_is_looked_up_is_another() -> None:
    (route,) = patch.scripts()
    served = TestClient(Starlette(routes=[route])).get(route.path)
    assert served.headers["content-type"].startswith("text/javascript")
    back = served.text
    for said, becomes in {
        patch.ASKS_EVERY_EVENT: patch.ASKS_ONCE,
        patch.BEGINS: patch.BEGINS_ANEW,
        patch.WALKS: patch.REMEMBERS,
    }.items():
        assert back.count(becomes) == 1
        back = back.replace(becomes, said)
    assert back == texts("*.js")[route.path.rsplit("/", 1)[1]]


def test_a_script_that_reads_otherwise_is_left_to_gradio() -> None:
    assert not replaced("core-*.js", {patch.WALKS: "", "said by no script": ""})


@pytest.mark.browser
@NEEDS_CHROMIUM
def test_the_same_parts_and_events_are_found_on_pages_that_change() -> None:
    script = BOTH
    for name in ("ASKS_EVERY_EVENT", "ASKS_ONCE", "WALKS", "REMEMBERS"):
        script = script.replace(name, getattr(patch, name))
    script = script.replace("BEGINS_ANEWe", patch.BEGINS_ANEW.removeprefix("postprocess(e){") + "e")
    with chromium(5) as browser:
        asked, other = browser.new_page().evaluate(script)
    assert asked > 10_000
    assert other == 0
