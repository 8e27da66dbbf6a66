"""Python's `websockets` as a peer; program.ts says what a peer does. A server for the argument `server`, otherwise a
client. A second argument says how it compresses; without it, it does as `websockets` does by itself. For release 10, which is Debian 12's, and for the asyncio implementation that came with release 13.
"""

import asyncio
import contextlib
import http
import json
import sys

from websockets.exceptions import ConnectionClosed
from websockets.extensions import permessage_deflate

try:
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve

    LEGACY = False
except ImportError:
    from websockets import connect, serve

    LEGACY = True

PREFIX = "peer:"
COMMON = {"max_size": 64 * 1024 * 1024, "ping_interval": None}


NO_TAKEOVER = {"server_no_context_takeover": True, "client_no_context_takeover": True}
WINDOWS = {"server_max_window_bits": 10, "client_max_window_bits": 9}
COMPRESSION = {"usual": {}, "afresh": NO_TAKEOVER, "narrow": WINDOWS}


def extensions():
    if len(sys.argv) < 3:
        return {}
    wanted = COMPRESSION[sys.argv[2]]
    if sys.argv[1] == "server":
        factory = permessage_deflate.ServerPerMessageDeflateFactory(**wanted)
    else:
        factory = permessage_deflate.ClientPerMessageDeflateFactory(**{"client_max_window_bits": True, **wanted})
    return {"extensions": [factory], "compression": None}


def report(**what):
    print(json.dumps(what), flush=True)


async def obey(socket, command):
    if command["do"] == "close":
        await socket.close(command.get("code", 1000), command.get("reason", ""))
    elif command["do"] == "ping":
        await ping(socket, command["payload"])
    else:
        await socket.send(parts_of(socket, command))


async def ping(socket, payload):
    await (await socket.ping(payload))
    report(event="pong", payload=payload)


async def parts_of(socket, command):
    for index, part in enumerate(command["parts"]):
        if index > 0:
            await ping(socket, f"before part {index}")
        yield part if command["type"] == "text" else part.encode()


async def attend(socket):
    with contextlib.suppress(ConnectionClosed):
        async for message in socket:
            if isinstance(message, str) and message.startswith(PREFIX):
                await obey(socket, json.loads(message[len(PREFIX) :]))
            else:
                await socket.send(message)
    await socket.wait_closed()
    report(event="close", code=socket.close_code, reason=socket.close_reason)


async def accepted(socket, *_):
    request = socket.request_headers if LEGACY else socket.request.headers
    response = socket.response_headers if LEGACY else socket.response.headers
    path = socket.path if LEGACY else socket.request.path
    if path == "/greet":
        await socket.send("first")
    report(
        event="open",
        protocol=socket.subprotocol or "",
        extensions=response.get("sec-websocket-extensions", ""),
        header=request.get("x-interop"),
    )
    await attend(socket)


def refuse_legacy(path, _):
    return (http.HTTPStatus.FORBIDDEN, {"x-answer": "no"}, b"Not today") if path == "/refuse" else None


def refuse(connection, request):
    if request.path != "/refuse":
        return None
    response = connection.respond(http.HTTPStatus.FORBIDDEN, "Not today")
    response.headers["x-answer"] = "no"
    return response


def select_subprotocol(*args):
    return "chat.v1" if "chat.v1" in args[0 if LEGACY else 1] else None


async def dial(order):
    headers = {"extra_headers" if LEGACY else "additional_headers": order["headers"]}
    protocols = order["protocols"] or None
    try:
        socket = await connect(order["connect"], subprotocols=protocols, **headers, **extensions(), **COMMON)
    except Exception as error:
        return report(event="refused", message=str(error))
    response = socket.response_headers if LEGACY else socket.response.headers
    report(
        event="open",
        protocol=socket.subprotocol or "",
        extensions=response.get("sec-websocket-extensions", ""),
        answer=response.get("x-answer"),
    )
    await attend(socket)


async def main():
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    if sys.argv[1:2] == ["server"]:
        server = await serve(
            accepted,
            "127.0.0.1",
            0,
            process_request=refuse_legacy if LEGACY else refuse,
            select_subprotocol=select_subprotocol,
            **({"subprotocols": ["chat.v1"]} if LEGACY else {}),
            **extensions(),
            **COMMON,
        )
        report(event="listening", port=next(iter(server.sockets)).getsockname()[1])
        await orders.read()
    else:
        tasks = set()
        async for line in orders:
            tasks.add(asyncio.create_task(dial(json.loads(line))))


if __name__ == "__main__":
    asyncio.run(main())
