"""The emulator over HTTP and in process, with and without faults."""

import base64
import http.client
import json
import socket
import threading
import time

import pytest
import requests

import graphbuild.emulator as em
from tests.support.emulator_adapter import EmulatorAdapter
from tests.support.faults import Fault, FaultyApi

HEADERS = {"x-apikey": "k", "User-Agent": "test; gzip"}


@pytest.fixture
def api():
    return FaultyApi(em.generate_family_world(3, 50))


@pytest.fixture
def emulator(api):
    with em.Emulator(api) as emulator:
        yield emulator


@pytest.fixture
def session():
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update(HEADERS)
        yield session


@pytest.fixture(params=["server", "adapter"])
def base_url(request, api, session):
    """The base_url URL of the API, over HTTP and in process."""
    if request.param == "adapter":
        session.mount("https://emulated.example/", EmulatorAdapter(api))
        yield "https://emulated.example/api/v3"
    else:
        with em.Emulator(api) as emulator:
            yield emulator.base_url


def list_url(api, base_url, query="limit=40"):
    return f"{base_url}/files/{api.world.hashes()[0]}/related_references?{query}"


def address(emulator):
    host, port = emulator.base_url.removeprefix("http://").split("/")[0].split(":")
    return host, int(port)


def connect(emulator):
    return http.client.HTTPConnection(*address(emulator))


# --- server and adapter


def test_a_response_equals_that_of_the_api(api, base_url, session):
    response = session.get(list_url(api, base_url))
    target = list_url(api, "/api/v3")
    assert response.status_code == 200
    assert response.json() == json.loads(api.respond("GET", target, {"x-apikey": "k"}).body)
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.reason == "OK"


def test_an_error_equals_that_of_the_api(base_url, session):
    response = session.get(f"{base_url}/files/{'0' * 64}")
    assert (response.status_code, response.reason) == (404, "Not Found")
    assert response.json()["error"]["code"] == "NotFoundError"


def test_ids_of_all_subject_types(api, base_url, session):
    address, url = "2001:db8::5", "http://bad.example:8080/?q=ü"
    indicators = [
        em.Indicator("ip_address", address, collections=("all",)),
        em.Indicator("url", url, collections=("all",)),
    ]
    api.world = em.World([], [], [em.Collection("all", "All")], indicators=indicators)
    encoded = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    for path in (f"ip_addresses/{address}", f"urls/{encoded}", f"urls/{indicators[1].id}"):
        page = session.get(f"{base_url}/{path}/collections").json()
        assert [item["id"] for item in page["data"]] == ["all"]
        assert page["links"]["self"].endswith(f"/api/v3/{path}/collections?limit=10")


def test_the_body_can_be_streamed(api, base_url, session):
    with session.get(list_url(api, base_url), stream=True) as response:
        assert response.raw.read(2) == b"\x1f\x8b"
    with session.get(list_url(api, base_url), stream=True) as response:
        parts = list(response.iter_content(100))
    assert len(parts) > 1
    assert json.loads(b"".join(parts))["meta"]["count"] == 50


@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD"])
def test_other_methods_are_rejected_and_the_session_stays_usable(api, base_url, session, method):
    assert session.request(method, list_url(api, base_url), data=b"x" * 1000).status_code == 405
    assert session.get(list_url(api, base_url)).status_code == 200


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset", requests.ConnectionError),
        ("close", requests.ConnectionError),
        ("raw", requests.ConnectionError),
        ("cut", requests.exceptions.ChunkedEncodingError),
        ("cut_reset", requests.exceptions.ChunkedEncodingError),
        ("stall", requests.ReadTimeout),
    ],
)
def test_a_broken_connection_raises_once(api, base_url, session, kind, error):
    api.add_faults(Fault(kind, "nonsense\r\n" if kind == "raw" else ""))
    with pytest.raises(error):
        session.get(list_url(api, base_url), timeout=0.2)
    assert session.get(list_url(api, base_url)).json()["meta"]["count"] == 50
    assert [entry.fault for entry in api.log] == [kind, ""]


def test_a_stalled_body_raises(api, base_url, session):
    api.add_faults(Fault("stall_body"))
    with pytest.raises(requests.RequestException):
        session.get(list_url(api, base_url), timeout=0.2)


def test_plain_data_declared_as_gzip_raises(api, base_url, session):
    api.add_faults(Fault("not_gzip", 429))
    with pytest.raises(requests.exceptions.ContentDecodingError):
        session.get(list_url(api, base_url))
    assert api.log[-1].status == 429


