"""The description of a capsule as an RO-Crate, which repositories and catalogues read.

RO-Crate 1.1 (Soiland-Reyes et al. 2022, *Data Science* 5:97, doi 10.3233/DS-210053) by the profile Workflow
Run Crate 0.5 (Leo et al. 2024, *PLOS ONE* 19:e0309210, doi 10.1371/journal.pone.0309210).
"""

import mimetypes
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from danq.capsule.manifest import CONFIG_FILE, CRATE_FILE, INPUTS, RESULTS, WORKFLOW, CapsuleManifest, Stored

_CRATE = "https://w3id.org/ro/crate/1.1"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
_SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
_MAIN = f"{WORKFLOW}/Snakefile"
_FORMATS = {".tsv": "text/tab-separated-values", ".parquet": "application/vnd.apache.parquet"}
_FORMATS |= {".md": "text/markdown", ".smk": "text/plain", ".yaml": "text/yaml"}
_FORMATS |= {".npz": "application/zip", ".keras": "application/zip", ".whl": "application/zip"}


def crate(capsule: CapsuleManifest, sizes: Mapping[str, int], license: str | None) -> dict[str, Any]:
    """Describe a capsule's files, the workflow, and its run as JSON-LD.

    Parameters
    ----------
    sizes : dict of str to int
        Bytes of every file of the capsule but this description, by name.
    license : str or None
        Of the capsule: an address or a text.
    """
    inputs = [_address(each, INPUTS, "#input") for each in capsule.inputs]
    results = [_address(each, RESULTS, "#result") for each in capsule.results]
    described = {
        **dict(zip(inputs, capsule.inputs, strict=True)),
        **dict(zip(results, capsule.results, strict=True)),
    }
    elsewhere = [
        {"@id": name, "@type": "CreativeWork", "name": each.name, "sha256": each.sha256, **_size(each.size)}
        for name, each in described.items()
        if not each.kept
    ]
    return {
        "@context": [f"{_CRATE}/context", "https://w3id.org/ro/terms/workflow-run/context"],
        "@graph": [
            _descriptor(),
            _root(capsule, sizes, [each["@id"] for each in elsewhere], license),
            *(_profile(address, *name) for address, name in _PROFILES.items()),
            _profile(_BIOSCHEMAS, "Bioschemas ComputationalWorkflow", "1.0-RELEASE"),
            *(_file(name, size, capsule) for name, size in sizes.items() if name != _MAIN),
            {"@id": CapsuleManifest.FILE, "@type": "File", "encodingFormat": "application/json"}
            | {"name": "Inputs, results, versions, and the SHA-256 of every other file"},
            _workflow(capsule, sizes[_MAIN]),
            {
                "@id": _SNAKEMAKE,
                "@type": "ComputerLanguage",
                "name": "Snakemake",
                **_version(capsule, "snakemake"),
            },
            {"@id": "#danq", "@type": "SoftwareApplication", "name": "danq", "softwareVersion": capsule.danq},
            _run(capsule, [*inputs, CONFIG_FILE], results),
            *elsewhere,
            *_licence(license),
        ],
    }


def _address(file: Stored, kept: str, elsewhere: str) -> str:
    return f"{kept if file.kept else elsewhere}/{quote(file.name)}"


def _descriptor() -> dict[str, Any]:
    return {
        "@id": CRATE_FILE,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": [
            {"@id": _CRATE},
            {"@id": "https://w3id.org/workflowhub/workflow-ro-crate/1.0"},
        ],
    }


def _version(capsule: CapsuleManifest, name: str) -> dict[str, str]:
    return {"version": capsule.versions[name]} if name in capsule.versions else {}


def _root(
    capsule: CapsuleManifest, sizes: Mapping[str, int], more: list[str], license: str | None
) -> dict[str, Any]:
    entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": "A run of the danq workflow",
        "description": "Configuration, digests of inputs, versions and results of a run of the danq "
        "workflow, from which `danq replay` runs it again and compares what comes out.",
        "datePublished": capsule.created,
        "license": license or "No licence is given",
        "conformsTo": [{"@id": address} for address in _PROFILES],
        "mainEntity": {"@id": _MAIN},
        "mentions": {"@id": "#run"},
        "hasPart": [{"@id": name} for name in (*map(quote, sizes), CapsuleManifest.FILE, *more)],
    }
    if license and "://" in license:
        entity["license"] = {"@id": license}
    return entity


def _licence(license: str | None) -> list[dict[str, str]]:
    """Describe the licence that an address leads to."""
    return (
        [{"@id": license, "@type": "CreativeWork", "name": license}] if license and "://" in license else []
    )


def _profile(address: str, name: str, version: str) -> dict[str, str]:
    return {"@id": address, "@type": "CreativeWork", "name": name, "version": version}


def _size(size: int) -> dict[str, str]:
    return {"contentSize": str(size)}


def _file(name: str, size: int, capsule: CapsuleManifest) -> dict[str, Any]:
    suffix = name[name.rfind(".") :]
    kind = _FORMATS.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    entity = {
        "@id": quote(name),
        "@type": "File",
        "name": name.rsplit("/", 1)[-1],
        "encodingFormat": kind,
        **_size(size),
    }
    about = {"about": {"@id": "./"}} if name == "README.md" else {}
    return entity | about | ({"sha256": capsule.files[name]} if name in capsule.files else {})


def _workflow(capsule: CapsuleManifest, size: int) -> dict[str, Any]:
    return {
        "@id": _MAIN,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "danq: from a genome and labelled regions to a trained network and its report",
        "programmingLanguage": {"@id": _SNAKEMAKE},
        "conformsTo": {"@id": _BIOSCHEMAS},
        "softwareRequirements": {"@id": "#danq"},
        "encodingFormat": "text/plain",
        "version": capsule.danq,
        "sha256": capsule.files[_MAIN],
        **_size(size),
    }


def _run(capsule: CapsuleManifest, inputs: list[str], results: list[str]) -> dict[str, Any]:
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": "The run of the workflow that was frozen",
        "instrument": {"@id": _MAIN},
        "description": "Genomes, datasets, trained runs, their evaluation, scores of variants and the report",
        "endTime": capsule.ended,
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "object": [{"@id": name} for name in inputs],
        "result": [{"@id": name} for name in results],
    }
