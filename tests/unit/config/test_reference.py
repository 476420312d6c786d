"""The JSON schema and the page of keys are those of the typed models."""

import json
from pathlib import Path

import jsonschema
import yaml

from danq.config import parse_config
from danq.config.reference import json_schema, reference
from danq.models import MODELS
from tests.unit.config.good_config import GOOD, changed
from tests.unit.config.test_config import REFUSED


def test_the_schema_in_the_repository_is_that_of_the_models(repository: Path):
    path = repository / "workflow" / "schemas" / "config.schema.json"
    assert json.loads(path.read_text()) == json_schema(), f"run: danq config schema --out {path}"


def test_the_schema_is_closed_everywhere():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    sections = {"file": schema} | schema["$defs"]
    assert {f"{name}_options" for name in MODELS} <= set(sections)
    assert [n for n, s in sections.items() if s.get("additionalProperties") is not False] == []
    undescribed = [
        f"{n}.{key}"
        for n, s in sections.items()
        for key, v in s["properties"].items()
        if "description" not in v
    ]
    assert undescribed == []


# names that lead nowhere and relations between keys: only the typed models can tell
BEYOND_A_SCHEMA = {
    ("runs/small/model", "my_model.py"),
    ("runs/small/dataset", "mark"),
    ("runs/small/train/init_from", "small"),
    ("runs/small/train/init_from", "other"),
    ("datasets/marks/genome", "fly"),
    ("datasets/marks/bin", "2000"),
    ("datasets/marks/examples", "a.fa"),
    ("datasets/fish", "{'targets': 't.tsv', 'genome': 'no'}"),
    ("callsets/demo", "{'vcf': 'v.vcf', 'runs': ['small', 'big']}"),
    ("callsets/demo", "{'vcf': 'v.vcf', 'runs': ['small'], 'genome': 'fly'}"),
    ("callsets/demo", "{'vcf': 'v.vcf', 'runs': ['small'], 'truth_group': 'GENE'}"),
    ("callsets/demo", "{'vcf': 'v.vcf', 'runs': ['small'], 'unphased': 'alone'}"),
}


def test_schema_and_models_agree():
    validator = jsonschema.Draft202012Validator(json_schema())
    assert validator.is_valid(GOOD)
    for path, value, _ in REFUSED:
        beyond = (path, str(value)) in BEYOND_A_SCHEMA
        assert validator.is_valid(changed(path, value)) == beyond, path


def test_the_readme_explains_every_key(repository: Path):
    text = (repository / "config" / "README.md").read_text()
    again = "sed -i '/^### The file/,$d' config/README.md && danq config keys >> config/README.md"
    assert text.endswith(reference()), f"run: {again}"
    example = text.split("```yaml")[1].split("```")[0]
    parse_config(yaml.safe_load(example), "config/README.md")
