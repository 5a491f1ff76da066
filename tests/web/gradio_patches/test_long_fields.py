"""A long field of an upload is refused, a short one and a long file are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from gradio.route_utils import GradioMultiPartParser, MultiPartException
from starlette.datastructures import Headers

from playground.web.gradio_patches.long_fields import MAX_FIELD, bound_fields


@pytest.mark.parametrize(("disposition", "size", "refused"), [
    ('name="a"', MAX_FIELD, False),
    ('name="a"', MAX_FIELD + 1, True),
    ('name="files"; filename="a.png"', 10 * MAX_FIELD, False),
])  # fmt: skip
def test_only_fields_are_bounded(disposition: str, size: int, refused: bool) -> None:
    bound_fields()
    head = f"--x\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()

    async def stream() -> AsyncGenerator[bytes, None]:
        yield head
        for start in range(0, size, 1000):
            yield bytes(min(1000, size - start))
        yield b"\r\n--x--\r\n"

    headers = Headers({"content-type": "multipart/form-data; boundary=x"})
    parser = GradioMultiPartParser(headers, stream(), max_file_size=10**7)
    if refused:
        with pytest.raises(MultiPartException, match="64 kB"):
            asyncio.run(parser.parse())
    else:
        assert asyncio.run(parser.parse())
