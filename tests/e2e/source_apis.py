"""GuardDuty and Inspector on loopback, as the reconcile asks them: routes of botocore's models, our findings.

Each operation answers in the form of its model's JSON. What is asked in another way than the handlers below
understand is an error of the test, answered as a 400 that names it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from botocore.loaders import Loader
from botocore.model import ServiceModel

from tests.e2e.emulator import ACCOUNT

DETECTOR: Final = "e" * 32
Answer = dict[str, Any]
Finding = dict[str, Any]


class SourceApis:
    """A context manager. `guardduty` and `inspector` are what the sources hold, as their APIs write it."""

    def __init__(self) -> None:
        self.guardduty: list[Finding] = []
        self.inspector: list[Finding] = []
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def variables(self) -> dict[str, str]:
        """The variables that lead boto3 here.

        https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
        """
        url = f"http://127.0.0.1:{self._server.server_port}"
        return {f"AWS_ENDPOINT_URL_{each}": url for each in ("GUARDDUTY", "INSPECTOR2")}

    def answer(self, method: str, path: str, body: Mapping[str, Any]) -> Answer:
        """Answer one request; LookupError if no operation of a model is behind it, or none that is known."""
        operation = self._operation(method, path)
        self.asked.append(operation)
        answers: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "guardduty:ListDetectors": lambda _: {"detectorIds": [DETECTOR]},
            "guardduty:GetDetector": lambda _: {"status": "ENABLED", "serviceRole": "arn:aws:iam::0:role/x"},
            "guardduty:ListMembers": lambda _: {"members": []},
            "guardduty:ListFindings": self._listed_by_guardduty,
            "guardduty:GetFindings": self._told_by_guardduty,
            "inspector2:BatchGetAccountStatus": _status_of_inspector,
            "inspector2:GetDelegatedAdminAccount": lambda _: {},
            "inspector2:ListMembers": lambda _: {"members": []},
            "inspector2:ListFindings": self._told_by_inspector,
        }
        return answers[operation](body)

    def _operation(self, method: str, path: str) -> str:
        for name, verb, route in self._routes:
            if verb == method and route.fullmatch(path):
                return name
        raise LookupError(f"{method} {path} is no operation of GuardDuty or Inspector")

    @cached_property
    def _routes(self) -> list[tuple[str, str, re.Pattern[str]]]:
        found = []
        for service in ("guardduty", "inspector2"):
            model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
            for name in model.operation_names:
                http = model.operation_model(name).http
                route = re.sub(r"\{[^}]+\}", "[^/]+", http["requestUri"].partition("?")[0])
                found.append((f"{service}:{name}", http["method"], re.compile(route)))
        return found

    def _listed_by_guardduty(self, body: Mapping[str, Any]) -> Answer:
        criteria = body.get("findingCriteria", {}).get("criterion", {})
        found = [each["id"] for each in self.guardduty if all(_fits(each, *one) for one in criteria.items())]
        return {"findingIds": found, "nextToken": ""}

    def _told_by_guardduty(self, body: Mapping[str, Any]) -> Answer:
        return {"findings": [each for each in self.guardduty if each["id"] in body["findingIds"]]}

    def _told_by_inspector(self, body: Mapping[str, Any]) -> Answer:
        filters = body.get("filterCriteria", {})
        return {
            "findings": [each for each in self.inspector if all(_has(each, *one) for one in filters.items())]
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        apis = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._reply({})

            def do_POST(self) -> None:
                self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}"))

            def _reply(self, body: Mapping[str, Any]) -> None:
                status = 200
                try:
                    answer = apis.answer(self.command, unquote(urlsplit(self.path).path), body)
                except LookupError as error:
                    status, answer = 400, {"__type": "BadRequestException", "message": repr(error)}
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
                """Say nothing: the terminal is the tests'."""

        return Handler


def _fits(finding: Finding, name: str, condition: Mapping[str, Any]) -> bool:
    """Tell whether a finding of GuardDuty fulfils one criterion."""
    value: Any = finding
    for part in name.split("."):
        value = value[part]
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    ((operator, wanted),) = condition.items()
    return {"eq": text in wanted, "equals": text in wanted, "neq": text not in wanted}[operator]


def _has(finding: Finding, name: str, filters: list[Mapping[str, str]]) -> bool:
    """Tell whether a finding of Inspector passes one of the filters of one name."""
    value = finding[{"findingStatus": "status"}.get(name, name)]
    return any({"EQUALS": value == each["value"]}[each["comparison"]] for each in filters)


def _status_of_inspector(body: Mapping[str, Any]) -> Answer:
    state = {"status": "ENABLED", "errorCode": "", "errorMessage": ""}
    resources = {"ec2": state, "ecr": state, "lambda": state, "lambdaCode": state}
    accounts = body.get("accountIds") or [ACCOUNT]
    told = [{"accountId": each, "state": state, "resourceState": resources} for each in accounts]
    return {"accounts": told, "failedAccounts": []}
