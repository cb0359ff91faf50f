import copy
import json
import os
import pickle
import shutil

import pytest
import torch
from safetensors.torch import save_file

from edgewise import splines
from edgewise.catalogue import CATALOGUE, Function
from edgewise.checkpoint import load, load_extra, save
from edgewise.errors import CheckpointError, EdgewiseError, InputError
from edgewise.network import KAN


def rich_network(dtype=torch.float64):
    """Products, a removed edge, fixed edges, uneven layers, scales of its own."""
    net = KAN([2, (3, 2), 1], generator=torch.Generator().manual_seed(3), dtype=dtype)
    first, last = net.kan_layers
    first.fix_edge(0, 1, "sine", torch.tensor([1.1, 0.2, -0.7, 0.4, 1.0]))
    first.fix_edge(1, 4, "power", torch.tensor([1.0, 3.0, 0.5, 0.0, 1.7]))
    first.remove_edge(1, 0)
    last.refit(splines.refine_knots(last.spline.knots, 3, 12))
    with torch.no_grad():
        net.input_center.copy_(torch.tensor([1e6, -2.0]))
        net.output_scale.fill_(1e-7)
    return net


def tensors(net):
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


@pytest.fixture
def saved(tmp_path):
    return save(rich_network(), tmp_path / "run", extra={"target": "y"})


