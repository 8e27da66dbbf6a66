"""A client of WebSockets over HTTP/2 (RFC 8441), made of Python's `h2`, which speaks HTTP/2, and of the frames of
`websockets`; program.ts says what a peer does. The argument is a file with the authorities to trust.
"""

import asyncio
import json
import ssl
import sys
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RemoteSettingsChanged, ResponseReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes
from websockets.frames import Opcode

try:
    from websockets.protocol import CLIENT, Protocol, State
except ImportError:
    # Debian 12 has release 10.
    from websockets.connection import Connection as Protocol
    from websockets.connection import Side, State

    CLIENT = Side.CLIENT

PREFIX = "peer:"
MAX_SIZE = 64 * 1024 * 1024


def report(**what):
    print(json.dumps(what), flush=True)


class Client:
    """One WebSocket on an HTTP/2 connection of its own."""

    def __init__(self, order):
        self.order = order
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.frames = Protocol(CLIENT, state=State.OPEN, max_size=MAX_SIZE)
        self.stream = None
        self.opened = False
        self.over = False
        self.ended = False
        self.unsent = b""
        self.parts = []
        self.text = False
        self.after_pong = {}

    async def run(self):
        url = urlsplit(self.order["connect"])
        context = ssl.create_default_context(cafile=sys.argv[1])
        context.set_alpn_protocols(["h2"])
        reader, self.writer = await asyncio.open_connection(url.hostname, url.port, ssl=context)
        self.h2.initiate_connection()
        self.flush()
        while not self.over:
            data = await reader.read(65536)
            if not data:
                break
            for event in self.h2.receive_data(data):
                self.happened(event, url)
            self.send_frames()
            await self.writer.drain()
        self.writer.close()
        if self.opened:
            code = self.frames.close_rcvd.code if self.frames.close_rcvd else 1006
            reason = self.frames.close_rcvd.reason if self.frames.close_rcvd else ""
            report(event="close", code=code, reason=reason, wasClean=code != 1006)

    def happened(self, event, url):
        if isinstance(event, RemoteSettingsChanged):
            if self.stream is None:
                setting = event.changed_settings.get(SettingCodes.ENABLE_CONNECT_PROTOCOL)
                if setting is None or setting.new_value != 1:
                    self.over = True
                    return report(event="refused", message="there is no SETTINGS_ENABLE_CONNECT_PROTOCOL")
                self.request(url)
        elif isinstance(event, ResponseReceived):
            headers = dict(event.headers)
            if headers[":status"] != "200":
                self.over = True
                return report(event="refused", message=f"status {headers[':status']}")
            self.opened = True
            report(
                event="open",
                protocol=headers.get("sec-websocket-protocol", ""),
                extensions=headers.get("sec-websocket-extensions", ""),
                answer=headers.get("x-answer"),
            )
        elif isinstance(event, DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if self.opened:
                self.frames.receive_data(event.data)
                for frame in self.frames.events_received():
                    self.receive(frame)
        elif isinstance(event, StreamEnded):
            # The server ends its side after both Close frames.
            self.over = self.ended = True
        elif isinstance(event, StreamReset):
            self.over = True

    def request(self, url):
        self.stream = self.h2.get_next_available_stream_id()
        path = url.path + (f"?{url.query}" if url.query else "")
        headers = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", path),
            (":authority", url.netloc),
            ("sec-websocket-version", "13"),
        ]
        if self.order["protocols"]:
            headers.append(("sec-websocket-protocol", ", ".join(self.order["protocols"])))
        headers += [(name.lower(), value) for name, value in self.order["headers"].items()]
        self.h2.send_headers(self.stream, headers)

    def receive(self, frame):
        if frame.opcode is Opcode.PING:
            report(event="ping", payload=frame.data.decode("latin-1"))
        elif frame.opcode is Opcode.PONG:
            payload = frame.data.decode()
            report(event="pong", payload=payload)
            self.after_pong.pop(payload, lambda: None)()
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if frame.opcode is not Opcode.CONT:
                self.parts, self.text = [], frame.opcode is Opcode.TEXT
            self.parts.append(frame.data)
            if frame.fin:
                self.message(b"".join(self.parts))

    def message(self, data):
        # A Close frame may have come with the message, and has been answered.
        if self.frames.state is not State.OPEN:
            return
        if self.text and data.startswith(PREFIX.encode()):
            self.obey(json.loads(data[len(PREFIX) :]))
        elif self.text:
            self.frames.send_text(data)
        else:
            self.frames.send_binary(data)

    def obey(self, command):
        if command["do"] == "close":
            if "code" in command:
                self.frames.send_close(command["code"], command.get("reason", ""))
            else:
                self.frames.send_close()
        elif command["do"] == "ping":
            self.frames.send_ping(command["payload"].encode())
        else:
            self.send_part(command["type"], command["parts"], 0)

    def send_part(self, kind, parts, index):
        last = index == len(parts) - 1
        data = parts[index].encode()
        if index > 0:
            self.frames.send_continuation(data, fin=last)
        elif kind == "text":
            self.frames.send_text(data, fin=last)
        else:
            self.frames.send_binary(data, fin=last)
        if not last:
            payload = f"before part {index + 1}"
            self.after_pong[payload] = lambda: self.send_part(kind, parts, index + 1)
            self.frames.send_ping(payload.encode())

    def send_frames(self):
        """Sends as much as the peer's windows have room for."""
        if self.opened:
            self.unsent += b"".join(self.frames.data_to_send())
        while self.unsent and not self.ended:
            room = min(self.h2.local_flow_control_window(self.stream), self.h2.max_outbound_frame_size)
            if room == 0:
                break
            self.h2.send_data(self.stream, self.unsent[:room])
            self.unsent = self.unsent[room:]
        self.flush()

    def flush(self):
        self.writer.write(self.h2.data_to_send())


async def dial(order):
    try:
        await Client(order).run()
    except Exception as error:
        report(event="refused", message=repr(error))


async def main():
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    tasks = set()
    async for line in orders:
        tasks.add(asyncio.create_task(dial(json.loads(line))))


if __name__ == "__main__":
    asyncio.run(main())
