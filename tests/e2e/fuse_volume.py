# SPDX-License-Identifier: MIT
"""A volume driver for the engine, with a filesystem of its own (FUSE) that can stop answering:

    fuse_volume.py NAME DIRECTORY

The engine finds it as the driver NAME. A volume is mounted below DIRECTORY while a container uses it, read-only, with the files of
DIRECTORY/content.json ({name: text}). While DIRECTORY/hang exists every question is taken and none is answered, as by a
server that died; DIRECTORY/hang-on-read does the same to the reading of files alone. No signal ends who waits then. Every engine of the machine
sees the driver: it lists no volumes, so that only who made one has it; and it ends with whoever started it, because an engine
waits a quarter of a minute for one that is dead."""
import ctypes
import errno
import http.server
import json
import os
import pathlib
import socketserver
import stat
import struct
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
MNT_DETACH = 2
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT, DESTROY, BATCH_FORGET = \
    1, 2, 3, 14, 15, 17, 18, 25, 26, 27, 28, 29, 36, 38, 42


class Filesystem:
    def __init__(self, directory, place):
        self.directory, self.place = directory, place
        self.files = sorted(json.loads((directory / "content.json").read_text()).items())
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other"
        if LIBC.mount(b"driver", os.fsencode(place), b"fuse.driver", 0, options.encode()) < 0:
            raise OSError(ctypes.get_errno(), "mount")
        threading.Thread(target=self.serve, daemon=True).start()

    def unmount(self):
        LIBC.umount2(os.fsencode(self.place), MNT_DETACH)

    def serve(self):
        while True:
            try:
                request = os.read(self.fd, 1 << 20)
            except OSError:  # unmounted by the last who had it
                os.close(self.fd)
                return
            _, opcode, unique, node = struct.unpack_from("IIQQ", request)
            hangs = (self.directory / "hang").exists() or (opcode == READ and (self.directory / "hang-on-read").exists())
            if opcode in (FORGET, BATCH_FORGET, INTERRUPT) or (hangs and opcode != INIT):
                continue
            data = self.answer(opcode, node, request[40:])
            error, data = (-data, b"") if isinstance(data, int) else (0, data)
            try:
                os.write(self.fd, struct.pack("IiQ", 16 + len(data), error, unique) + data)
            except OSError:  # who asked has gone
                pass

    def attributes(self, node):
        size = 0 if node == 1 else len(self.files[node - 2][1])
        mode = stat.S_IFDIR | 0o755 if node == 1 else stat.S_IFREG | 0o644
        return struct.pack("6Q10I", node, size, (size + 511) // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, opcode, node, body):
        if opcode == INIT:
            return struct.pack("4I2H2I2H8I", 7, 31, 65536, 0, 16, 12, 65536, 1, 0, 0, *([0] * 8))
        if opcode == GETATTR:
            return struct.pack("QII", 0, 0, 0) + self.attributes(node)
        if opcode == LOOKUP:
            names = [n for n, _ in self.files]
            name = os.fsdecode(body.split(b"\0")[0])
            if name not in names:
                return errno.ENOENT
            return struct.pack("4Q2I", names.index(name) + 2, 0, 0, 0, 0, 0) + self.attributes(names.index(name) + 2)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("QII", 0, 1, 0)  # direct: nothing of it is cached
        if opcode == READ:
            offset, size = struct.unpack_from("QI", body, 8)
            return self.files[node - 2][1].encode()[offset:offset + size]
        if opcode == READDIR:
            return self.entries(struct.unpack_from("Q", body, 8)[0])
        if opcode == STATFS:
            return struct.pack("5Q4I6I", 1000, 500, 500, 100, 50, 4096, 255, 4096, 0, *([0] * 6))
        return b"" if opcode in (RELEASE, RELEASEDIR, FLUSH, DESTROY) else errno.ENOSYS

    def entries(self, offset):
        out = b""
        for i, (name, _) in list(enumerate(self.files))[offset:]:
            text = os.fsencode(name)
            out += struct.pack("QQII", i + 2, i + 1, len(text), 8) + text + b"\0" * (-len(text) % 8)
        return out


class Driver(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path, directory):
        self.directory, self.volumes, self.lock = directory, {}, threading.Lock()
        super().__init__(path, Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            reply = self.reply(self.path.rpartition(".")[2], json.loads(body or b"{}"))
        text = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def reply(self, verb, asked):
        volumes, name = self.server.volumes, asked.get("Name")
        place = self.server.directory / f"mounted-{name}"
        if verb == "Activate":
            return {"Implements": ["VolumeDriver"]}
        if verb == "Capabilities":
            return {"Capabilities": {"Scope": "local"}}
        if verb == "List":
            return {"Volumes": []}
        if verb == "Create":
            volumes.setdefault(name, {"users": set(), "fs": None})
            return {}
        if name not in volumes:
            return {"Err": "no such volume"}
        v = volumes[name]
        if verb == "Mount":
            place.mkdir(exist_ok=True)
            v["fs"] = v["fs"] or Filesystem(self.server.directory, place)
            v["users"].add(asked["ID"])
        if verb == "Unmount":
            v["users"].discard(asked["ID"])
            if not v["users"] and v["fs"]:
                v["fs"].unmount()
                v["fs"] = None
        if verb == "Remove":
            del volumes[name]
        if verb == "Get":
            return {"Volume": {"Name": name, "Mountpoint": str(place), "Status": {}}}
        return {"Mountpoint": str(place)}

    def address_string(self):
        return "engine"

    def log_message(self, *_):
        pass


def end_with(parent, path):
    while os.getppid() == parent:
        time.sleep(0.2)
    path.unlink(missing_ok=True)
    os._exit(0)


if __name__ == "__main__":
    socket_path = pathlib.Path("/run/docker/plugins") / f"{sys.argv[1]}.sock"
    socket_path.parent.mkdir(parents=True, exist_ok=True)
    socket_path.unlink(missing_ok=True)
    threading.Thread(target=end_with, args=(os.getppid(), socket_path), daemon=True).start()
    Driver(str(socket_path), pathlib.Path(sys.argv[2])).serve_forever()
