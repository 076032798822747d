"""Network allow-lists for sandboxes whose own network is nothing but a loopback.

::

    command ──TCP──► gateway ──socket file──► proxy ──► the hosts on the list
              in the sandbox               in the harness
"""
