"""The emulator over loopback and in process, behaving and not."""

import base64
import http.client
import json
import socket
import threading
import time

import pytest
import requests

import graphbuild.emulator as em

HEADERS = {"x-apikey": "k", "User-Agent": "test; gzip"}


@pytest.fixture
def api():
    return em.Api(em.family_world(3, 50))


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
def base(request, api, session):
    """The address of the API, by each of the two ways to reach it."""
    if request.param == "adapter":
        session.mount("https://emulated.example/", em.EmulatorAdapter(api))
        yield "https://emulated.example/api/v3"
    else:
        with em.Emulator(api) as emulator:
            yield emulator.base_url


def listing(api, base, query="limit=40"):
    return f"{base}/files/{api.world.hashes()[0]}/related_references?{query}"


def address(emulator):
    host, port = emulator.base_url.removeprefix("http://").split("/")[0].split(":")
    return host, int(port)


def connect(emulator):
    return http.client.HTTPConnection(*address(emulator))


# --- one contract for both


def test_an_answer_is_that_of_the_api(api, base, session):
    response = session.get(listing(api, base))
    target = listing(api, "/api/v3")
    assert response.status_code == 200
    assert response.json() == json.loads(api.respond("GET", target, {"x-apikey": "k"}).body)
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.reason == "OK"


def test_an_error_is_that_of_the_api(base, session):
    response = session.get(f"{base}/files/{'0' * 64}")
    assert (response.status_code, response.reason) == (404, "Not Found")
    assert response.json()["error"]["code"] == "NotFoundError"


def test_every_kind_of_subject_can_be_asked_about(api, base, session):
    address, url = "2001:db8::5", "http://bad.example:8080/?q=ü"
    held = em.Collection("all", "All")
    others = [em.Indicator("ip_address", address, ("all",)), em.Indicator("url", url, ("all",))]
    api.world = em.World([], [], [held], indicators=others)  # while it is served
    encoded = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    for path in (f"ip_addresses/{address}", f"urls/{encoded}", f"urls/{others[1].id}"):
        page = session.get(f"{base}/{path}/collections").json()
        assert [item["id"] for item in page["data"]] == ["all"]
        assert page["links"]["self"].endswith(f"/api/v3/{path}/collections?limit=10")


def test_the_body_can_be_streamed_raw_and_decoded(api, base, session):
    with session.get(listing(api, base), stream=True) as response:
        assert response.raw.read(2) == b"\x1f\x8b"
    with session.get(listing(api, base), stream=True) as response:
        parts = list(response.iter_content(100))
    assert len(parts) > 1
    assert json.loads(b"".join(parts))["meta"]["count"] == 50


@pytest.mark.parametrize("verb", ["POST", "DELETE", "HEAD"])
def test_a_verb_that_writes_is_refused_and_the_session_lives_on(api, base, session, verb):
    assert session.request(verb, listing(api, base), data=b"x" * 1000).status_code == 405
    assert session.get(listing(api, base)).status_code == 200


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
def test_a_broken_connection_is_an_error_once(api, base, session, kind, error):
    api.add_faults(em.Fault(kind, "nonsense\r\n" if kind == "raw" else ""))
    with pytest.raises(error):
        session.get(listing(api, base), timeout=0.2)
    assert session.get(listing(api, base)).json()["meta"]["count"] == 50
    assert [entry.fault for entry in api.log] == [kind, ""]


def test_a_body_that_stops_short_is_an_error(api, base, session):
    api.add_faults(em.Fault("stall_body"))
    with pytest.raises(requests.RequestException):
        session.get(listing(api, base), timeout=0.2)


def test_plain_text_said_to_be_gzip_does_not_decode(api, base, session):
    api.add_faults(em.Fault("not_gzip", 429))
    with pytest.raises(requests.exceptions.ContentDecodingError):
        session.get(listing(api, base))
    assert api.log[-1].status == 429


def test_a_bomb_is_small_until_it_is_opened(api, base, session):
    api.add_faults(em.Fault("bomb", 20_000_000))
    with session.get(listing(api, base), stream=True) as response:
        assert int(response.headers["Content-Length"]) < 30_000
        assert sum(map(len, response.iter_content(1 << 20))) == 20_000_000


