"""A movie of training: the network step by step, every box with the same axes from the first frame to the last.

A GIF is written by pillow, which matplotlib brings along; an MP4 by the program ffmpeg where there is one. The same
frames give the same GIF, byte for byte.
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgewise.errors import EdgewiseError, InputError
from edgewise.train.recorder import Frame
from edgewise.view.layout import Band, Layout, checked_size, layout
from edgewise.view.picture import Edge, Picture, picture
from edgewise.view.writing import replacing

if TYPE_CHECKING:
    from edgewise.view.boxes import Key, Reach

Pixels = NDArray[np.uint8]

DOTS, RATE, HELD = 110, 8, 16
COLOURS_KEPT = 128
ENDINGS = (".gif", ".mp4")


def movie(
    frames: Sequence[Frame],
    X: Any,
    path: str | Path,
    *,
    size: tuple[float, float | None] | None = None,
    feature_names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
    rate: int = RATE,
) -> Path:
    """Writes how a network came to be as ``.gif`` or ``.mp4``, whole or not at all; the last frame stays two seconds.

    Args:
        frames: from ``edgewise.train.Recorder`` or ``edgewise.large.checkpoints``, of one network's widths.
        X, feature_names, target_names: as in ``edgewise.view.picture``; the rows that all frames are shown on.
        path: the file to write; ``.mp4`` needs the program ffmpeg.
        size: as in ``edgewise.view.figure``, at 110 dots an inch.
        rate: frames a second.

    Example:
        >>> import tempfile, torch
        >>> from edgewise.network import KAN
        >>> frames = [Frame(k, KAN([2, 1], generator=torch.Generator().manual_seed(k)), None) for k in range(2)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     movie(frames, torch.rand(50, 2), f"{folder}/training.gif").name
        'training.gif'
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"{str(path)!r} ends in {ending!r}: expected .gif or .mp4; type 'training.gif'")
    if not isinstance(rate, int) or not 1 <= rate <= 50:
        raise InputError(f"rate={rate!r}: expected a whole number of frames a second from 1 to 50")
    _check(frames)
    program = _ffmpeg() if ending == ".mp4" else ""
    pictures = [picture(frame.network, X, feature_names, target_names) for frame in frames]
    images = _images(frames, pictures, checked_size(size))
    with replacing(path) as temporary:
        if program:
            _write_mp4(program, images, temporary, rate)
        else:
            _write_gif(list(images), temporary, rate)
    return path


def _check(frames: Sequence[Frame]) -> None:
    if not frames:
        raise InputError("frames is empty: expected those of a Recorder that train was given as watch=")
    widths = frames[-1].network.widths
    for frame in frames:
        if frame.network.widths != widths:
            raise InputError(
                f"frames hold networks of widths {list(frame.network.widths)} and {list(widths)}: expected one shape; "
                "make a movie of each"
            )


def _images(
    frames: Sequence[Frame], pictures: Sequence[Picture], size: tuple[float, float | None] | None
) -> Iterator[Pixels]:
    """Every frame as pixels ``(height, width, 3)``, an even number of each."""
    from edgewise.view.drawing import draw_on
    from edgewise.view.title import title

    reaches = _reaches(pictures)
    fullest = max(reversed(pictures), key=lambda made: sum(map(len, made.edges)))
    words = [title(_words(frame), 100.0) for frame in frames]
    places = layout(fullest, max(line.height for line in words), size)
    for made, line in zip(pictures, words, strict=True):
        drawn = draw_on(_placed(places, fullest, made), made, replace(line, size=words[0].size), reaches)
        drawn.set_dpi(DOTS)
        drawn.canvas.draw()
        pixels = np.asarray(drawn.canvas.buffer_rgba())  # pyright: ignore[reportAttributeAccessIssue]
        yield np.ascontiguousarray(pixels[: len(pixels) // 2 * 2, : pixels.shape[1] // 2 * 2, :3])


def _words(frame: Frame) -> str:
    loss = "" if frame.loss is None else f", held-out loss {frame.loss:.1e}"
    return f"step {frame.number}{loss}"


def _reaches(pictures: Sequence[Picture]) -> "dict[Key, Reach]":
    """For every edge the smallest ranges that hold it in all frames."""
    from edgewise.view.boxes import Reach, key

    found: dict[Key, list[Edge]] = {}
    for made in pictures:
        for edge in (edge for layer in made.edges for edge in layer):
            found.setdefault(key(edge), []).append(edge)
    return {
        name: Reach(
            (min(float(edge.x[0]) for edge in edges), max(float(edge.x[-1]) for edge in edges)),
            (min(edge.window[0] for edge in edges), max(edge.window[1] for edge in edges)),
        )
        for name, edges in found.items()
    }


def _placed(places: Layout, fullest: Picture, made: Picture) -> Layout:
    """The places with the boxes of the edges that a frame still has."""
    from edgewise.view.boxes import key

    bands = []
    for band, all_edges, edges in zip(places.bands, fullest.edges, made.edges, strict=True):
        here = {key(edge): k for k, edge in enumerate(edges)}
        kept = [k for k, place in enumerate(band.shown) if key(all_edges[place]) in here]
        shown = tuple(here[key(all_edges[band.shown[k]])] for k in kept)
        bands.append(Band(shown, band.centers[kept], band.size))
    return replace(places, bands=tuple(bands))


def _write_gif(images: list[Pixels], path: Path, rate: int) -> None:
    """One palette for all frames, taken from the first, the middle and the last, so that nothing flickers."""
    from PIL import Image

    sample = np.concatenate([images[0], images[len(images) // 2], images[-1]])
    palette = Image.fromarray(sample).quantize(COLOURS_KEPT, Image.Quantize.MEDIANCUT)
    drawn = [Image.fromarray(image).quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    lasts = [1000 // rate] * (len(drawn) - 1) + [1000 * HELD // RATE]
    drawn[0].save(path, format="GIF", save_all=True, append_images=drawn[1:], duration=lasts, loop=0)


def _ffmpeg() -> str:
    program = shutil.which("ffmpeg")
    if program is None:
        raise InputError(
            "an .mp4 needs the program ffmpeg, which is not there: expected it on the path; install it "
            "(apt install ffmpeg, brew install ffmpeg), or write a .gif"
        )
    return program


def _write_mp4(program: str, images: Iterator[Pixels], path: Path, rate: int) -> None:
    """H.264 that every browser plays, from raw frames through a pipe."""
    frames = list(images)
    frames += [frames[-1]] * (2 * rate)
    height, width, _ = frames[0].shape
    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "-"]
    made = [
        "-c:v",
        "libx264",
        "-crf",
        "18",
        "-pix_fmt",
        "yuv420p",
        "-threads",
        "1",
        "-movflags",
        "+faststart",
    ]
    plain = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
    done = subprocess.run(
        [program, "-y", "-loglevel", "error", *given, *made, *plain, str(path)],
        input=b"".join(frame.tobytes() for frame in frames),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise EdgewiseError(
            f"ffmpeg failed ({said[-1][:120] if said else 'no message'}); write a .gif instead"
        )
