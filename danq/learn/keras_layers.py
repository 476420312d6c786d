"""What a ``.keras`` file says of its layers, in plain words, and its arrays by layer: read without Keras."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from numpy.typing import NDArray

from danq.learn.keras_file import is_known, objects

Json = Mapping[str, Any]
Tensors = dict[tuple[str, int], dict[str, Any] | None]
"""Call and number of its output → shape and dtype."""
Weights = dict[str, list[NDArray[Any]]]
"""Arrays of each layer by its name, in Keras's order."""

_NO_ARITHMETIC = re.compile(
    r"name|trainable|seed|rate|noise_shape|unroll|synchronized|quantization_config|momentum|renorm.*|sparse"
    r"|ragged|optional|unit_forget_bias|(\w+_)?(initializer|regularizer|constraint|dropout)"
)
"""Options that say how a layer is made or trained, not what it computes."""
_ARRAYS = {
    "Embedding": "embeddings",
    "BatchNormalization": "gamma beta moving_mean moving_variance",
    "LayerNormalization": "gamma beta",
    "GroupNormalization": "gamma beta",
    "RMSNormalization": "scale",
    "Normalization": "mean variance count",
    "PReLU": "alpha",
    "SeparableConv1D": "depthwise_kernel pointwise_kernel bias",
    "SeparableConv2D": "depthwise_kernel pointwise_kernel bias",
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN"), "kernel recurrent_kernel bias"),
}
"""Names of a layer's arrays; those of other layers are `kernel` and `bias`."""
_SWITCHES = {"bias": "use_bias", "gamma": "scale", "beta": "center"}
"""Array → option that leaves it out where it is off."""
_INSIDE = {
    "Bidirectional": {"layer": "forward", "backward_layer": "backward"},
    "TimeDistributed": {"layer": ""},
}
"""Kind of a layer → layers inside it, as Keras calls them, and what begins the names of their arrays."""
_SAME_SHAPE = re.compile("Activation|Add|Average|Dropout|Maximum|Minimum|Multiply|Softmax|Subtract")


def describe_layers(network: Json, weights: Mapping[str, list[NDArray[Any]]]) -> dict[str, Any]:
    """Describe a network layer by layer: the fields of `danq.learn.network.Network`, JSON-like.

    Parameters
    ----------
    network : mapping
        Configuration of a ``.keras`` file, checked by `danq.learn.keras_file.read_network`.
    weights : mapping
        Arrays of its layers, by their names.

    Raises
    ------
    LookupError, TypeError, ValueError
        If it is no network of layers with one output, which `describe_unknown` describes.
    """
    if network["class_name"] != "Functional":
        raise ValueError(f"expected a functional network, received {network['class_name']}")
    content = network["config"]
    layers: dict[str, Any] = {layer["config"]["name"]: layer for layer in content["layers"]}
    inputs = dict(_network_inputs(content["input_layers"]))
    names = inputs | _plain_names({name: layer for name, layer in layers.items() if name not in inputs})
    arrays = {
        name: _named_arrays(names[name], layer, weights.get(name, [])) for name, layer in layers.items()
    }
    calls = _sorted(_calls(layers, names, arrays, inputs))
    nodes = [layer["inbound_nodes"] for layer in content["layers"]]
    _set_outputs(calls, dict(_tensors(nodes, names)))
    return {
        "inputs": [_input(name, layers[key]["config"]) for key, name in inputs.items()],
        "layers": calls,
        "output": _reference(content["output_layers"], names),
        "weights": _listed(arrays),
    }


def describe_unknown(network: Json, weights: Mapping[str, list[NDArray[Any]]]) -> dict[str, Any]:
    """As `describe_layers`, of a network that is none of layers: one layer of which nothing is claimed."""
    arrays = {
        name: {f"{name}/{number}": array for number, array in enumerate(of_layer)}
        for name, of_layer in weights.items()
    }
    whole = {
        "name": "network",
        "kind": f"unknown layer {network['class_name']}",
        "options": {},
        "inputs": [],
        "named_inputs": {},
        "weights": [name for of_layer in arrays.values() for name in of_layer],
        "outputs": [None],
    }
    output = {"layer": "network", "output": 0}
    return {"inputs": [], "layers": [whole], "output": output, "weights": _listed(arrays)}


