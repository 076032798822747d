"""The program that calls a model: a request on standard input, events on standard output.

It runs where an agent's program would, so that network, deadline and stop hold for it as well. It
imports nothing of ours, and the key is in the variable that the request names.
"""

import gc
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

_CONNECT_S = 30.0


def main() -> None:
    """Call once; a failed call is an event, too."""
    gc.disable()  # nothing that imports make is garbage, and this one makes much
    import openai  # noqa: PLC0415 (what it imports first is what its caller has paths for)

    gc.enable()
    request = json.load(sys.stdin)
    begun = ended = False
    try:
        for event in _events(openai, request):
            begun = True
            ended = ended or event["type"] == "end"
            _say(event)
        if not ended:
            _say({"type": "failed", "message": "the stream ended early", "begun": True})
    except openai.APIStatusError as error:
        delay = error.response.headers.get("retry-after")
        _say(_failed(error, status=error.status_code, delay=delay, begun=begun))
    except openai.APIError as error:
        _say(_failed(error, status=_status_in(error.body), begun=begun))


def _events(openai: Any, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What comes of a call, as it comes."""
    variable = request["key_variable"]
    unsigned = {} if variable else {"Authorization": openai.Omit()}
    with openai.OpenAI(
        base_url=request["base_url"],
        api_key=os.environ[variable] if variable else "none",
        max_retries=request["retries"],
        timeout=openai.Timeout(None, connect=_CONNECT_S),
    ) as client:
        chunks = client.chat.completions.create(
            model=request["model"],
            messages=request["messages"],
            stream=True,
            stream_options={"include_usage": True},
            extra_body=request["parameters"],
            extra_headers=unsigned,
        )
        for chunk in chunks:
            yield from _read(chunk)


def _read(chunk: Any) -> Iterator[dict[str, Any]]:
    for choice in chunk.choices or []:
        text = getattr(choice.delta, "content", None)
        # A thought is a sign of life, and no more.
        yield {"type": "text", "text": text} if text else {"type": "thought"}
        if choice.finish_reason:
            yield {"type": "end", "reason": choice.finish_reason}
    if chunk.usage is not None:
        yield {"type": "usage", "usage": chunk.usage.model_dump()}


def _failed(
    error: Any, *, begun: bool, status: int | None = None, delay: str | None = None
) -> dict[str, Any]:
    cause = f" ({error.__cause__})" if error.__cause__ is not None else ""
    code = f" [{error.code}]" if error.code else ""
    words = f"{error.message}{code}{cause}"
    return {"type": "failed", "message": words, "status": status, "delay": delay, "begun": begun}


def _status_in(body: object) -> int | None:
    """The status that an endpoint tells within a stream, where it does."""
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else None


def _say(event: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
