"""Has Prometheus scrape a server, with the configurations and the expressions of docs/operators.md.

  prometheus.py PATH-TO-SWITCHBOARD-BINARY

It needs `prometheus`, `promtool` and the package `prometheus_client`.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "sandbox"))
from client import DEADLINE_SECONDS, Server, Socket, until  # noqa: E402
from prometheus_client.parser import text_string_to_metric_families  # noqa: E402

TOKEN = "0123456789abcdef"
DOCUMENT = Path(__file__).resolve().parent.parent / "docs/operators.md"


def main():
    binary = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "token").write_text(f"{TOKEN}\n")
        Path(folder, "server.conf").write_text(
            "[server]\nport: 0\nadmin: 127.0.0.1:0, 0.0.0.0:0\nadmin-token: token\n"
        )
        with Server([binary], cwd=folder) as server:
            until("it serves operators", lambda: len(server.operators) == 2)
            local, network = (f"127.0.0.1:{of.rsplit(':', 1)[1]}" for of in server.operators)
            echo = Socket(server, "/echo")
            assert echo.ask("hello") == "hello"
            reads_the_page(local)
            for number, (yaml, address) in enumerate(zip(configurations(), [local, network])):
                yaml = re.sub(r"'[0-9.]+:9345'", f"'{address}'", yaml)
                yaml = yaml.replace("/etc/prometheus/switchboard-token", f"{folder}/token")
                scrapes(Path(folder, str(number)), yaml, address)
            server.stop([echo])
    print("Prometheus has scraped the server")


def configurations():
    """Those of the document: on the same machine, and from another one with the token."""
    blocks = re.findall(r"^```yaml\n(scrape_configs:.*?)^```", DOCUMENT.read_text(), re.M | re.S)
    assert len(blocks) == 2 and "credentials_file" in blocks[1], blocks
    return blocks


def expressions():
    found = re.findall(r"^\| `([^`]*[<>=] ?[0-9.]+)` \|", DOCUMENT.read_text(), re.M)
    assert len(found) >= 5, found
    return found


def reads_the_page(address):
    page = fetch(f"http://{address}/metrics")
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, text=True,
                             capture_output=True, timeout=DEADLINE_SECONDS)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, ""), checked
    samples = [sample for family in text_string_to_metric_families(page)
               for sample in family.samples]
    assert len(samples) == sum(not line.startswith("#") for line in page.splitlines())
    sent = [sample.value for sample in samples if sample.name == "switchboard_messages_sent_total"
            and sample.labels["service"] == "/echo"]
    assert sent == [1.0], sent


def scrapes(folder, yaml, address):
    """Prometheus runs with a configuration, until it has scraped this address."""
    folder.mkdir()
    file = folder / "prometheus.yml"
    file.write_text(f"global: {{ scrape_interval: 1s }}\n{yaml}")
    checked = subprocess.run(["promtool", "check", "config", str(file)], text=True,
                             capture_output=True, timeout=DEADLINE_SECONDS)
    assert checked.returncode == 0, checked
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = f"127.0.0.1:{free.getsockname()[1]}"
    with open(folder / "log", "w+") as log:
        child = subprocess.Popen(
            ["prometheus", f"--config.file={file}", f"--web.listen-address={own}",
             f"--storage.tsdb.path={folder / 'data'}"],
            stdout=log, stderr=subprocess.STDOUT,
        )

        def query(expression):
            if child.poll() is not None:
                raise AssertionError(Path(log.name).read_text())
            words = urllib.parse.urlencode({"query": expression})
            try:
                answer = json.loads(fetch(f"http://{own}/api/v1/query?{words}"))
            except urllib.error.HTTPError as error:
                # While it starts, it says 503.
                assert error.code == 503, f"{expression}: {error.read()}"
                return None
            except OSError:
                return None  # It does not listen yet.
            return [(row["metric"], row["value"][1]) for row in answer["data"]["result"]]

        try:
            until("it has scraped", lambda: query('switchboard_up{service="/echo"} == 1'))
            (metric, value), = query('up{job="switchboard"}')
            assert (metric["instance"], value) == (address, "1"), (metric, value)
            for expression in expressions():
                assert query(expression) == [], expression
        finally:
            child.kill()
            child.wait()


def fetch(url):
    # No proxy of the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=DEADLINE_SECONDS) as answer:
        return answer.read().decode()


main()