def _listed(arrays: Mapping[str, Mapping[str, NDArray[Any]]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}
        for of_layer in arrays.values()
        for name, array in of_layer.items()
    ]


def _network_inputs(value: Any) -> Iterator[tuple[str, str]]:
    """Each input's layer, and the name it is given by."""
    if isinstance(value, dict):
        for name, (layer, _, _) in value.items():
            yield layer, name
    elif value and isinstance(value[0], str):
        yield value[0], value[0]
    else:
        for layer, _, _ in value:
            yield layer, layer


def _input(name: str, options: Json) -> dict[str, Any]:
    return {"name": name, "shape": options["batch_shape"], "dtype": _plain(options["dtype"], {})}


def _plain_names(layers: Mapping[str, Json]) -> dict[str, str]:
    """Names as they are, but of operations: Keras numbers those through a process, here each network does."""
    operations = {name: layer for name, layer in layers.items() if _is_operation(layer)}
    names = {name: name for name in layers if name not in operations}
    for name, layer in operations.items():
        kind = snake_case(layer["class_name"])
        number, taken = 0, set(names.values())
        while (plain := f"{kind}_{number}" if number else kind) in taken:
            number += 1
        names[name] = plain
    return names


def _is_operation(layer: Json) -> bool:
    return str(layer["module"]).startswith("keras.src.ops.")


def _kind(layer: Json) -> str:
    """Kind of a layer; unknown ones, and those whose masks reach other layers without a word, say so."""
    kind = layer["class_name"]
    for value in objects(layer):
        module, name, options = value.get("module"), value["class_name"], value.get("config")
        model = name in ("Functional", "Sequential")
        masks = name == "Masking" or (isinstance(options, dict) and options.get("mask_zero"))
        if model or masks or (module is not None and not is_known(module, name)):
            return f"unknown layer {kind}" + (" with implicit masks" if masks else "")
    return f"ops.{kind}" if _is_operation(layer) else str(kind)


