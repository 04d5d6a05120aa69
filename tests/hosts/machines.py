"""The machines of a test: network namespaces at one bridge, or addresses of loopback."""

import contextlib
import ctypes
import os
import subprocess

NETWORK = "10.0.0."
# Nothing else of this machine has these.
LOOPBACK = "127.77.0."
CLONE_NEWNET = 0x4000_0000
LIBC = ctypes.CDLL(None, use_errno=True)


class Namespaces:
    """Each machine has a network of its own, and the address that the recipe says."""
    are_apart = True

    def __init__(self, stack, addresses):
        self.addresses = {name: NETWORK + last for name, last in addresses.items()}
        self.prefix = f"swb{os.getpid()}"
        self.add(stack, "net")
        self.ip("net", "link", "add", "bridge", "type", "bridge")
        self.ip("net", "link", "set", "bridge", "up")
        for name, address in self.addresses.items():
            self.add(stack, name)
            # The other end is in the other namespace from its beginning.
            self.ip("net", "link", "add", name, "type", "veth", "peer", "name", "eth0",
                    "netns", f"{self.prefix}-{name}")
            self.ip("net", "link", "set", name, "master", "bridge", "up")
            self.ip(name, "address", "add", f"{address}/24", "dev", "eth0")
            self.ip(name, "link", "set", "eth0", "up")

    def add(self, stack, name):
        subprocess.run(["ip", "netns", "add", f"{self.prefix}-{name}"], check=True,
                       capture_output=True)
        stack.callback(subprocess.run, ["ip", "netns", "del", f"{self.prefix}-{name}"])
        self.ip(name, "link", "set", "lo", "up")

    def ip(self, name, *words):
        subprocess.run(["ip", "-netns", f"{self.prefix}-{name}", *words], check=True)

    def command(self, name, command):
        return ["ip", "netns", "exec", f"{self.prefix}-{name}", *command]

    def text(self, _name, text):
        return text

    def cut(self, name):
        self.ip("net", "link", "set", name, "down")

    def join(self, name):
        self.ip("net", "link", "set", name, "up")

    @contextlib.contextmanager
    def at(self, name):
        """What is opened meanwhile is of that machine."""
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        other = os.open(f"/run/netns/{self.prefix}-{name}", os.O_RDONLY)
        try:
            assert LIBC.setns(other, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            yield
        finally:
            assert LIBC.setns(own, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            os.close(own)
            os.close(other)


class Loopback:
    """All machines are this one. Nothing can be cut off."""
    are_apart = False

    def __init__(self, addresses):
        self.addresses = {name: LOOPBACK + last for name, last in addresses.items()}

    def command(self, _name, command):
        return command

    def text(self, name, text):
        """A configuration with the addresses of loopback, and no port that needs root."""
        address = self.addresses[name]
        text = text.replace("0.0.0.0", address).replace("bind :443", f"bind {address}:443")
        text = text.replace(":443", ":8443")
        # Otherwise the balancer would be 127.0.0.1 to the hosts.
        text = text.replace("default-server ", f"default-server source {address} ")
        return text.replace(NETWORK, LOOPBACK)

    @contextlib.contextmanager
    def at(self, _name):
        yield


def machines(stack, addresses):
    """Namespaces, if the system allows them. SWITCHBOARD_LOOPBACK asks for the other."""
    if os.environ.get("SWITCHBOARD_LOOPBACK"):
        return Loopback(addresses)
    try:
        return Namespaces(stack, addresses)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no namespaces, so all is on loopback: {error}")
        return Loopback(addresses)
