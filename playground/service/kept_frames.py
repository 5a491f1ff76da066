"""A run's pictures that somebody wants to keep, one after every iteration or every N-th, in the run's folder.

worker.py hands over every frame; the page packs what is here into a zip. Gone with the folder. Knows no thread.
"""

from __future__ import annotations

from playground.engine.frame_files import FrameFiles
from playground.engine.frames import Frame
from playground.service.job import Job
from playground.system.files import DISK_FULL


def pictures_every(job: Job) -> int | None:
    """After how many iterations the run has to show its picture for the sake of these; None where none are wanted."""
    if not job.frames_every:
        return None
    return job.kept.every if job.kept is not None else job.frames_every


def keep_frame(job: Job, frame: Frame, most_mb: float) -> int:
    """Keep a frame's picture where that is wanted and due; by how many bytes the run's folder has grown.

    Args:
        most_mb: MiB that the pictures of one run may take; 0 keeps none.
    """
    if not job.frames_every or job.folder is None or not most_mb:
        return 0
    if job.kept is None:
        job.kept = FrameFiles(job.folder.frames, job.frames_every, round(most_mb * 2**20))
    kept = job.kept
    before, every = kept.bytes, kept.every
    try:
        kept.add(frame)
    except OSError:
        job.tell(frames_every=0)
        job.note(f"{DISK_FULL}: no more of this run's pictures are kept")
        return 0
    if kept.every != every:
        job.note(
            f"the pictures kept of this run have filled {most_mb:g} MB: from now on it is one in {kept.every} iterations"
        )
    return max(0, kept.bytes - before)