def test_a_gzip_bomb_is_small_on_the_wire(api, base_url, session):
    api.add_faults(Fault("gzip_bomb", 20_000_000))
    with session.get(list_url(api, base_url), stream=True) as response:
        assert int(response.headers["Content-Length"]) < 30_000
        assert sum(map(len, response.iter_content(1 << 20))) == 20_000_000


def test_a_redirect_has_a_location(api, base_url, session):
    api.add_faults(Fault("redirect", "http://evil.example/x"))
    response = session.get(list_url(api, base_url), allow_redirects=False)
    assert response.status_code == 302
    assert response.headers["Location"] == "http://evil.example/x"


# --- the server only


def test_connections_are_kept_alive_and_fast(api, emulator):
    connection = connect(emulator)
    durations = []
    for _ in range(50):
        start = time.perf_counter()
        connection.request("GET", list_url(api, "/api/v3"), headers=HEADERS)
        assert len(connection.getresponse().read()) > 0
        durations.append(time.perf_counter() - start)
    connection.close()
    # With delayed acknowledgements it would be 0.04 s after the first requests. On a busy machine
    # some requests are slow, but not all.
    assert sorted(durations[25:])[5] < 0.02


def test_concurrent_requests(api, emulator):
    def send():
        for _ in range(20):
            requests.get(list_url(api, emulator.base_url), headers=HEADERS, timeout=5)

    threads = [threading.Thread(target=send) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert api.calls == 100
    assert [entry.number for entry in api.log] == list(range(1, 101))


def test_the_base_url_is_available_while_running(api):
    emulator = em.Emulator(api)
    with pytest.raises(RuntimeError, match="not running"):
        _ = emulator.base_url
    with emulator:
        port = int(emulator.base_url.split(":")[2].split("/")[0])
    with em.Emulator(api, port=port) as again:
        assert again.base_url == f"http://127.0.0.1:{port}/api/v3"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_wait_ends_with_close(api):
    with em.Emulator(api) as emulator:
        waiter = threading.Thread(target=emulator.wait)
        waiter.start()
        assert waiter.is_alive()
    waiter.join(5)
    assert not waiter.is_alive()


@pytest.mark.parametrize("kind", ["stall", "stall_body", "drip", "drip_headers", "delay"])
def test_close_interrupts_slow_responses(api, kind):
    api.add_faults(Fault(kind, 50))
    failed = threading.Event()

    def send():
        try:
            requests.get(list_url(api, emulator.base_url), headers=HEADERS, timeout=60)
        except requests.RequestException:
            failed.set()

    with em.Emulator(api) as emulator:
        client = threading.Thread(target=send)
        client.start()
        while not api.log:
            client.join(0.001)
        start = time.monotonic()
    client.join(20)
    assert failed.is_set()
    assert time.monotonic() - start < 20  # the fault itself would last 50 s


def test_dripped_responses_are_complete(api, emulator, session):
    api.add_faults(Fault("drip_headers", 0.00001), Fault("drip", 0.00001))
    url = list_url(api, emulator.base_url, "limit=1")
    assert session.get(url).json() == session.get(url).json() == session.get(url).json()


def test_delayed_responses_are_complete(api, emulator, session):
    api.add_faults(Fault("delay", 0.001))
    url = list_url(api, emulator.base_url)
    assert [session.get(url).status_code for _ in range(2)] == [200] * 2


def test_the_server_can_close_unannounced(api, emulator):
    api.add_faults(Fault("hang_up"))
    connection = connect(emulator)
    connection.request("GET", list_url(api, "/api/v3"), headers=HEADERS)
    raw_socket = connection.sock
    response = connection.getresponse()
    assert len(response.read()) == int(response.headers["Content-Length"])
    assert "Connection" not in response.headers
    assert raw_socket.recv(1) == b""
    connection.close()


def test_raw_bytes_are_sent_unchanged(api, emulator, session):
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more"
    api.add_faults(Fault("raw", raw))
    assert session.get(list_url(api, emulator.base_url)).content == b"hello"


def test_disconnecting_clients_print_nothing(api, emulator, capfd):
    for bytes_sent in (b"", b"GET /api/v3/files", b"nonsense\r\n\r\n"):
        with socket.create_connection(address(emulator)) as connection:
            connection.sendall(bytes_sent)
    assert requests.get(list_url(api, emulator.base_url), headers=HEADERS, timeout=5).ok
    assert capfd.readouterr() == ("", "")
