"""A bundle as one model of ONNX, built from its description and arrays: no TensorFlow is needed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

import danq
from danq.data.encoders import load_encoder
from danq.errors import DanqError
from danq.learn.manifest import BundleManifest, member_paths, read_members
from danq.learn.network import read_arrays, read_network_description
from danq.learn.onnx.call import Call, Graph, Value
from danq.learn.onnx.convolutions import CONVOLUTIONS
from danq.learn.onnx.layers import LAYERS
from danq.learn.onnx.operations import OPERATIONS
from danq.learn.onnx.recurrent import RECURRENT

OPSET, IR_VERSION = 18, 8
"""As old as the operators in use let them be: ONNX Runtime 1.15 (2023) and later read them."""
OUTPUT = "logits"
_LARGEST = (1 << 31) - (1 << 20)
"""Bytes of a file of protocol buffers."""
_KINDS = {**CONVOLUTIONS, **LAYERS, **OPERATIONS, **RECURRENT}
_MASKED = {*RECURRENT, "GlobalAveragePooling1D", "BatchNormalization"}
"""Kinds of layers whose mask is written; it changes nothing of a normalization that is trained."""
_STRANDS = {
    "mean": "Of DNA it reads the strand that it is given: danq's predictions are the means, over a window "
    "and its reverse complement, of the logits and of the probabilities.",
    "none": "danq predicts the strand that it is given.",
}


def onnx_model(bundle: Path) -> onnx.ModelProto:
    """Write a bundle's network as a model of ONNX: arrays of its encoder → ``logits`` float32.

    It takes any number of rows. The logits are those of the rows as they are given, of one strand;
    ``metadata_props`` say what they mean: see docs/export.md.

    Raises
    ------
    DanqError
        If it is no whole bundle, or a layer is none that is written here.
    """
    info = BundleManifest.read(bundle)
    read_members(bundle)
    inputs = {
        name: Value(name, (None, *shape), dtype)
        for name, (shape, dtype) in load_encoder(info.encoder).inputs.items()
    }
    graph = Graph()
    logits = _ensemble(graph, bundle, info, inputs) if info.members else _network(graph, bundle, inputs)
    if not logits.shape:  # of an operation, which no layer reads, nobody has noted it
        sub_bins = (info.bin // info.step,) if info.bin and info.step else ()
        logits = logits._replace(shape=(None, *sub_bins, len(info.targets)))
    graph.nodes.append(helper.make_node("Identity", [logits.name], [OUTPUT], name=OUTPUT))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            info.run,
            [_tensor(value) for value in inputs.values()],
            [_tensor(logits._replace(name=OUTPUT))],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="danq",
        producer_version=danq.__version__,
        doc_string=_meaning(info),
    )
    helper.set_model_props(model, metadata(info))
    if model.ByteSize() > _LARGEST:
        raise DanqError(f"{bundle}: expected a network of at most 2 GB for ONNX, received a larger one")
    return model


def metadata(info: BundleManifest) -> dict[str, str]:
    """Say what is needed to use the model elsewhere; values that are no text are JSON."""
    entries = {
        "run": info.run,
        "targets": info.targets,
        "task": info.task,
        "data_kind": info.data_kind,
        "encoder": info.encoder,
        "window": info.window,
        "bin": info.bin,
        "step": info.step,
        "shape": info.shape,
        "strands": info.predict.get("reverse_complement", "none"),
        "bundle_digest": info.digest,
        "version": danq.__version__,
    }
    return {
        f"danq.{name}": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in entries.items()
    }


def _meaning(info: BundleManifest) -> str:
    activation = "softmax over the classes" if info.task == "multiclass" else "sigmoid of each"
    strands = _STRANDS.get(str(info.predict.get("reverse_complement")), "") if info.data_kind == "dna" else ""
    return f"Logits, one for each of danq.targets; probabilities are the {activation}. {strands}".strip()


def _tensor(value: Value) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(value.dtype))
    return helper.make_tensor_value_info(value.name, kind, ["rows", *value.shape[1:]])


def _ensemble(graph: Graph, bundle: Path, info: BundleManifest, inputs: dict[str, Value]) -> Value:
    """Weighted sum of the members' logits."""
    states, parts = info.encoder["encoders"], list[Value]()
    for place, (member, entry) in enumerate(zip(member_paths(bundle, info), info.members, strict=True)):
        own = BundleManifest.read(member)
        before = f"{states.index(own.encoder)}_"
        read = {name.removeprefix(before): value for name, value in inputs.items() if name.startswith(before)}
        graph.prefix = f"member_{place}/"
        logits = _network(graph, member, read)
        weighted = graph.add("Mul", logits.name, graph.constant(entry.weight))
        parts.append(logits._replace(name=weighted))
    return parts[0]._replace(name=graph.add("Sum", *(part.name for part in parts)))


def _network(graph: Graph, bundle: Path, inputs: dict[str, Value]) -> Value:
    """Write the nodes of one network: its logits."""
    network, arrays = read_network_description(bundle), read_arrays(bundle)
    values: dict[tuple[str, int], Value] = {(name, 0): value for name, value in inputs.items()}
    for layer in network.layers:
        first = layer.outputs[0]
        call = Call(
            graph=graph,
            kind=layer.kind,
            options=layer.options,
            inputs=[_resolved(value, values) for value in layer.inputs],
            named={name: _resolved(value, values) for name, value in layer.named_inputs.items()},
            arrays=[arrays[name].astype(np.float32) for name in layer.weights],
            dtype="float32" if first is None else first.dtype,
        )
        try:
            names = _written(call, len(layer.outputs))
        except DanqError as error:
            raise DanqError(f"{bundle}: layer {layer.name} ({layer.kind}): {error}") from None
        except (LookupError, TypeError, ValueError) as error:
            raise DanqError(
                f"{bundle}: layer {layer.name} ({layer.kind}): not written as ONNX ({error})"
            ) from error
        for place, (name, output) in enumerate(zip(names, layer.outputs, strict=False)):
            shape, dtype = ((), "float32") if output is None else (output.shape, output.dtype)
            values[layer.name, place] = Value(name, shape, "float32" if "float" in dtype else dtype)
    return values[network.output.layer, network.output.output]


def _written(call: Call, outputs: int) -> list[str]:
    """Write the nodes of a layer; refuse inputs and outputs that they leave out, such as first states."""
    call.expect(call.kind in _KINDS, call.kind, "one that is written as ONNX")
    more = [name for name in call.named if name != "mask" or call.kind not in _MASKED]
    call.expect(not more, ", ".join(more), "no inputs by name but a recurrent layer's mask")
    several = len(call.inputs) > 1 and not call.kind.startswith(("ops.", "MultiHead"))
    call.expect(not several, len(call.inputs), "one input")
    names = _KINDS[call.kind](call)
    names = [names] if isinstance(names, str) else names
    call.expect(len(names) >= outputs, outputs, f"as many outputs as are written, {len(names)}")
    return names


def _resolved(value: Any, values: dict[tuple[str, int], Value]) -> Any:
    if isinstance(value, dict) and "layer" in value:
        return values[value["layer"], value["output"]]
    return [_resolved(item, values) for item in value] if isinstance(value, list) else value
