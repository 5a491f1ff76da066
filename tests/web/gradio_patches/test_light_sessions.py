"""A session holds its states and what it changed, and nothing of how the page looks."""

from __future__ import annotations

import gradio as gr
from gradio.state_holder import StateHolder

from playground.web.gradio_patches.light_sessions import LightSession, keep_sessions_light


def test_a_light_session_keeps_states_and_changed_components() -> None:
    keep_sessions_light()
    with gr.Blocks(analytics_enabled=False) as page:
        state, text = gr.State([1]), gr.Textbox("a")
    holder = StateHolder()
    holder.set_blocks(page)
    one, other = holder["one"], holder["other"]
    assert isinstance(one, LightSession)
    one[state._id].append(2)
    one[text._id] = gr.Textbox("b", render=False)
    one._update_config(text._id)
    one._update_value_in_config(text._id, "c")
    assert (one[state._id], other[state._id]) == ([1, 2], [1])
    assert (one[text._id].value, other[text._id].value) == ("b", "a")
    one[state._id] = "new"
    assert one[state._id] == "new"
    assert [component for component, _, _ in one.state_components] == [state]
    assert len(one.config_values) == 0
    assert {state._id, text._id} <= set(page.blocks), "the page itself is as it was"
