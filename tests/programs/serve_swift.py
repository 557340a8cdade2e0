"""OpenStack Swift with its S3 API, complete in one process on 127.0.0.1: for tests, with one disk and one user.

    /usr/bin/python3 -I tests/programs/serve_swift.py FOLDER ACCOUNT:USER SECRET

prints the port when it answers, and ends when its standard input does, so that it never outlives who started it.
FOLDER has to be on a file system with user attributes (ext4, xfs, btrfs and tmpfs have them). Run by the python3 of
Debian or Ubuntu, the only one that sees their package python3-swift. tests/swift_server.py is the way to start it.
"""

import os
import sys
from time import time as now

import eventlet
import eventlet.tpool
import eventlet.wsgi
from swift.common import utils

HOST = "127.0.0.1"
REGION = "us-east-1"
BACKENDS = ("account", "container", "object")
SWIFT = """
[swift-hash]
swift_hash_path_suffix = tests
[storage-policy:0]
name = only
default = yes
"""
# A disk that is never full and never mounted; nothing repairs a listing that missed an update here, so the time for
# an update is long enough for a busy machine
BACKEND = """
[DEFAULT]
swift_dir = {etc}
devices = {devices}
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
db_preallocation = off
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
conn_timeout = 10
node_timeout = 60
container_update_timeout = 60
"""
PROXY = """
[DEFAULT]
swift_dir = {etc}
[pipeline:main]
pipeline =
    catch_errors gatekeeper listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
conn_timeout = 10
node_timeout = 60
recoverable_node_timeout = 60
error_suppression_limit = 1000000
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = {region}
s3_acl = false
max_upload_part_num = 10000
[filter:tempauth]
use = egg:swift#tempauth
user_{user} = {secret} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
rate_limit_segments_per_sec = 0
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""


class Cache:
    """What Swift asks of memcached, for servers that all live in one process."""

    def __init__(self):
        self._held = {}  # key -> (value, when it is forgotten)

    def get(self, key, **_):
        value, until = self._held.get(key, (None, 0))
        return value if until > now() else None

    def set(self, key, value, time=0, **_):  # the seconds to keep it
        self._held[key] = (value, now() + (time or 3600))

    def incr(self, key, delta=1, time=0, **_):
        value = int(self.get(key) or 0) + delta
        self.set(key, value, time)
        return value

    def delete(self, key, **_):
        self._held.pop(key, None)


def listen():
    """A socket on a free port, and the port."""
    listener = eventlet.listen((HOST, 0))
    return listener, listener.getsockname()[1]


def write(*path, text):
    """Write the text file whose path is joined of `path`."""
    with open(os.path.join(*path), "w", encoding="utf-8") as stream:
        stream.write(text)


def configure(folder, user, secret, ports):
    """Write the configuration and the rings below `folder`; returns the folder they are in."""
    etc, devices = os.path.join(folder, "etc"), os.path.join(folder, "devices")
    os.makedirs(etc)
    os.makedirs(os.path.join(devices, "disk"))
    write(etc, "swift.conf", text=SWIFT)
    utils.set_swift_dir(etc)
    from swift.common.ring import RingBuilder  # reads swift.conf

    for kind in BACKENDS:
        write(etc, kind + ".conf", text=BACKEND.format(kind=kind, etc=etc, devices=devices))
        builder = RingBuilder(4, 1, 0)
        place = {"ip": HOST, "port": ports[kind], "replication_ip": HOST, "replication_port": ports[kind]}
        builder.add_dev(dict(place, id=0, region=1, zone=1, weight=1, device="disk", meta=""))
        builder.rebalance(seed=1)
        builder.get_ring().save(os.path.join(etc, kind + ".ring.gz"))
    user = user.replace(":", "_")
    write(etc, "proxy.conf", text=PROXY.format(etc=etc, user=user, secret=secret, region=REGION))
    return etc


def serve(application, listener):
    """Answer requests on the socket from now on."""
    from swift.common.http_protocol import SwiftHttpProtocol

    eventlet.spawn(
        eventlet.wsgi.server,
        listener,
        application,
        utils.NullLogger(),
        protocol=SwiftHttpProtocol,
        capitalize_response_headers=False,  # the SDKs look for "ETag"
        socket_timeout=60,
    )


def main(folder, user, secret):
    """Serve until standard input ends."""
    utils.eventlet_monkey_patch()
    listeners = {kind: listen() for kind in BACKENDS + ("proxy",)}
    etc = configure(folder, user, secret, {kind: port for kind, (_, port) in listeners.items()})
    from swift.common import storage_policy, wsgi

    storage_policy.reload_storage_policies()
    cache = Cache()
    for kind, (listener, _) in listeners.items():
        serve(with_cache(wsgi.loadapp(os.path.join(etc, kind + ".conf")), cache), listener)
    print(listeners["proxy"][1], flush=True)
    eventlet.tpool.execute(sys.stdin.buffer.read)
    os._exit(0)


def with_cache(application, cache):
    """The application with `cache` where Swift looks for memcached."""

    def cached(environment, start_response):
        environment["swift.cache"] = cache
        return application(environment, start_response)

    return cached


if __name__ == "__main__":
    main(*sys.argv[1:])
