"""What L-BFGS said of its rounds, as a table. Called by the Studio for the run on the easel."""

from __future__ import annotations

from playground.engine.frames import Round
from playground.service.job import Job
from playground.web.components.format import number
from playground.web.words import say

SHOWN = 40


def table(job: Job | None) -> str:
    """HTML: the latest rounds, newest first; a sentence where there are none."""
    rounds = job.reported.rounds if job is not None else []
    if not rounds:
        return f'<p class="hint">{say("rounds.none")}</p>'
    heads = "".join(f"<th>{say(f'rounds.{name}')}</th>" for name in ("number", "evaluations", "step", "ended"))
    rows = "".join(f"<tr>{_cells(found)}</tr>" for found in rounds[: -SHOWN - 1 : -1])
    return f'<table class="figures rounds"><tr>{heads}</tr>{rows}</table>'


def _cells(found: Round) -> str:
    step = number(found.step) if found.step is not None else say("rounds.no_search")
    return "".join(
        f"<td>{cell}</td>"
        for cell in (
            found.number,
            found.evaluations,
            step,
            say("rounds.enough" if found.ended.startswith("enough") else "rounds.stuck"),
        )
    )