def test_a_redirect_names_its_place(api, base, session):
    api.add_faults(em.Fault("redirect", "http://evil.example/x"))
    response = session.get(listing(api, base), allow_redirects=False)
    assert response.status_code == 302
    assert response.headers["Location"] == "http://evil.example/x"


# --- the server alone


def test_connections_are_kept_and_answers_are_quick(api, emulator):
    connection = connect(emulator)
    took = []
    for _ in range(50):
        start = time.perf_counter()
        connection.request("GET", listing(api, "/api/v3"), headers=HEADERS)
        assert len(connection.getresponse().read()) > 0
        took.append(time.perf_counter() - start)
    connection.close()
    # Delayed acknowledgements would make it 0.04, as soon as the first few are through; a loaded
    # machine makes some slow, but not all.
    assert sorted(took[25:])[5] < 0.02


def test_many_threads_lose_no_request(api, emulator):
    def ask():
        for _ in range(20):
            requests.get(listing(api, emulator.base_url), headers=HEADERS, timeout=5)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert api.calls == 100
    assert [entry.number for entry in api.log] == list(range(1, 101))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "example.org", "::", ""])
def test_it_serves_this_machine_only(api, host):
    with pytest.raises(ValueError, match="this machine only"):
        em.Emulator(api, host=host)


def test_it_has_an_address_only_while_it_runs(api):
    emulator = em.Emulator(api)
    with pytest.raises(RuntimeError, match="not running"):
        _ = emulator.base_url
    with emulator:
        port = int(emulator.base_url.split(":")[2].split("/")[0])
    with em.Emulator(api, port=port) as again:
        assert again.base_url == f"http://127.0.0.1:{port}/api/v3"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_waiting_ends_when_the_server_does(api):
    with em.Emulator(api) as emulator:
        waiter = threading.Thread(target=emulator.wait)
        waiter.start()
        assert waiter.is_alive()
    waiter.join(5)
    assert not waiter.is_alive()


@pytest.mark.parametrize("kind", ["stall", "stall_body", "drip", "drip_headers", "delay"])
def test_closing_ends_every_wait(api, kind):
    api.add_faults(em.Fault(kind, 50))
    failed = threading.Event()

    def ask():
        try:
            requests.get(listing(api, emulator.base_url), headers=HEADERS, timeout=60)
        except requests.RequestException:
            failed.set()

    with em.Emulator(api) as emulator:
        client = threading.Thread(target=ask)
        client.start()
        while not api.log:
            client.join(0.001)
        start = time.monotonic()
    client.join(20)
    assert failed.is_set()
    assert time.monotonic() - start < 20  # a loaded machine's; the wait itself would be 50


def test_a_drip_arrives_byte_by_byte_and_whole(api, emulator, session):
    api.add_faults(em.Fault("drip_headers", 0.00001), em.Fault("drip", 0.00001))
    url = listing(api, emulator.base_url, "limit=1")
    assert session.get(url).json() == session.get(url).json() == session.get(url).json()


def test_a_late_answer_is_whole(api, emulator, session):
    api.add_faults(em.Fault("delay", 0.001))
    url = listing(api, emulator.base_url)
    assert [session.get(url).status_code for _ in range(2)] == [200] * 2


def test_the_server_can_hang_up_after_an_answer_without_a_word(api, emulator):
    api.add_faults(em.Fault("hang_up"))
    connection = connect(emulator)
    connection.request("GET", listing(api, "/api/v3"), headers=HEADERS)
    line = connection.sock
    response = connection.getresponse()
    assert len(response.read()) == int(response.headers["Content-Length"])
    assert "Connection" not in response.headers
    assert line.recv(1) == b""
    connection.close()


def test_raw_bytes_go_out_as_they_are(api, emulator, session):
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more"
    api.add_faults(em.Fault("raw", raw))
    assert session.get(listing(api, emulator.base_url)).content == b"hello"


def test_a_client_that_leaves_makes_no_noise(api, emulator, capfd):
    for bytes_sent in (b"", b"GET /api/v3/files", b"nonsense\r\n\r\n"):
        with socket.create_connection(address(emulator)) as connection:
            connection.sendall(bytes_sent)
    assert requests.get(listing(api, emulator.base_url), headers=HEADERS, timeout=5).ok
    assert capfd.readouterr() == ("", "")
