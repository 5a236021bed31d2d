"""What a child gives up before it touches the first byte of anybody's image."""

from __future__ import annotations

import os
import signal
import sys
import time

from halve.codec import landlock
from halve.codec.limits import CodecLimits

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def enter(limits: CodecLimits, parent: int) -> None:
    """Limit this process for good. `parent` is the process id of who started it; without that parent it does not live on.

    It writes no file and leaves no core, opens few files, takes no more address space than it is given, and reads nothing but
    code and libraries. Signals meant for the parent (Ctrl-C, a service manager's stop) do not reach it: the parent says when
    it is over.
    """
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    _limit("RLIMIT_AS", limits.memory_bytes)
    _limit("RLIMIT_FSIZE", 0)
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_NOFILE", 64)
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        landlock.restrict((*sys.path, sys.prefix, sys.base_prefix))
    if os.getppid() != parent:  # it died before we could ask to be told
        sys.exit(0)


def allow_cpu(seconds: int) -> None:
    """From now on, `seconds` more of computing; beyond them SIGXCPU ends the process. Less where there is a limit for all of it."""
    import resource

    most = int(time.process_time()) + 1 + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _limit(name: str, most: int) -> None:
    import resource

    which = getattr(resource, name, None)
    if which is None:
        return
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    try:
        resource.setrlimit(which, (most, most))
    except (ValueError, OSError):
        if sys.platform == "linux":  # elsewhere the address space cannot always be limited
            raise


def _prctl(option: int, value: int) -> None:
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
