"""A program that serves on a free port of this machine while tests need it: started, awaited, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

STOP_SECONDS: Final = 5.0


class LocalProgramError(RuntimeError):
    """The program cannot run here, or did not start; says what to do, or holds the end of its log."""


class LocalProgram:
    """One process in a folder of its own, with what it prints in a log there; to serve on `port`.

    In a session of its own, which keeps what the terminal says from it, all that it begins ends with it.
    """

    def __init__(self, name: str, folder: Path, *, own_session: bool = False) -> None:
        self.port = _free_port()
        self._name = name
        self._folder = folder
        self._log = folder / f"{name}.log"
        self._own_session = own_session
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        is_ready: Callable[[], bool],
        seconds: float,
    ) -> None:
        """Start it and wait until it is ready; if that fails, it is gone again.

        Of this process's environment it sees PATH alone: whatever begins with AWS_ would mislead it.
        """
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder), **environment},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=self._own_session,
            )
        try:
            self._wait(self._process, is_ready, seconds)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ask it to end, then end it, by its process id; and every process of its own session."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._own_session:
            _end_session(process.pid)

    @property
    def pid(self) -> int:
        """The id of the process, and of its session if that is its own."""
        assert self._process is not None
        return self._process.pid

    def tail(self, lines: int) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def _wait(self, process: subprocess.Popen[bytes], is_ready: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise LocalProgramError(f"{self._name} ended with {process.returncode}:\n{self.tail(60)}")
            if is_ready():
                return
            time.sleep(0.05)
        raise LocalProgramError(f"{self._name} was not ready after {seconds:.0f} s:\n{self.tail(60)}")


def session_members(session: int) -> list[int]:
    """The processes of a session, from /proc; the sixth field of `stat` is the session's id."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            members.append(int(stat.parent.name))
    return members


def _end_session(session: int) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while (members := session_members(session)) and time.monotonic() < deadline:
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
