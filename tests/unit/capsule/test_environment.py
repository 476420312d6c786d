"""Libraries with their versions and digests, and danq's own wheel."""

import json
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from danq.capsule import environment
from danq.capsule.environment import hashed, libraries, refuse_without_digests, requirements_text
from danq.errors import DanqError


def wheel_that_needs(path: Path, *requirements: str) -> Path:
    lines = [
        "Metadata-Version: 2.1",
        "Name: danq",
        "Version: 1",
        *(f"Requires-Dist: {r}" for r in requirements),
    ]
    with zipfile.ZipFile(path / "danq-1-py3-none-any.whl", "w") as archive:
        archive.writestr("danq-1.dist-info/METADATA", "\n".join(lines))
    return path / "danq-1-py3-none-any.whl"


def test_libraries_are_those_that_are_needed_and_what_those_need(tmp_path):
    wheel = wheel_that_needs(tmp_path, "rich>=1", "pytest; extra == 'dev'", "absent; sys_platform == 'win32'")
    versions = libraries(wheel)
    assert {"rich", "Pygments", "markdown-it-py", "mdurl"} <= {
        name if name != "pygments" else "Pygments" for name in versions
    }
    assert versions["rich"] == metadata.version("rich")
    assert "pytest" not in versions
    assert list(versions) == sorted(versions, key=str.lower)
    with pytest.raises(DanqError, match="expected no-such-library, which danq needs"):
        libraries(wheel_that_needs(tmp_path, "no-such-library"))


def test_what_is_no_wheel_of_danq_is_refused(tmp_path):
    (tmp_path / "text.whl").write_text("text")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other-1.dist-info/METADATA", "Name: other")
    for name in ("text.whl", "other.whl"):
        with pytest.raises(DanqError, match=f"{name}: expected a wheel of danq"):
            libraries(tmp_path / name)
    with pytest.raises(DanqError, match="no such file"):
        libraries(tmp_path / "none.whl")


def test_digests_come_from_lists_where_the_versions_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "_LOCK", tmp_path / "none")
    asked = []
    monkeypatch.setattr(environment, "_asked", lambda versions: asked.append(versions) or {})
    (tmp_path / "list").write_text(
        f"# a comment\nRich==1.0 --hash=sha256:{'a' * 64}\nmdurl==2.0 \\\n"
        f"    --hash=sha256:{'b' * 64} \\\n    --hash=sha256:{'c' * 64}\nother==3\n"
    )
    versions = {"rich": "1.0", "mdurl": "2.0", "numpy": "9.0"}
    (tmp_path / "pins").write_text("rich==1.0\n")
    digests = hashed(versions, [tmp_path / "pins", tmp_path / "list"])
    assert digests == {"rich": [f"sha256:{'a' * 64}"], "mdurl": [f"sha256:{x * 64}" for x in "bc"]}
    assert asked == [{"numpy": "9.0"}]
    text = requirements_text(versions, digests)
    assert f"rich==1.0 --hash=sha256:{'a' * 64}\n" in text
    assert text.endswith("numpy==9.0\n")
    with pytest.raises(DanqError, match="no digest of the archive of numpy"):
        refuse_without_digests(name for name in versions if name not in digests)


def test_an_index_that_cannot_be_reached_gives_no_digests_at_once(monkeypatch, caplog):
    for name, value in (
        ("INDEX_URL", "http://127.0.0.1:9/simple"),
        ("EXTRA_INDEX_URL", ""),
        ("CONFIG_FILE", "/dev/null"),
    ):
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    assert environment._asked({"numpy": "9.0", "rich": "1.0"}) == {}
    assert "pip gives no digests of libraries" in caplog.text


def test_a_library_that_the_index_lacks_does_not_cost_the_others_theirs(monkeypatch):
    asked = []

    def pip(*arguments):
        asked.append(arguments[-1])
        if "mine==1.0" in arguments:
            return "", "ERROR: No matching distribution found for mine==1.0"
        archive = {"archive_info": {"hashes": {"sha256": "a" * 64}}}
        return json.dumps({"install": [{"metadata": {"name": "rich"}, "download_info": archive}]}), ""

    monkeypatch.setattr(environment, "_pip", pip)
    assert environment._asked({"Rich": "1.0", "mine": "1.0"}) == {"Rich": [f"sha256:{'a' * 64}"]}
    assert asked == ["mine==1.0", "Rich==1.0"]
    assert environment._asked({"mine": "1.0"}) == {}


def test_the_lock_of_a_checkout_knows_all_that_is_installed(repository, monkeypatch):
    here = (environment.sys.version_info[:2], environment.sys.platform, environment.platform.machine())
    if here != environment._LOCKED_FOR:
        pytest.skip("the lock is for another Python, system or processor")
    monkeypatch.setattr(environment, "_asked", lambda versions: {})
    pins = [line for line in (repository / "constraints.txt").read_text().splitlines() if "==" in line]
    versions = dict(line.split("==") for line in pins if line.startswith(("numpy", "keras", "tensorflow")))
    assert set(hashed(versions, [])) == set(versions)


def test_an_installed_danq_is_packed_as_the_wheel_that_it_came_from(tmp_path, monkeypatch):
    site = tmp_path / "site"
    (site / "danq").mkdir(parents=True)
    (site / "danq-1.0.dist-info").mkdir()
    (site / "danq" / "__init__.py").write_text("x = 1\n")
    information = site / "danq-1.0.dist-info"
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: danq\nVersion: 1.0\n")
    (information / "WHEEL").write_text("Wheel-Version: 1.0\nTag: py3-none-any\n")
    (information / "direct_url.json").write_text('{"url": "file:///home/ada/danq"}')
    names = [
        "danq/__init__.py",
        *(f"danq-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "direct_url.json")),
    ]
    (information / "RECORD").write_text("".join(f"{name},,\n" for name in [*names, "../../../bin/danq"]))
    monkeypatch.setattr(
        environment.metadata, "distribution", lambda name: metadata.PathDistribution(information)
    )
    wheels = [environment._packed(tmp_path), None]
    first = wheels[0].read_bytes()
    assert environment._packed(tmp_path).read_bytes() == first
    with zipfile.ZipFile(wheels[0]) as archive:
        assert sorted(archive.namelist()) == sorted([*names[:3], "danq-1.0.dist-info/RECORD"])
        record = archive.read("danq-1.0.dist-info/RECORD").decode().splitlines()
    assert record[-1] == "danq-1.0.dist-info/RECORD,,"
    assert record[0].startswith("danq-1.0.dist-info/METADATA,sha256=")
