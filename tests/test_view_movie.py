"""Movies: every frame, fixed axes, the same bytes, and a folder that gives the same movie again."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from edgewise.cli import app
from edgewise.errors import CheckpointError, EdgewiseError, InputError
from edgewise.network import KAN
from edgewise.train import Frame
from edgewise.view import movie, save_frames
from edgewise.view.frames import read_frames
from edgewise.view.movie import _reaches
from edgewise.view.picture import picture

X = torch.rand(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def growing(factors=(0.1, 1.0, 3.0)):
    """One edge that keeps its place in the picture and grows, and one that stays."""
    frames = []
    for number, factor in enumerate(factors):
        net = KAN([2, 1], dtype=torch.float64)
        net.kan_layers[0].fix_edge(0, 0, "linear", torch.tensor([1.0, 0, factor, 0, 1]))
        net.kan_layers[0].fix_edge(1, 0, "square", torch.tensor([1.0, 0, 1.0, 0, 1]))
        frames.append(Frame(number, net, 0.5 / (number + 1)))
    return frames


def test_gif_has_every_frame_and_holds_the_last(tmp_path):
    path = movie(growing(), X, tmp_path / "training.gif", size=(3, None), rate=10)
    with Image.open(path) as gif:
        assert gif.n_frames == 3
        lasts, pictures = [], []
        for k in range(3):
            gif.seek(k)
            lasts.append(gif.info["duration"])
            pictures.append(np.asarray(gif.convert("RGB")).astype(int))
        assert gif.info["loop"] == 0
    assert lasts == [100, 100, 2000]
    assert abs(pictures[0].shape[1] - 330) <= 1
    assert np.abs(pictures[0] - pictures[2]).max() > 100


def test_axes_stay_where_they_are():
    """A box stands for the union of what its edge does in all frames, so the growing line really grows."""
    frames = growing()
    made = [picture(frame.network, X) for frame in frames]
    reach = _reaches(made)[0, 0, 0]
    low, high = float(X[:, 0].min()), float(X[:, 0].max())
    assert reach.x == (pytest.approx(low), pytest.approx(high))
    assert reach.y == (pytest.approx(0.1 * low), pytest.approx(3 * high))


def test_removed_edges_leave_and_the_others_stay(tmp_path):
    frames = growing()
    frames[2].network.kan_layers[0].remove_edge(0, 0)
    path = movie(frames, X, tmp_path / "training.gif", size=(3, None))
    orange = []
    with Image.open(path) as gif:
        for k in (1, 2):
            gif.seek(k)
            red, green, blue = np.moveaxis(np.asarray(gif.convert("RGB")).astype(int), -1, 0)
            found = ((red - blue > 60) & (red > green))[: len(red) * 3 // 4]
            orange.append([half.sum() for half in np.split(found[:, : found.shape[1] // 2 * 2], 2, axis=1)])
    (left, right), (left_after, right_after) = orange
    assert left > 200
    assert left_after < 0.1 * left
    assert right_after > 0.7 * right > 100


def test_same_frames_same_bytes_through_a_folder_and_the_command(tmp_path):
    names = {"feature_names": ["<b>", "$p$"], "target_names": ["yield"]}
    path = movie(growing(), X, tmp_path / "a.gif", size=(3, None), **names)
    folder = save_frames(tmp_path / "frames", growing(), X, **names)
    assert [frame.number for frame in read_frames(folder).frames] == [0, 1, 2]
    call = ["view", str(folder), "--out", str(tmp_path / "b.gif"), "--size", "3"]
    assert CliRunner().invoke(app, call).exit_code == 0
    assert (tmp_path / "b.gif").read_bytes() == path.read_bytes()


def test_without_ffmpeg_an_mp4_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"needs the program ffmpeg.*\.gif"):
        movie(growing(), X, tmp_path / "training.mp4")
    assert not list(tmp_path.iterdir())


def test_mp4_frames_go_to_ffmpeg_whole_and_its_failure_is_told(tmp_path, monkeypatch):
    """A stand-in writes what it was given, for the real program is on few machines."""
    tool = tmp_path / "bin" / "ffmpeg"
    tool.parent.mkdir()
    tool.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "from pathlib import Path\n"
        "assert 'libx264' in sys.argv, sys.argv\n"
        "Path(sys.argv[-1]).write_bytes(sys.argv[sys.argv.index('-s') + 1].encode() + b' ' + sys.stdin.buffer.read())\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent))
    size, _, pixels = (
        movie(growing(), X, tmp_path / "a.mp4", size=(3, None), rate=5).read_bytes().partition(b" ")
    )
    width, height = map(int, size.split(b"x"))
    assert width % 2 == height % 2 == 0
    assert len(pixels) == 3 * width * height * (3 + 10), "three frames, and the last for two seconds more"
    tool.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no such codec')\n")
    with pytest.raises(EdgewiseError, match=r"ffmpeg failed .*no such codec"):
        movie(growing(), X, tmp_path / "b.mp4", size=(3, None))
    assert not (tmp_path / "b.mp4").exists()


def test_mistakes_are_told(tmp_path):
    with pytest.raises(InputError, match=r"expected \.gif or \.mp4"):
        movie(growing(), X, tmp_path / "a.avi")
    with pytest.raises(InputError, match="frames is empty"):
        movie([], X, tmp_path / "a.gif")
    with pytest.raises(InputError, match="rate=0"):
        movie(growing(), X, tmp_path / "a.gif", rate=0)
    with pytest.raises(InputError, match="expected one shape"):
        movie([*growing(), Frame(3, KAN([2, 2, 1], dtype=torch.float64), None)], X, tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


def test_folders_that_are_no_frames(tmp_path):
    folder = save_frames(tmp_path / "frames", growing(), X)
    with pytest.raises(InputError, match="is not empty"):
        save_frames(folder, growing(), X)
    with pytest.raises(CheckpointError, match="holds no frames"):
        read_frames(folder / "frames" / "00000")
    (folder / "frames" / "00001" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(CheckpointError, match="damaged"):
        read_frames(folder)
    with pytest.raises(CheckpointError):
        read_frames(Path(tmp_path / "nothing"))
