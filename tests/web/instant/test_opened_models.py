"""Models opened on many pages that never come back."""

from __future__ import annotations

import gc

import pytest

from playground.errors import PlaygroundError
from playground.feedforward.model import Model, ModelCard
from playground.networks.transformer import new_network
from playground.web.instant.state import Easel, OpenedModels


def test_models_of_all_pages_share_one_room_which_comes_free_with_their_pages() -> None:
    def model(seed: int) -> Model:
        return Model(new_network(4, 1, seed), ModelCard(title="own"))

    size = 2 * sum(value.numel() * 4 for value in model(0).network.parameters())
    opened, pages = OpenedModels(3.5 * size / 2**20), [Easel() for _ in range(4)]
    for seed, page in enumerate(pages[:3]):
        own = model(seed)
        opened.admit(own)
        page.add(own)
    with pytest.raises(PlaygroundError, match="no room for more networks"):
        opened.admit(model(9))
    del own, page
    pages.clear()
    gc.collect()
    opened.admit(model(9))
