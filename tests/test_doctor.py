from edgewise import __version__, kernels
from edgewise.doctor import find_compiler, machine_lines


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
