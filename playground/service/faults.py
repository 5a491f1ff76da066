"""What ended a run, a training or a task, in one sentence for a person.

Called by whoever works on a person's behalf: worker.py, tasks.py and zerogpu.py. It knows no job; what nobody can mend goes
to the log.
"""

from __future__ import annotations

import logging

from playground.errors import PlaygroundError
from playground.recipe.model import Recipe
from playground.recipe.training import TrainingRecipe
from playground.system.files import DISK_FULL, takes_nothing
from playground.system.memory import is_out_of_memory

logger = logging.getLogger(__name__)


def did_not_fit(recipe: Recipe | TrainingRecipe) -> str:
    """The sentence for a run that did not fit, with the size that takes a quarter of the memory."""
    if isinstance(recipe, TrainingRecipe):
        crops = f"{recipe.batch_size} crops of {recipe.image_size} px"
        return f"{crops} at once are more than this machine's memory can take: set a smaller batch size or crop size."
    return f"{recipe.size} px is more than this machine's memory can take: try {max(64, recipe.size // 2)} px."


def explain(error: Exception, name: str, recipe: Recipe | TrainingRecipe | None = None) -> str:
    """One sentence for a person about what ended a run or a task; what nobody can mend goes to the log as `name`."""
    if isinstance(error, PlaygroundError):
        return str(error)
    if is_out_of_memory(error):
        return (
            did_not_fit(recipe) if recipe else "That is more than this machine's memory can take: try a smaller size."
        )
    if takes_nothing(error):
        logger.warning("%s could not write: %s", name, error)
        return f"{DISK_FULL}: nothing more could be written of this, try again later"
    message = getattr(error, "message", None)
    if isinstance(message, str):  # a lent GPU's own words, such as a quota that is used up
        return message
    logger.error("%s failed", name, exc_info=error)
    return f"This run ended because of a fault in the playground; the server's log tells more under {name}."