def _calls(
    layers: Mapping[str, Json],
    names: Mapping[str, str],
    arrays: Mapping[str, Json],
    inputs: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    """Each use of each layer."""
    for name, layer in layers.items():
        if name in inputs:
            continue
        kind = _kind(layer)
        options = {} if kind.startswith("unknown") else _options(layer)
        for number, node in enumerate(layer["inbound_nodes"]):
            training = bool(node["kwargs"].get("training"))  # always, as a dropout that is never off
            named = {key: _plain(value, names) for key, value in node["kwargs"].items() if key != "training"}
            yield {
                "name": _call_name(names[name], number),
                "kind": f"unknown layer {kind} in training" if training else kind,
                "options": {} if training else options,
                "inputs": [_plain(value, names) for value in node["args"]],
                "named_inputs": {key: value for key, value in named.items() if value is not None},
                "weights": list(arrays[name]),
            }


def _call_name(name: str, number: int) -> str:
    return f"{name}@{number + 1}" if number else name


def _options(layer: Json) -> dict[str, Any]:
    inside = _INSIDE.get(layer["class_name"], {})
    return {
        inside.get(key) or key: _plain(value, {})
        for key, value in layer["config"].items()
        if not _NO_ARITHMETIC.fullmatch(key)
    }


def _plain(value: Any, names: Mapping[str, str]) -> Any:
    """Turn a value of a configuration into plain JSON; tensors are references to the calls that make them."""
    if isinstance(value, list):
        return [_plain(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    kind: Any = value.get("class_name")
    options: Any = value.get("config")
    if kind is None:
        return {key: _plain(item, names) for key, item in value.items()}
    if kind == "__keras_tensor__":
        return _reference(options["keras_history"], names)
    if kind == "__slice__":
        return {"slice": [options["start"], options["stop"], options["step"]]}
    if kind == "__ellipsis__":
        return {"slice": "..."}
    if kind in ("__numpy__", "__tensor__"):
        return {"array": options["value"], "dtype": options["dtype"]}
    if kind == "DTypePolicy":
        return options["name"]
    return {"kind": kind, "options": _options(value)} if isinstance(options, dict) else {"kind": kind}


def _reference(history: Any, names: Mapping[str, str]) -> dict[str, Any]:
    layer, node, output = history
    return {"layer": _call_name(names[layer], node), "output": output}


def references(value: Any) -> Iterator[dict[str, Any]]:
    """Every reference within the inputs of a call."""
    if isinstance(value, dict) and "layer" in value:
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from references(item)


def _sorted(calls: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put calls in topological order, as near to Keras's as it goes."""
    waiting = {call["name"]: call for call in calls}
    ordered: list[dict[str, Any]] = []
    while waiting:
        needed = {
            name: {each["layer"] for each in references([call["inputs"], call["named_inputs"]])}
            for name, call in waiting.items()
        }
        ready = [name for name, layers in needed.items() if not layers & waiting.keys()]
        if not ready:
            raise ValueError("layers wait for each other")
        ordered += [waiting.pop(name) for name in ready]
    return ordered


def _tensors(value: Any, names: Mapping[str, str]) -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
    """Shape and dtype of each tensor that something reads."""
    for each in objects(value):
        if each["class_name"] == "__keras_tensor__":
            tensor = each["config"]
            made = _reference(tensor["keras_history"], names)
            yield (made["layer"], made["output"]), {"shape": tensor["shape"], "dtype": tensor["dtype"]}


def _set_outputs(calls: list[dict[str, Any]], tensors: Tensors) -> None:
    """Note what each call gives; of one that nobody reads, if its kind tells."""
    for call in calls:
        places = [place for name, place in tensors if name == call["name"]]
        if not places:
            tensors[call["name"], 0] = _unread(call, tensors)
        call["outputs"] = [tensors.get((call["name"], place)) for place in range(max(places, default=0) + 1)]


def _unread(call: Json, tensors: Tensors) -> dict[str, Any] | None:
    sources = [tensors.get((each["layer"], each["output"])) for each in references(call["inputs"])]
    read = sources[0] if sources else None
    if read is None:
        return None
    kind, options, shape = call["kind"], call["options"], read["shape"]
    dtype = str(options.get("dtype", read["dtype"])).removeprefix("mixed_")
    if kind == "Dense":
        return {"shape": [*shape[:-1], options["units"]], "dtype": dtype}
    if re.fullmatch(r"Global(Average|Max)Pooling\dD", kind) and not options["keepdims"]:
        return {"shape": [shape[0], shape[-1]], "dtype": dtype}
    return {"shape": shape, "dtype": dtype} if _SAME_SHAPE.fullmatch(kind) else None


def _named_arrays(name: str, layer: Json, arrays: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Arrays of a layer by their names in ``weights.safetensors``."""
    known = list(_array_names(layer))
    ends = known if len(known) == len(arrays) else [str(number) for number in range(len(arrays))]
    return {f"{name}/{end}": array for end, array in zip(ends, arrays, strict=True)}


def _array_names(layer: Json) -> Iterator[str]:
    kind, options = layer["class_name"], layer["config"]
    for key, prefix in _INSIDE.get(kind, {}).items():
        for name in _array_names(options[key]):
            yield f"{prefix}/{name}".lstrip("/")
    if kind not in _INSIDE:
        for name in _ARRAYS.get(kind, "kernel bias").split():
            if options.get(_SWITCHES.get(name, ""), True) is not False:
                yield name


def snake_case(name: str) -> str:
    """Spell the name of a class as Keras begins the names of its layers."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
