"""What of a run is left to chance, and so depends on the seed.

Asked by the page, which offers another seed only where it counts. Draws nothing itself.
"""

from __future__ import annotations

from playground.recipe.model import Recipe


def seed_counts(recipe: Recipe) -> bool:
    """Whether another seed paints another picture: noise in the start, a network that begins with chance, sampled neighbours."""
    noisy = recipe.init == "noise" or (recipe.init == "mix" and recipe.init_mix < 1)
    return recipe.canvas == "hrnet" or (noisy and recipe.noise_scale > 0) or recipe.neighbours_weight > 0
