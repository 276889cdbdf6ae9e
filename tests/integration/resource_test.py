"""The kinds that watch a machine's resources, by the real daemon in a network of its own: a pair of virtual interfaces whose
link is taken down, and filled. Nothing of the machine's own network is touched."""
import subprocess
import unittest

from world import Case, wait_for

# One end for the daemon, one as the switch; the link stands while both are on.
OWN_NETWORK = """
ip link set lo up && ip link add uplink type veth peer name switch &&
ip addr add 10.99.0.1/24 dev uplink && ip link set uplink up && ip link set switch up && exec "$@"
"""
SENDER = """
import socket, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
while True:
    sender.sendto(b"x" * 1000, ("10.99.0.255", 9))
    time.sleep(0.05)
"""


class Resources(Case):
    def probe(self, component, name):
        status = self.daemon.ask("status")
        probes = {one["id"]: one["probes"] for one in status["components"]}[component]
        return next(one for one in probes if one["name"] == name)

    def wait_for_verdict(self, component, name, verdict, part=""):
        def seen():
            found = self.probe(component, name)
            return found if found["verdict"] == verdict and part in found.get("reason", "") else None
        return wait_for(f"{component}/{name} to be {verdict}, saying {part!r}", seen)

    def in_its_network(self, *command):
        return ["nsenter", "--net", "--target", str(self.daemon.process.pid), *command]

    def test_a_link_that_goes_down_is_a_failure_and_one_that_is_full_is_another(self):
        self.write("""
  wire:
    owner: infra-ops
    probes:
      - {kind: network, interface: uplink, confirm: 1, impact: down}
  load:
    owner: infra-ops
    probes:
      - {kind: network, interface: uplink, link: false, speed: 100 kbit/s, confirm: 1, errors: none,
         saturation: {failing: ">= 80%"}}
  machine:
    owner: infra-ops
    probes:
      - {kind: network}
      - {kind: swap, failing: ">= 99.9%", warning: none, activity: {failing: 1000000}}
      - {kind: files, failing: 100000000, warning: none}
      - {kind: pressure, resource: memory, failing: ">= 99%"}
      - {kind: clock, failing: ">= 1h", warning: none, synchronised: false}
      - {kind: disk, path: /, failing: ">= 99.9%", warning: none, inodes: none, full_within: {failing: 1m}}
""")
        self.daemon.start(prefix=["unshare", "--net", "sh", "-c", OWN_NETWORK, "sh"])
        # From the second run on the rates are known.
        well = self.wait_for_verdict("wire", "network", "ok", "errors 0.0/s")
        self.assertIn("uplink has a link", well["reason"])
        self.assertEqual(well["values"]["errors_per_second"], 0)

        subprocess.run(self.in_its_network("ip", "link", "set", "switch", "down"), check=True)
        self.wait_for_verdict("wire", "network", "failing", "uplink has no link")
        self.assertIn("uplink", self.mail("failure.detected", "infra-ops").get_content())
        subprocess.run(self.in_its_network("ip", "link", "set", "switch", "up"), check=True)
        self.wait_for_verdict("wire", "network", "ok", "uplink has a link")

        # Some 160 kbit in a second, on a link that is said to take 100.
        self.assertEqual(self.probe("load", "network")["verdict"], "ok")
        sender = subprocess.Popen(self.in_its_network("python3", "-c", SENDER))
        try:
            full = self.wait_for_verdict("load", "network", "failing", "failing at >= 80%")
        finally:
            sender.kill()
            sender.wait()
        self.assertGreaterEqual(full["values"]["saturation_percent"], 80)
        self.wait_for_verdict("load", "network", "ok")

        # All kinds run, and say something of this machine.
        said = {}
        for name in ("network", "swap", "files", "pressure", "clock", "disk"):
            said[name] = wait_for(name, lambda: self.probe("machine", name).get("reason") and self.probe("machine", name))
            self.assertNotEqual(said[name]["verdict"], "failing", said[name])
        self.assertIn("open files", said["files"]["reason"])
        self.assertGreater(said["files"]["values"]["open_files"], 0)
        self.assertIn("no trend before 10m of runs", said["disk"]["reason"])
        self.assertEqual(said["network"]["values"]["interfaces"], 2)


if __name__ == "__main__":
    unittest.main()