def edited(folder, **changes):
    """Changes entries of config.json; a key such as ``network__widths`` reaches inside."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for key, value in changes.items():
        *way, last = key.split("__")
        part = config
        for step in way:
            part = part[int(step) if step.isdigit() else step]
        part[last] = value
    path.write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_every_number_comes_back_bit_for_bit(tmp_path, dtype):
    net = rich_network(dtype)
    found = load(save(net, tmp_path / "deep" / "run"))
    assert found.widths == net.widths
    before, after = tensors(net), tensors(found)
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert after[name].dtype == tensor.dtype
        assert torch.equal(after[name], tensor), name


def test_the_function_comes_back_with_its_edges_and_grids(tmp_path):
    net = rich_network()
    found = load(save(net, tmp_path / "run"))
    x = torch.rand(40, 2, dtype=torch.float64) * 2 + net.input_center
    assert torch.equal(found(x), net(x))
    assert found.kan_layers[0].edge(0, 1) is CATALOGUE["sine"]
    assert found.kan_layers[0].edge(1, 0) is None
    assert [layer.spline.intervals for layer in found.kan_layers] == [5, 12]
    assert torch.equal(found.free(), net.free())
    assert all(parameter.requires_grad for parameter in found.parameters())


@pytest.mark.parametrize(("degree", "base"), [(0, None), (1, "identity"), (5, "silu")])
def test_every_degree_and_base_comes_back(tmp_path, degree, base):
    net = KAN([1, 2], degree=degree, base=base)
    found = load(save(net, tmp_path / "run"))
    assert (found.kan_layers[0].spline.degree, found.kan_layers[0].spline.base) == (degree, base)
    assert torch.equal(found(torch.ones(3, 1)), net(torch.ones(3, 1)))


def test_a_network_is_left_alone_by_saving_and_random_state_by_loading(tmp_path):
    net = rich_network()
    before, state = tensors(net), torch.get_rng_state()
    load(save(net, tmp_path / "run"))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_extra_comes_back_and_is_empty_without(tmp_path):
    extra = {"names": ["a", "β"], "settings": {"seed": 1, "list": [[1.5, None], []]}}
    assert load_extra(save(KAN([1, 1]), tmp_path / "a", extra)) == extra
    assert load_extra(save(KAN([1, 1]), tmp_path / "b")) == {}


def test_a_copy_of_a_network_can_be_saved_too(tmp_path):
    net = copy.deepcopy(rich_network())
    assert torch.equal(load(save(net, tmp_path)).free(), net.free())


def test_config_tells_versions_and_holds_no_code(saved):
    config = json.loads((saved / "config.json").read_text())
    assert (config["format"], config["format_version"]) == ("edgewise-network", 1)
    assert sorted(entry.name for entry in saved.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("extra", [{"x": object()}, {"x": float("nan")}, {"x": {1, 2}}])
def test_extra_that_json_cannot_hold_is_refused_before_writing(tmp_path, extra):
    with pytest.raises(InputError, match="extra cannot be JSON"):
        save(KAN([1, 1]), tmp_path / "run", extra)
    assert not (tmp_path / "run").exists()


def test_only_plain_networks_with_catalogue_edges_can_be_saved(tmp_path):
    with pytest.raises(InputError, match="expected a KAN"):
        save(torch.nn.Linear(1, 1), tmp_path)  # type: ignore[arg-type]
    net = KAN([1, 1])
    own = Function("sine", "sin(u)", lambda u, p: u, lambda u, p: u)
    net.kan_layers[0].fix_edge(0, 0, own, torch.ones(5))
    with pytest.raises(InputError, match="catalogue"):
        save(net, tmp_path)
    strange = KAN([1, 1])
    strange.register_buffer("more", torch.zeros(1))
    with pytest.raises(InputError, match="tensors of its own"):
        save(strange, tmp_path)


def test_saving_replaces_a_checkpoint_and_nothing_else(tmp_path):
    folder = save(KAN([1, 1]), tmp_path / "run")
    save(KAN([3, 1]), folder)
    assert load(folder).in_features == 3
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="did not write"):
        save(KAN([1, 1]), other)
    assert (other / "config.json").read_text() == '{"model_type": "bert"}'
    with pytest.raises(InputError, match="is a file"):
        save(KAN([1, 1]), other / "config.json")


@pytest.mark.parametrize("fatal", range(2))
def test_a_save_that_dies_between_any_two_steps_leaves_a_whole_checkpoint(tmp_path, monkeypatch, fatal):
    """Death before the first rename leaves the old network, between the two the new one."""
    folder = save(KAN([1, 1]), tmp_path / "run", {"which": "old"})
    rename, done = os.replace, []

    def dying(source, target):
        if len(done) == fatal:
            raise KeyboardInterrupt
        done.append(target)
        rename(source, target)

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        save(KAN([3, 1]), folder, {"which": "new"})
    monkeypatch.undo()
    expected = (3, "new") if fatal else (1, "old")
    assert (load(folder).in_features, load_extra(folder)["which"]) == expected
    save(KAN([2, 1]), folder)
    assert load(folder).in_features == 2


def test_a_first_save_that_dies_is_finished_or_absent(tmp_path, monkeypatch):
    rename = os.replace

    def only_the_model(source, target):
        if str(target).endswith(".json"):
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "replace", only_the_model)
    with pytest.raises(KeyboardInterrupt):
        save(KAN([3, 1]), tmp_path)
    monkeypatch.undo()
    assert load(tmp_path).in_features == 3
    assert load(save(KAN([2, 1]), tmp_path)).in_features == 2


def test_missing_files_say_what_is_missing(saved, tmp_path):
    with pytest.raises(CheckpointError, match="nowhere does not exist"):
        load(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"type .*run"):
        load(saved / "config.json")
    for name in ("model.safetensors", "config.json"):
        shutil.copytree(saved, tmp_path / name)
        (tmp_path / name / name).unlink()
        with pytest.raises(CheckpointError, match=f"{name} does not exist"):
            load(tmp_path / name)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_truncated_files_are_refused(saved, name, share):
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=name) as caught:
        load(saved)
    assert "\n" not in str(caught.value)


def test_one_flipped_bit_and_a_model_of_another_run_are_refused(saved, tmp_path):
    other = save(KAN([2, (3, 2), 1]), tmp_path / "other")
    model = bytearray((saved / "model.safetensors").read_bytes())
    model[-1] ^= 1
    (saved / "model.safetensors").write_bytes(model)
    with pytest.raises(CheckpointError, match="checksums differ"):
        load(saved)
    shutil.copy(other / "model.safetensors", saved)
    with pytest.raises(CheckpointError, match="belongs to another"):
        load(saved)


@pytest.mark.parametrize("version", [2, 0, "1", None, True, [1] * 1000])
def test_other_format_versions_are_refused(saved, version):
    with pytest.raises(CheckpointError, match=r"format version .*pip install"):
        load(edited(saved, format_version=version))


@pytest.mark.parametrize(
    "content", ["[]", "null", "{}", '{"format": "bert"}', "[" * 100_000, "\x00", '{"a": NaN, "format": 1}']
)
def test_configs_of_other_programs_are_refused(saved, content):
    (saved / "config.json").write_text(content)
    with pytest.raises(CheckpointError):
        load(saved)


HOSTILE = {
    "absurd width": {"network__widths": [[2, 0], [10**9, 0], [1, 0]]},
    "absurd intervals": {"network__layers__0__intervals": 10**9},
    "absurd integer": {"network__layers__0__intervals": 10**400},
    "negative width": {"network__widths": [[2, 0], [-7, 0], [1, 0]]},
    "width of text": {"network__widths": [[2, 0], ["7", 0], [1, 0]]},
    "width of three": {"network__widths": [[2, 0], [7, 0, 0], [1, 0]]},
    "boolean width": {"network__widths": [[2, 0], [3, 2], [True, 0]]},
    "fewer widths": {"network__widths": [[2, 0], [1, 0]]},
    "no widths": {"network__widths": []},
    "no network": {"network": None},
    "network of text": {"network": "KAN"},
    "layers of text": {"network__layers": ["a", "b"]},
    "empty layers": {"network__layers": [{}, {}]},
    "high degree": {"network__layers__0__degree": 99},
    "degree of text": {"network__layers__0__degree": "3"},
    "unknown base": {"network__layers__0__base": "__import__('os')"},
    "unhashable base": {"network__layers__0__base": [1]},
    "unknown function": {"network__layers__0__fixed": [[0, 1, "os.system"], [1, 4, "power"]]},
    "unhashable function": {"network__layers__0__fixed": [[0, 1, []], [1, 4, "power"]]},
    "fixed of text": {"network__layers__0__fixed": "sine"},
    "edge outside": {"network__layers__0__fixed": [[0, 99, "sine"], [1, 4, "power"]]},
    "negative edge": {"network__layers__0__fixed": [[-1, 1, "sine"], [1, 4, "power"]]},
    "one edge less": {"network__layers__0__fixed": [[0, 1, "sine"]]},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_configs_are_refused_without_acting_on_them(saved, kind):
    with pytest.raises(CheckpointError, match="does not hold a network") as caught:
        load(edited(saved, **HOSTILE[kind]))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def resealed(folder, state):
    """A model file of the caller's own making, with the checksum to match."""
    from hashlib import sha256

    save_file(state, folder / "model.safetensors")
    return edited(folder, model_sha256=sha256((folder / "model.safetensors").read_bytes()).hexdigest())


def test_models_of_other_shapes_types_or_knots_are_refused(saved):
    good = tensors(load(saved))
    knots = "layers.0.spline.knots"
    changes = {
        "shape": {knots: good[knots][:, :-1].clone()},
        "extra": {"more": torch.zeros(1)},
        "integers": {knots: good[knots].long()},
        "descending": {knots: good[knots].flip(1).clone()},
        "infinite": {knots: torch.full_like(good[knots], float("nan"))},
    }
    for change in changes.values():
        with pytest.raises(CheckpointError, match="does not hold a network"):
            load(resealed(saved, good | change))
    del good[knots]
    with pytest.raises(CheckpointError, match="knots"):
        load(resealed(saved, good))


def test_a_pickle_in_place_of_the_model_is_not_opened(saved):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("a checkpoint ran code",)

    (saved / "model.safetensors").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CheckpointError):
        load(saved)


def test_an_extra_that_is_no_object_is_refused(saved):
    with pytest.raises(CheckpointError, match="extra"):
        load_extra(edited(saved, extra=[1]))


def test_checkpoint_errors_are_library_errors(tmp_path):
    with pytest.raises(EdgewiseError):
        load(tmp_path)
