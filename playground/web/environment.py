"""What must be set before gradio or torch is imported: their environment variables, a folder for uploads, Hugging Face's
`spaces`.

Called first by every way to open the page. Must not import gradio or torch itself, nor anything that does.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from playground.system.scratch import Scratch, sweep
from playground.web.gradio_patches.missing_matplotlib import remember_that_matplotlib_is_missing
from playground.web.gradio_patches.written_interfaces import leave_interfaces_unwritten

PREFIX = "playground-uploads-"


@dataclass(frozen=True)
class Environment:
    """What has been set up.

    Attributes:
        scratch: the folder of uploads and of temporary files, to be closed when the server ends.
        spaces: Hugging Face's package where the page runs on ZeroGPU; else None.
    """

    scratch: Scratch
    spaces: ModuleType | None


@cache
def prepare() -> Environment:
    """Set everything up once, leaving alone what the environment says already."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")  # it sums up all of them after every event
    # Uploads and all else that is temporary lie where nobody else on this machine can look, and go when the server ends; what
    # a killed one has left goes now.
    os.umask(0o077)
    sweep(PREFIX)
    scratch = Scratch(PREFIX)
    atexit.register(scratch.close)
    os.environ.setdefault("GRADIO_TEMP_DIR", str(scratch.folder("uploads")))
    tempfile.tempdir = str(scratch.folder("work"))
    # Read when torch is: Intel's matrix products would keep buffers for every thread, 13 MB a run, and are no slower
    # without.
    os.environ.setdefault("MKL_DISABLE_FAST_MM", "1")
    remember_that_matplotlib_is_missing()
    leave_interfaces_unwritten()
    try:
        import spaces  # only on Hugging Face; before torch, whose CUDA it replaces
    except ImportError:
        spaces = None
    on_zerogpu = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
    return Environment(scratch, spaces if on_zerogpu else None)
