"""The parts of Kubernetes' and AWS Batch's interfaces that executors call; pods are processes here.

A stand-in: each pod's command runs at once in an empty directory of its own, as in a container; what it asked
for is noted.
"""

import json
import re
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

_JOBS = r"/apis/batch/v1/namespaces/\w+/jobs"
_PODS = r"/api/v1/namespaces/\w+/pods"


@dataclass
class Pods:
    """Pods by name: what was asked for and the process; `environment` is that of the image."""

    directory: Path
    environment: dict[str, str]
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, asked: dict[str, Any], command: list[str]) -> None:
        where = self.directory / name
        where.mkdir(parents=True)
        with (self.directory / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=where, env=self.environment, stdout=log, stderr=log)
        self.asked[name], self.processes[name] = asked, process

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()


class Cloud:
    """A server for one test; `url` is where it answers."""

    def __init__(self, pods: Pods) -> None:
        handler = type("Handler", (_Handler,), {"pods": pods})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.pods, self.url = pods, f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Cloud":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        for process in self.pods.processes.values():
            process.kill()
            process.wait()


class _Handler(BaseHTTPRequestHandler):
    pods: Pods

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if match := re.fullmatch(f"{_JOBS}/([^/]+)/status", url.path):
            status = self.pods.processes[match[1]].poll()
            counted = {None: "active", 0: "succeeded"}.get(status, "failed")
            self._answer({"metadata": {"name": match[1]}, "status": {counted: 1}})
        elif re.fullmatch(_PODS, url.path):
            name = parse_qs(url.query)["labelSelector"][0].removeprefix("job-name=")
            self._answer({"items": [self._pod(name)] if name in self.pods.processes else []})
        elif re.fullmatch(f"{_PODS}/([^/]+)/log", url.path):
            # as Kubernetes says of a container that was never started again
            self._answer({"message": "previous terminated container not found"}, 400)
        else:
            self._answer({"message": "not found"}, 404)

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if re.fullmatch(_JOBS, url.path):
            (container,) = body["spec"]["template"]["spec"]["containers"]
            self.pods.start(body["metadata"]["name"], body, container["command"] + container["args"])
            self._answer(body, 201)
        elif url.path.startswith("/v1/"):
            self._answer(self._batch(url.path.removeprefix("/v1/"), body))
        else:
            self._answer(body, 201)

    def do_DELETE(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer({})

    def _pod(self, name: str) -> dict[str, Any]:
        status = self.pods.processes[name].poll()
        state = {"running": {}} if status is None else {"terminated": {"exitCode": status}}
        container = {"name": "snakemake", "image": "", "imageID": "", "ready": True, "restartCount": 0}
        return {
            "metadata": {"name": f"{name}-pod"},
            "spec": {"containers": [{"name": "snakemake"}]},
            "status": {"containerStatuses": [container | {"state": state}]},
        }

    def _batch(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        pods = self.pods
        if call == "registerjobdefinition":
            pods.asked[body["jobDefinitionName"]] = body
            return {"jobDefinitionName": body["jobDefinitionName"], "revision": 1, "jobDefinitionArn": "arn"}
        if call == "submitjob":
            definition = pods.asked.pop(body["jobDefinition"].partition(":")[0])
            command = definition["containerProperties"]["command"]
            pods.start(body["jobName"], definition | {"jobQueue": body["jobQueue"]}, command)
            return {"jobName": body["jobName"], "jobId": body["jobName"]}
        if call == "describejobs":
            return {"jobs": [self._described(name) for name in body["jobs"]]}
        return {}

    def _described(self, name: str) -> dict[str, Any]:
        status = self.pods.processes[name].poll()
        state = {None: "RUNNING", 0: "SUCCEEDED"}.get(status, "FAILED")
        shared = {"jobId": name, "jobName": name, "jobQueue": "queue", "startedAt": 0, "status": state}
        reason = {"statusReason": "Essential container in task exited"} if state == "FAILED" else {}
        return shared | reason | {"container": {} if status is None else {"exitCode": status}}

    def _answer(self, body: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
