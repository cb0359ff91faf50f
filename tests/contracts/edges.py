"""What every bundle of edges must do. A family inherits ``EdgesContract`` and says how to make one of it."""

import copy
import pickle

import pytest
import torch

TYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


class EdgesContract:
    """``make(dtype)`` gives a bundle from 3 inputs to 2 outputs, defined at least on [-1, 1]."""

    def make(self, dtype=torch.float64):
        raise NotImplementedError

    def rows(self, count=7, dtype=torch.float64):
        return torch.rand(count, 3, generator=torch.Generator().manual_seed(5), dtype=dtype) * 1.8 - 0.9

    @TYPES
    def test_leading_axes_are_free_and_types_stay(self, dtype):
        bundle, x = self.make(dtype), self.rows(8, dtype)
        y = bundle(x.reshape(2, 4, 3))
        assert (y.shape, y.dtype) == ((2, 4, 2), dtype)
        torch.testing.assert_close(y.reshape(8, 2), bundle(x))

    def test_curves_add_up_to_the_output(self):
        bundle, x = self.make(), self.rows()
        assert bundle.curves(x).shape == (7, 3, 2)
        torch.testing.assert_close(bundle.curves(x).sum(1), bundle(x), rtol=0, atol=1e-13)

    def test_each_curve_hears_one_input_only(self):
        bundle, x = self.make(), self.rows()
        before = bundle.curves(x)
        x[:, 1] = 0.123
        after = bundle.curves(x)
        assert torch.equal(after[:, [0, 2]], before[:, [0, 2]])
        assert not torch.equal(after[:, 1], before[:, 1])

    def test_prepared_inputs_recall_the_output(self):
        bundle, x = self.make(), self.rows()
        torch.testing.assert_close(bundle.recall(bundle.prepare(x)), bundle(x), rtol=0, atol=1e-13)

    def test_prepared_inputs_outlive_a_change_of_parameters(self):
        bundle, x = self.make(), self.rows()
        ready = bundle.prepare(x)
        bundle.assign(bundle.free() * 1.1)
        torch.testing.assert_close(bundle.recall(ready), bundle(x), rtol=0, atol=1e-13)

    @pytest.mark.parametrize("reach", [0.9, 1.5])
    def test_slopes_are_derivatives(self, reach):
        bundle, x = self.make(), (self.rows() * reach / 0.9).requires_grad_()
        curves = bundle.curves(x)
        expected = torch.zeros(7, 3, 2, dtype=x.dtype)
        for i in range(3):
            for o in range(2):
                (gradient,) = torch.autograd.grad(curves[:, i, o].sum() + 0 * x.sum(), x, retain_graph=True)
                expected[:, i, o] = gradient[:, i]
        torch.testing.assert_close(
            bundle.slopes(bundle.prepare(x.detach())), expected, rtol=1e-10, atol=1e-12
        )

    def test_columns_are_differences_by_each_free_parameter(self):
        bundle, x, h = self.make(), self.rows(), 1e-6
        start, upstream = bundle.free(), self.rows(14)[:, :2].reshape(14, 2)[:7]
        columns = bundle.columns(bundle.prepare(x), upstream)
        assert columns.shape == (7, start.numel())
        for k in range(start.numel()):
            step = torch.zeros_like(start)
            step[k] = h
            sides = []
            for moved in (start + step, start - step):
                bundle.assign(moved)
                sides.append((bundle(x) * upstream).sum(1))
            torch.testing.assert_close(columns[:, k], (sides[0] - sides[1]) / (2 * h), rtol=1e-6, atol=1e-8)

    @TYPES
    def test_free_parameters_go_in_and_come_out(self, dtype):
        bundle = self.make(dtype)
        wanted = bundle.free() * 1.25
        bundle.assign(wanted)
        assert torch.equal(bundle.free(), wanted)
        assert bundle.free().dtype == dtype

    def test_assigning_what_is_there_changes_nothing(self):
        bundle = self.make()
        before = copy.deepcopy(bundle.state_dict())
        bundle.assign(bundle.free())
        assert all(torch.equal(tensor, before[name]) for name, tensor in bundle.state_dict().items())

    def test_free_parameters_are_a_copy(self):
        bundle, x = self.make(), self.rows()
        before = bundle(x)
        bundle.free().fill_(7.0)
        assert torch.equal(bundle(x), before)

    def test_an_empty_batch_passes(self):
        bundle, x = self.make(), self.rows(0)
        ready = bundle.prepare(x)
        assert bundle(x).shape == bundle.recall(ready).shape == (0, 2)
        assert bundle.curves(x).shape == bundle.slopes(ready).shape == (0, 3, 2)
        assert bundle.columns(ready, torch.zeros(0, 2).double()).shape == (0, bundle.free().numel())

    @TYPES
    def test_far_outside_all_is_finite(self, dtype):
        bundle, x = self.make(dtype), torch.tensor([[-1e4] * 3, [1e4] * 3], dtype=dtype)
        ready = bundle.prepare(x)
        for found in (bundle(x), bundle.slopes(ready), bundle.columns(ready, torch.ones(2, 2, dtype=dtype))):
            assert bool(torch.isfinite(found).all())

    def test_gradients_reach_inputs_and_parameters(self):
        bundle, x = self.make(), self.rows(3).requires_grad_()
        assert torch.autograd.gradcheck(lambda x, *_: bundle(x), (x, *bundle.parameters()))

    def test_a_copy_is_equal_and_independent(self):
        bundle, x = self.make(), self.rows()
        twin = copy.deepcopy(bundle)
        assert torch.equal(twin(x), bundle(x))
        twin.assign(twin.free() + 1.0)
        assert not torch.equal(twin(x), bundle(x))

    def test_pickles_return_the_same_bits(self):
        bundle, x = self.make(), self.rows()
        assert torch.equal(pickle.loads(pickle.dumps(bundle))(x), bundle(x))

    def test_a_state_dict_carries_all(self):
        bundle, twin, x = self.make(), self.make(), self.rows()
        twin.assign(twin.free() + 1.0)
        twin.load_state_dict(bundle.state_dict())
        assert torch.equal(twin(x), bundle(x))

    def test_a_move_to_another_type_takes_all_along(self):
        single, x = self.make(torch.float32), self.rows()
        torch.testing.assert_close(single.double()(x), self.make()(x), rtol=1e-5, atol=1e-5)

    def test_torch_exports_it(self):
        bundle, x = self.make(), self.rows()
        exported = torch.export.export(bundle, (x,)).module()
        torch.testing.assert_close(exported(x), bundle(x))
