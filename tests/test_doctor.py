import pytest
import torch

from edgewise import KAN, __version__, kernels, save
from edgewise.doctor import (
    DRAWN_ROWS,
    find_compiler,
    machine_lines,
    network_lines,
    rows_in_the_domain,
    run_lines,
)
from edgewise.errors import CheckpointError


def test_the_machine_is_described_subject_by_subject():
    lines = machine_lines()
    assert [line.split()[0] for line in lines] == [
        "edgewise", "packages", "threads", "splines", "BLAS", "compiler", "advice",
    ]  # fmt: skip
    assert __version__ in lines[0]
    assert kernels.which()[0] in lines[3]
    assert "unknown" not in lines[4]


def test_a_compiler_is_found_by_name_or_not_at_all(monkeypatch, tmp_path):
    own = tmp_path / "my-compiler"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "my-compiler -O2")
    assert find_compiler() == str(own)
    monkeypatch.delenv("CXX")
    assert find_compiler() is None


def test_advice_follows_what_was_found(monkeypatch):
    monkeypatch.setattr("torch.get_num_threads", lambda: 64)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert machine_lines()[-1].endswith("type: export OMP_NUM_THREADS=2")
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert "unset OMP_NUM_THREADS" in machine_lines()[-1]
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    assert "Nothing to change" in machine_lines()[-1]


def deep(**settings):
    return KAN([4, *[6] * 3, 1], norm="rms", generator=torch.Generator().manual_seed(0), **settings)


def test_a_saved_network_is_diagnosed_on_rows_of_its_domain(tmp_path):
    save(deep(), tmp_path / "net")
    lines = run_lines(tmp_path / "net")
    assert lines[0].endswith(str(tmp_path / "net"))
    assert "[4, 6, 6, 6, 1]" in lines[1]
    assert lines[2] == f"rows        {DRAWN_ROWS} drawn evenly over the domain, as none are stored"
    assert [line.split()[0] for line in lines[3:]] == ["layer", "1", "2", "3", "4", "advice"]
    assert lines[-1] == "advice      Nothing to change."
    assert lines == run_lines(tmp_path / "net")


def test_a_folder_without_a_network_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        run_lines(tmp_path / "nowhere")


def test_drawn_rows_fill_the_domain_in_the_users_units():
    net = deep(domain=(0.0, 2.0), dtype=torch.float64)
    net.input_center.copy_(torch.tensor([0.0, 10.0, 0.0, 0.0]))
    net.input_scale.copy_(torch.tensor([1.0, 1.0, 5.0, 1.0]))
    rows = rows_in_the_domain(net, 1000)
    low, high = torch.tensor([0.0, 10.0, 0.0, 0.0]), torch.tensor([2.0, 12.0, 10.0, 2.0])
    assert ((rows >= low) & (rows <= high)).all()
    torch.testing.assert_close(rows.mean(0), ((low + high) / 2).double(), rtol=0.05, atol=0.05)


def test_stored_rows_come_first_and_trouble_is_told():
    rows = 4 * torch.rand(50, 4, generator=torch.Generator().manual_seed(1)) - 2
    lines = network_lines(deep(), rows.double().numpy())
    assert lines[0] == "rows        50 of the run"
    assert "outside the domain" in lines[-1]
    assert "drawn evenly" in network_lines(deep(), rows[:0].double().numpy())[0]
