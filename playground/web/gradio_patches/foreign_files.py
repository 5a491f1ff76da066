"""Only what was uploaded is opened: no path on this machine, and no web address.

Gradio 6.31 looks at those files alone that a request marks as such, but opens unmarked ones too, and downloads addresses
on the server's behalf. Called once while the page is built; this covers every input, whoever calls it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import gradio as gr
from gradio import processing_utils
from gradio.utils import get_upload_folder, is_in_or_equal, is_static_file
from gradio_client.utils import is_file_obj, is_http_url_like, traverse


@cache
def accept_uploads_only() -> None:
    """Make gradio refuse every file that was not uploaded to it."""
    move_to_cache = processing_utils.async_move_files_to_cache

    def check(file: dict[str, Any]) -> None:
        inside = not is_http_url_like(file["path"]) and is_in_or_equal(file["path"], get_upload_folder())
        if not inside and not is_static_file(file["path"]):
            raise gr.Error("Only uploaded pictures are opened here, no path and no web address.", print_exception=False)

    async def checked(data: Any, *arguments: Any, **options: Any) -> Any:
        if options.get("check_in_upload_folder"):
            traverse(data, check, is_file_obj)
        return await move_to_cache(data, *arguments, **options)

    processing_utils.async_move_files_to_cache = checked
