"""Colours and type of the page: paper and ink in the light, the same room at night in the dark, one accent.

System fonts only, so that nothing is asked of any outside address. Called by page.py.
"""

from __future__ import annotations

import gradio as gr

SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]

_PAPER, _CARD, _INK, _MUTED, _LINE, _ACCENT = "#f4f1ea", "#fdfbf6", "#1f1b16", "#676055", "#ddd5c6", "#ab3f1c"
_EDGE, _RIM = "#8a8172", "#857c6f"  # of what can be pressed or typed into: 3 : 1 against what is around it
_NIGHT, _PANEL, _CHALK, _ASH, _SEAM, _EMBER = "#161411", "#1f1c18", "#ece6da", "#a89f90", "#3a342c", "#e88058"

COLOURS = {  # by gradio's name, in the light and in the dark
    "body_background_fill": (_PAPER, _NIGHT),
    "body_text_color": (_INK, _CHALK),
    "body_text_color_subdued": (_MUTED, _ASH),
    "background_fill_primary": (_CARD, _PANEL),
    "background_fill_secondary": (_PAPER, _NIGHT),
    "border_color_primary": (_LINE, _SEAM),
    "block_background_fill": (_CARD, _PANEL),
    "block_border_color": (_LINE, _SEAM),
    "block_label_background_fill": ("transparent", "transparent"),
    "block_label_text_color": (_MUTED, _ASH),
    "block_title_text_color": (_INK, _CHALK),
    "block_info_text_color": (_MUTED, _ASH),
    "panel_background_fill": ("transparent", "transparent"),
    "input_background_fill": (_PAPER, _NIGHT),
    "input_border_color": (_EDGE, _RIM),
    "input_border_color_focus": (_ACCENT, _EMBER),
    "color_accent_soft": ("#f6dccf", "#3b241a"),
    "slider_color": (_ACCENT, _EMBER),
    "link_text_color": (_ACCENT, _EMBER),
    "button_primary_background_fill": (_ACCENT, _EMBER),
    "button_primary_background_fill_hover": ("#8d3316", "#f09a78"),
    "button_primary_text_color": ("#fffaf5", "#1c0f08"),
    "button_secondary_background_fill": ("transparent", "transparent"),
    "button_secondary_background_fill_hover": ("#ebe4d6", "#2c2721"),
    "button_secondary_border_color": (_EDGE, _RIM),
    "button_secondary_text_color": (_INK, _CHALK),
    "checkbox_border_color": (_EDGE, _RIM),
    "checkbox_background_color": (_PAPER, _NIGHT),
    "checkbox_background_color_selected": (_ACCENT, _EMBER),
    "checkbox_label_background_fill": ("transparent", "transparent"),
}
ALIKE = {  # in both
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_title_text_weight": "500",
    "color_accent": _ACCENT,
    "button_border_width": "1px",
}


def theme() -> gr.themes.Base:
    """The page's theme, for `launch(theme=...)`."""
    ink = gr.themes.Color(
        *[_PAPER, _CARD, _LINE, "#cfc6b5", "#a89f90", "#857c6f", _MUTED, "#4b453c", _SEAM, _PANEL, _NIGHT]
    )
    fire = gr.themes.Color(
        "#fbefe9", "#f6dccf", "#eeb9a2", "#e69674", _EMBER, "#c9572f", _ACCENT, "#8d3316", "#6f2811", "#521d0c", "#351308"
    )  # fmt: skip
    made = gr.themes.Base(
        primary_hue=fire, secondary_hue=ink, neutral_hue=ink, radius_size=gr.themes.sizes.radius_sm,
        spacing_size=gr.themes.sizes.spacing_sm, text_size=gr.themes.sizes.text_sm, font=SANS, font_mono=MONO,
    )  # fmt: skip
    light = {name: colours[0] for name, colours in COLOURS.items()}
    dark = {f"{name}_dark": colours[1] for name, colours in COLOURS.items()}
    return made.set(**light, **dark, **ALIKE)
