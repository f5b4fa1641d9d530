"""How far the actions of rules reach: what a deployment lists, and nothing else. In: its configuration,
effects. Out: Reach, and for each effect why it may not go out, if so.

    {"version": 1, "topics": ["arn:aws:sns:eu-west-1:111122223333:security"],
     "queues": ["https://sqs.eu-west-1.amazonaws.com/111122223333/tickets"],
     "hosts": {"api.example.com": {"secrets": ["Token"]}, "hooks.example.com:8443": {}}}

Names are compared as they stand: there are no patterns. A host takes those secrets only that are listed
with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from secgraph.alerts.channels.sealed import begins, names
from secgraph.errors import ChannelError, PackError, SettingsError
from secgraph.rules.effects import Effect
from secgraph.rules.fields import Fields, Json

VERSION: Final = 1
MOST: Final = 500
"""Topics, queues or hosts."""
HTTPS: Final = 443
_HOST: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+(:[0-9]{1,5})?")
_TOPIC: Final = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
_QUEUE: Final = re.compile(r"https?://[^\s/?#@]+/[^\s?#@]+")
_URL: Final = re.compile(r"[!-~]+")
_AUTHORITY: Final = re.compile(r"https://[^/?#]+[/?#]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reach:
    """The topics, queues and hosts that actions may reach. `hosts` maps each, with its port unless that is
    443, to the names of the secret parameters that it may be sent."""

    topics: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    hosts: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))

    def check(self, effect: Effect) -> ChannelError | None:
        """Say why an effect may not go out, with what to do about it; None if it may.

        A URL that begins with a secret has its host only when it is sent: `check_url` is asked then.
        """
        try:
            return self._refused(effect)
        except ChannelError as error:
            return error

    def check_url(self, url: str, secrets: Iterable[str]) -> ChannelError | None:
        """Say why a request that holds these secrets may not go to a URL, which is never quoted."""
        host = host_of(url)
        if host is None:
            return _refusal("the address is not https://HOST/… in plain ASCII without a user name")
        if host not in self.hosts:
            return _unlisted(f"the host {host} is not one that this deployment reaches; list it in `reach`")
        others = sorted(set(secrets) - self.hosts[host])
        if others:
            listed = ", ".join(others)
            return _unlisted(f"the secret {listed} is not one for the host {host}; list it with the host")
        return None

    def _refused(self, effect: Effect) -> ChannelError | None:
        match effect.kind:
            case "sns":
                return self._listed(effect, self.topics, "topic")
            case "sqs":
                return self._listed(effect, self.queues, "queue")
            case "slack" | "webhook":
                return self._request(effect)
            case _:
                return _refusal(f"nothing sends effects of the kind {effect.kind}")

    def _listed(self, effect: Effect, listed: frozenset[str], what: str) -> ChannelError | None:
        if names([effect.target, effect.payload]):
            return _refusal(f"a secret parameter may not go to a {what}")
        if effect.target in listed:
            return None
        target = str(effect.target)[:300]
        return _unlisted(f"the {what} {target} is not one that this deployment reaches; list it in `reach`")

    def _request(self, effect: Effect) -> ChannelError | None:
        needed = names([effect.target, effect.payload])
        if effect.kind == "slack" and names(effect.payload):
            return _refusal("a secret parameter may not go into a message of Slack")
        if effect.kind == "slack" and effect.target is None:  # the deployment's own webhook
            return None
        head = begins(effect.target)
        if not names(effect.target) or _AUTHORITY.match(head):
            return self.check_url(head, needed)
        if any(needed <= allowed for allowed in self.hosts.values()):
            return None
        listed = ", ".join(sorted(needed))
        return _unlisted(
            f"no host in `reach` takes the secret {listed}; list it with the host that it is for"
        )


def host_of(url: str) -> str | None:
    """Give the host of an https URL, in lower case and with its port unless that is 443; None for any
    other."""
    if not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or HTTPS
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or "\\" in url:
        return None
    return parts.hostname if port == HTTPS else f"{parts.hostname}:{port}"


def read(raw: Json, where: str) -> Reach:
    """Read the configuration, `where` naming it for errors. Raises SettingsError with all that is wrong."""
    if not isinstance(raw, dict):
        raise SettingsError(f'{where}: is not an object; write {{"version": {VERSION}, "hosts": {{…}}}}')
    problems: list[PackError] = []
    fields = Fields(raw, where, problems)
    if fields.value("version") != VERSION:
        fields.problem("version", f"is not one that this version reads; write {VERSION}")
    reach = Reach(
        topics=_members(fields, "topics", _TOPIC, "the ARN of an SNS topic"),
        queues=_members(fields, "queues", _QUEUE, "the URL of an SQS queue"),
        hosts=_hosts(fields),
    )
    for name in fields.rest():
        fields.problem(name, "is not known; write version, topics, queues, hosts")
    if problems:
        raise SettingsError("\n".join(str(problem) for problem in problems))
    return reach


def _members(fields: Fields, name: str, form: re.Pattern[str], what: str) -> frozenset[str]:
    found = fields.texts(name, limit=MOST)
    for member in found:
        if not form.fullmatch(member):
            fields.problem(name, f"holds {member[:300]!r}, which is not {what}; there are no patterns")
    return frozenset(found)


def _hosts(fields: Fields) -> Mapping[str, frozenset[str]]:
    listed = fields.object("hosts")
    if listed is None:
        return MappingProxyType({})
    found = {}
    for host in listed.raw:
        if not _HOST.fullmatch(host) or host.endswith(f":{HTTPS}"):
            listed.problem(
                host, "is not the name of a host in lower case, with its port unless that is 443; no patterns"
            )
        entry = listed.object(host)
        found[host] = frozenset(entry.texts("secrets", limit=MOST)) if entry else frozenset()
    return MappingProxyType(found)


def _unlisted(reason: str) -> ChannelError:
    """Refuse what the next deployment may allow: it comes again until it is too old."""
    return ChannelError(reason)


def _refusal(reason: str) -> ChannelError:
    return ChannelError(reason, final=True)
