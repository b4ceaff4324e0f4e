"""How each kind of answer is masked, and which are refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from aiohttp import web

from gateway.core.masking import Masker
from gateway.web.masking import OURS, Masking, masked_html
from gateway.web.problems import Refused
from gateway.web.sheets import XLSX_TYPE, write_xlsx

MASKER = Masker("RU")
MASKING = Masking(MASKER)


def page(text: str) -> web.Response:
    """One of our own."""
    response = web.Response(text=text, content_type="text/html")
    response[OURS] = True
    return response


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<p>8 926 123-45-67</p>", "<p>+7 926 ***-**-67</p>"),
        ("<b>a &amp; &lt;ivan@a.example&gt;</b>", "<b>a &amp; &lt;i***@a.example&gt;</b>"),
        ('<a class="x" href="tel:+79261234567">call</a>', '<a class="x">call</a>'),
        ('<a href="mailto:ivan%40a.example" id="x">write</a>', '<a id="x">write</a>'),
        ('<a href="/calls?phone=%2B79261234567">all</a>', "<a>all</a>"),
        ('<a href="/leads/0192e4a1-1234-7000-8123-123456789012">x</a>',) * 2,
        ('<input value="+79261234567" data-number=\'89261234567\'>',
         '<input value="+7 926 ***-**-67" data-number="+7 926 ***-**-67">'),
        ('<button title="&#43;7 926 1234567">x</button>', '<button title="+7 926 ***-**-67">x</button>'),
        ('<input type="hidden" name="csrf" value="-1234567890-">',) * 2,
        ("<time datetime='2026-11-22T10:54:33Z'>22.11.2026 10:54</time>",) * 2,
        ("<td>it&#39;s 12&nbsp;345&nbsp;678,00&nbsp;₽</td>",) * 2,
    ],
)  # fmt: skip
def test_a_page_keeps_everything_but_numbers_and_addresses(written: str, shown: str) -> None:
    assert masked_html(written.encode(), MASKER.text).decode() == shown


async def test_json_is_masked_in_values_keys_and_large_numbers() -> None:
    value = {
        "id": 12, "at": "2026-11-22T10:54:33Z", "amount": 1234567.5, "yes": True, "none": None, "ms": 1732266873123,
        "phones": ["+79261234567"], "raw": {"89261234567": 79261234567},
    }  # fmt: skip
    done = await MASKING.answer(web.json_response(value))
    assert isinstance(done, web.Response)
    assert isinstance(done.body, bytes)
    raw = {"+7 926 ***-**-67": "+7 926 ***-**-67"}
    assert msgspec.json.decode(done.body) == {**value, "phones": ["+7 926 ***-**-67"], "raw": raw}


async def test_numbers_in_json_keep_their_spelling() -> None:
    done = await MASKING.answer(web.Response(text='{"rate":0.10,"big":1.0}', content_type="application/json"))
    assert isinstance(done, web.Response)
    assert done.body == b'{"rate":0.10,"big":1.0}'


async def test_a_workbook_is_masked_in_its_cells() -> None:
    stream = io.BytesIO()
    write_xlsx([["+79261234567", "a & <ivan@a.example>", 12.5]], ["phone", "mail", "sum"], stream, ZoneInfo("UTC"))
    done = await MASKING.answer(web.Response(body=stream.getvalue(), content_type=XLSX_TYPE))
    assert isinstance(done, web.Response)
    assert isinstance(done.body, bytes)
    with zipfile.ZipFile(io.BytesIO(done.body)) as book:
        told = "".join(book.read(name).decode() for name in book.namelist())
    assert "79261234567" not in told
    assert "+7 926 ***-**-67" in told
    assert "a &amp; &lt;i***@a.example&gt;" in told


@pytest.mark.parametrize(
    "response",
    [
        web.Response(text="<p>a stranger's</p>", content_type="text/html"),
        web.Response(body=b"x", content_type="message/rfc822"),
        web.Response(body=b"x", content_type="application/octet-stream"),
        web.Response(body=b"x", content_type="application/pdf"),
        web.Response(body=b"x", content_type="image/png"),
        web.Response(body=b"x", content_type="application/x-of-tomorrow"),
        web.Response(body=b"{}", content_type="application/json", headers={"Content-Encoding": "gzip"}),
        web.FileResponse(Path(__file__), headers={"Content-Type": "application/json"}),
        web.Response(status=302, headers={"Location": "https://pbx.example/in-79261234567.wav"}),
    ],
    ids=lambda response: response.content_type,
)
async def test_what_can_t_be_masked_is_refused(response: web.StreamResponse) -> None:
    with pytest.raises(Refused) as refused:
        await MASKING.answer(response)
    assert (refused.value.status, refused.value.code) == (403, "masked")


@pytest.mark.parametrize(
    "response",
    [
        web.Response(status=204),
        web.FileResponse(Path(__file__), headers={"Content-Type": "audio/wav"}),
        web.Response(status=303, headers={"Location": "/contacts?phone=%2B79261234567"}),
        web.Response(status=302, headers={"Location": "https://pbx.example/1732266873.12.wav"}),
        page("<p>x</p>"),
    ],
    ids=("nothing", "a voice", "what they typed", "an id elsewhere", "a page of ours"),
)
async def test_what_tells_nothing_goes_through(response: web.StreamResponse) -> None:
    assert await MASKING.answer(response) is response
