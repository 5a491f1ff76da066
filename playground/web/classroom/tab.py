"""The teacher's tab: the address, the lesson and its phases, the votes, the room, the wall.

Laid out here and filled by teacher.js, which asks routes.py; class.js shows the tab where the page has the teacher's key.
"""

from __future__ import annotations

import gradio as gr

from playground.experiments.lessons import lessons
from playground.service.classroom import PHASES
from playground.web.words import say


def build_class() -> None:
    """Lay the teacher's tab out inside the tab that is open."""
    listed = "".join(
        f'<option value="{name}">{lesson.number} {say(f"lesson.{name}.title")}</option>'
        for name, lesson in lessons().items()
    )
    phases = "".join(
        f'<button type="button" data-do="move" data-phase="{phase}" aria-pressed="false" disabled>'
        f"<b>{number}</b> {say(f'class.phase.{phase}')}</button>"
        for number, phase in enumerate(PHASES, 1)
    )
    gr.HTML(
        f"""<div class="teaching" id="teaching">
<div class="teaching-room">
  <section><h2>{say("class.address")}</h2><div id="class-qr"></div><p id="class-address"></p>
  <p class="hint">{say("class.address.hint")}</p></section>
  <section><h2>{say("class.room")}</h2><p id="class-here"></p>
  <div class="acts"><button type="button" data-do="pause" aria-pressed="false">{say("class.pause")}</button>
  <button type="button" data-do="clear">{say("class.clear")}</button></div>
  <p class="hint">{say("class.room.hint")}</p></section>
</div>
<div class="teaching-lesson">
  <section><h2>{say("class.lesson")}</h2>
  <div class="acts"><label for="class-lesson" class="for-ears">{say("class.lesson")}</label>
  <select id="class-lesson">{listed}</select>
  <button type="button" class="go" data-do="open">{say("class.open")}</button>
  <button type="button" data-do="close" disabled>{say("class.close")}</button></div>
  <p class="lab-lead" id="class-asked"></p>
  <div class="phases" role="group" aria-label="{say("class.phases")}">{phases}</div>
  <p id="class-said" role="status" aria-live="polite"></p><div class="class-votes"></div></section>
  <section><h2>{say("class.wall")}</h2>
  <div class="acts"><button type="button" data-do="hang" aria-pressed="false">{say("class.hang")}</button></div>
  <p class="hint" id="class-wall-said" data-hint="{say("class.wall.hint")}">{say("class.wall.hint")}</p>
  <div id="class-wall"></div></section>
</div></div>""",
        apply_default_css=False,
    )
