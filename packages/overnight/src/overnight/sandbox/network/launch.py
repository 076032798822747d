"""How a command is started through the gateway."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

_SOURCES = Path(__file__).parents[3]
# Sources come last on the path, so that nothing beside them can shadow the standard library.
_BOOT = (
    "import sys; sys.path.append(sys.argv[1]);"
    " from overnight.sandbox.network.gateway import main; main()"
)
_USUAL_PROXY_PORT = 3128


def gateway_argv(python: Path, *, socket: Path, forward_ports: Sequence[int]) -> tuple[str, ...]:
    """What stands before a command in a sandbox so that it finds the proxy.

    Args:
        python: An interpreter that the sandbox can see, 3.11 or later.
        socket: The proxy's socket file, where the sandbox sees it.
        forward_ports: Ports of the harness's loopback that are found on the sandbox's own.
    """
    port = next(port for port in count(_USUAL_PROXY_PORT) if port not in forward_ports)
    forwarded = ",".join(map(str, forward_ports))
    return (str(python), "-ISuc", _BOOT, str(_SOURCES), str(socket), str(port), forwarded)
