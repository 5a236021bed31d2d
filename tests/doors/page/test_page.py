"""The web page, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from halve.core.sizes import in_words, percent_less
from tests.support.origin import Origin
from tests.support.photos import photo
from tests.support.serving import hand_in, serving
from tests.support.shop import sheet_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

PATIENCE = 20_000
"""Milliseconds that anything may take."""

TWICE = "button => { button.click(); button.click(); }"
"""More quickly than anything can be answered."""


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        for name in ("astronaut", "chelsea", "coffee"):
            origin.serve(f"/{name}.jpg", photo(name, width=320))
        yield origin


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("page"), fetch_retries=0) as base:
        yield base


@pytest.fixture
def page(browser: Browser, base: str) -> Iterator[Page]:
    """A fresh tab. Whatever goes wrong in it fails the test; refusals of the server are expected and no fault."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" and "status of 4" not in said.text else None)
    page.goto(base)
    yield page
    context.close()
    assert faults == []


def choose(page: Page, sheet: bytes, name: str = "catalogue.csv") -> None:
    page.set_input_files("#file", files=FilePayload(name=name, mimeType="text/csv", buffer=sheet))


def test_a_sheet_is_handed_in_watched_and_fetched(page: Page, origin: Origin, tmp_path: Path) -> None:
    sheet = sheet_of([("Mug", [origin.url("/coffee.jpg"), origin.url("/gone.jpg")]), ("Cat", [origin.url("/chelsea.jpg")])])
    choose(page, sheet)
    expect(page.locator("#file-name")).to_have_text("catalogue.csv")
    page.get_by_role("button", name="Halve it").click()
    view = page.locator("#request-view")
    expect(view.locator(".pill")).to_have_text("completed", timeout=PATIENCE)
    expect(view.get_by_role("heading", level=1)).to_have_text("catalogue.csv")
    expect(view.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    expect(view).to_contain_text("2 of 3 pictures done · 1 failed")
    expect(view.locator(".saved")).to_contain_text("% lighter")
    expect(view.locator(".pictures li")).to_have_count(2)
    expect(view.get_by_role("table")).to_contain_text("not found (404)")
    with page.expect_download() as download:
        view.get_by_role("link", name="Download sheet").click()
    download.value.save_as(tmp_path / "out.csv")
    assert b"Output Image Urls" in (tmp_path / "out.csv").read_bytes()
    page.reload()
    expect(view.locator(".pill")).to_have_text("completed", timeout=PATIENCE)


def test_progress_is_seen_while_it_is_made_and_can_be_stopped(page: Page, origin: Origin) -> None:
    slow = [origin.serve(f"/slow{n}.jpg", photo("coffee", width=320), latency=0.1 if n == 0 else 30) for n in range(4)]
    choose(page, sheet_of([("Mug", [url]) for url in slow]))
    page.get_by_role("button", name="Halve it").click()
    view = page.locator("#request-view")
    expect(view).to_contain_text("1 of 4 pictures done", timeout=PATIENCE)
    expect(view.locator(".pill")).to_have_text("processing")
    expect(view.locator(".pictures li")).to_have_count(1, timeout=PATIENCE)
    view.get_by_role("button", name="Cancel").click()
    expect(view.locator(".pill")).to_have_text("cancelled")
    expect(view.get_by_role("link", name="Download sheet")).to_be_visible(timeout=PATIENCE)


def test_weights_and_what_is_saved_are_told_as_everywhere_else(page: Page) -> None:
    counts = [0, 1, 999, 1000, 1500, 99_960, 999_499, 999_500, 15_000_000, 50_000_000, 100_000_000, 1_234_567_890, 5 * 10**15]
    savings = [(100, 48), (1000, 1), (3, 2), (0, 0), (100, 126)]
    told = page.evaluate(
        """async ([counts, savings]) => {
            const { weight, lighter } = await import("./assets/scripts/text.js");
            return [counts.map(weight), savings.map(([before, after]) => lighter(before, after))];
        }""",
        [counts, savings],
    )
    assert [text.replace("\u00a0", " ") for text in told[0]] == list(map(in_words, counts))
    assert told[1] == [percent_less(before, after) for before, after in savings]


def test_findings_are_listed_and_nothing_in_a_sheet_is_read_as_html(page: Page) -> None:
    evil = '<img src=x onerror="document.title=1">'
    sheet = f'S. No.,Product Name,Input Image Urls\n1,,https://a.test/a.jpg\n2,"{evil.replace(chr(34), chr(34) * 2)}",ftp://{evil[1:4]}\n'
    choose(page, sheet.encode(), name=f"{evil.replace(chr(34), '')}.csv")
    page.get_by_role("button", name="Halve it").click()
    rows = page.locator("#refusal tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Product Name")
    expect(page.locator("#refusal")).to_contain_text("2 things need mending")
    assert page.locator("main img").count() == 0
    assert page.title() == "halve"


def test_the_good_rows_of_a_sheet_with_mistakes_go_on_at_a_click(page: Page, origin: Origin) -> None:
    choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg")]), ("", [origin.url("/chelsea.jpg")])]))
    page.get_by_role("button", name="Halve it").click()
    page.get_by_role("button", name="Leave out these rows").click()
    view = page.locator("#request-view")
    expect(view).to_contain_text("1 of 1 picture", timeout=PATIENCE)
    expect(view).to_contain_text("1 row was left out")
    expect(view.get_by_role("button", name="Show more")).to_have_count(0)


def test_a_sheet_that_was_mended_meanwhile_is_chosen_once_more(page: Page, origin: Origin, tmp_path: Path) -> None:
    """Chromium does not read it as it is now, and takes the same file for no change where one is chosen already."""
    sheet = tmp_path / "catalogue.csv"
    sheet.write_bytes(sheet_of([("", [origin.url("/coffee.jpg")])]))
    page.set_input_files("#file", sheet)
    page.get_by_role("button", name="Halve it").click()
    expect(page.locator("#refusal")).to_contain_text("The product name is empty")
    sheet.write_bytes(sheet_of([("A mug, mended", [origin.url("/coffee.jpg")])]))
    page.get_by_role("button", name="Halve it").click()
    expect(page.locator("#refusal")).to_have_text("The sheet was changed or moved since it was chosen. Choose it once more.")
    expect(page.locator("#file")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.locator("#file").click()
    chooser.value.set_files(sheet)
    page.get_by_role("button", name="Halve it").click()
    expect(page.locator("#request-view")).to_contain_text("1 of 1 picture", timeout=PATIENCE)


def test_a_sheet_without_the_columns_cannot_go_on_without_rows(page: Page) -> None:
    choose(page, b"a,b\n1,2\n")
    page.get_by_role("button", name="Halve it").click()
    expect(page.locator("#refusal")).to_contain_text("mending")
    expect(page.get_by_role("button", name="Leave out these rows")).to_have_count(0)


def test_a_product_may_be_called_anything(page: Page, origin: Origin) -> None:
    evil = "<b>bold</b><script>document.title = 'caught'</script>"
    choose(page, sheet_of([(evil, [origin.url("/coffee.jpg"), origin.url("/nothing.jpg")])]))
    page.get_by_role("button", name="Halve it").click()
    view = page.locator("#request-view")
    expect(view.locator(".pictures .name")).to_have_text(evil, timeout=PATIENCE)
    expect(view.get_by_role("cell", name=evil)).to_be_visible()
    assert "caught" not in page.title()


def test_names_and_links_as_long_as_they_like_hide_nothing_that_failed(page: Page, origin: Origin) -> None:
    choose(page, sheet_of([("A" * 300, [origin.url(f"/{'long-' * 40}.jpg")])]))
    page.get_by_role("button", name="Halve it").click()
    table = page.locator("#request-view table")
    for width in (1000, 320):
        page.set_viewport_size({"width": width, "height": 800})
        for cell in (table.get_by_text("A" * 300), table.get_by_text("not found (404)"), table.get_by_role("link")):
            box = cell.bounding_box(timeout=PATIENCE)
            assert box is not None
            assert box["x"] + box["width"] <= width, width


def test_what_is_written_from_right_to_left_is_shown_from_its_start(page: Page, origin: Origin) -> None:
    name = "كوب قهوة سيراميك أبيض كبير مع صحن وملعقة"
    choose(page, sheet_of([(name, [origin.url("/coffee.jpg")])]), "كتالوج.csv")
    page.get_by_role("button", name="Halve it").click()
    shown = page.locator("#request-view .pictures .name")
    expect(shown).to_have_text(name, timeout=PATIENCE)
    for words in (shown, page.locator("#request-title")):
        assert words.evaluate("one => getComputedStyle(one).direction") == "rtl", "what does not fit is cut at its end"


def test_what_is_refused_is_pointed_at(page: Page) -> None:
    page.get_by_role("button", name="Halve it").click()
    expect(page.locator("#refusal")).to_contain_text("Choose a sheet first")
    choose(page, sheet_of([("Mug", ["https://a.test/a.jpg"])]))
    page.get_by_label("Longest edge").fill("99999")
    page.get_by_role("button", name="Halve it").click()
    expect(page.get_by_label("Longest edge")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Longest edge")).to_be_focused()
    page.get_by_label("Longest edge").fill("")
    page.get_by_text("Sheet and notifications").click()
    page.get_by_label("Webhook").fill("http://10.0.0.1/")
    page.get_by_text("Sheet and notifications").click()
    page.get_by_role("button", name="Halve it").click()
    expect(page.get_by_label("Webhook")).to_be_focused()
    expect(page.locator("#refusal")).to_contain_text("HALVE_ALLOW_PRIVATE")


def test_options_are_sent_along(page: Page, base: str, origin: Origin) -> None:
    choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg")])]))
    page.get_by_text("By size").click()
    page.get_by_label("At most").fill("40%")
    page.get_by_label("Format").select_option("webp")
    page.get_by_label("Longest edge").fill("200")
    with page.expect_response("**/upload") as uploaded:
        page.get_by_role("button", name="Halve it").click()
    status = page.request.get(uploaded.value.json()["status_url"]).json()
    assert status["options"] == {"max_bytes": "40%", "format": "webp", "max_size": "200"}


def test_pictures_can_be_compared_with_the_keyboard(page: Page, origin: Origin) -> None:
    choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg")])]))
    page.get_by_role("button", name="Halve it").click()
    page.locator(".pictures button").first.press("Enter", timeout=PATIENCE)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("slider")).to_be_focused()
    page.keyboard.press("Home")
    assert page.evaluate("getComputedStyle(document.querySelector('.compare-stage')).getPropertyValue('--cut')") == "0%"
    assert page.evaluate("[...document.querySelectorAll('dialog img')].map((image) => image.decode()).length") == 2
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_pictures_are_found_below_many_that_failed(page: Page, origin: Origin) -> None:
    lost = [(f"Lost {n}", [origin.url(f"/lost{n}.jpg")]) for n in range(80)]
    choose(page, sheet_of([*lost, ("Mug", [origin.url("/coffee.jpg")])]))
    page.get_by_role("button", name="Halve it").click()
    expect(page.locator(".pictures .name")).to_have_text("Mug", timeout=PATIENCE)


def test_whoever_is_at_a_picture_stays_there_while_others_come(page: Page, origin: Origin) -> None:
    early, late = origin.url("/coffee.jpg"), origin.serve("/late-one.jpg", photo("chelsea", width=320), latency=4)
    choose(page, sheet_of([("Late", [late]), ("Mug", [early])]))
    page.get_by_role("button", name="Halve it").click()
    mug = page.get_by_role("button", name="Compare Mug")
    mug.focus(timeout=PATIENCE)
    expect(page.locator(".pictures .name")).to_have_text(["Late", "Mug"], timeout=PATIENCE)
    expect(mug).to_be_focused()


def test_a_server_that_is_away_takes_nothing_from_what_is_shown(browser: Browser, base: str, origin: Origin) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(base)
    page.route("**/status/*", lambda route: route.abort())
    choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg")])]))
    # At the end it asks how its notifications go.
    with page.expect_event("requestfailed", lambda request: "/status/" in request.url, timeout=PATIENCE):
        page.get_by_role("button", name="Halve it").click()
        expect(page.locator("#request-view .pill")).to_have_text("completed", timeout=PATIENCE)
    page.wait_for_timeout(200)
    expect(page.get_by_role("link", name="Download sheet")).to_be_visible()
    context.close()


def test_a_server_that_is_away_is_said_to_be_until_it_is_back(browser: Browser, base: str, origin: Origin) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(base)
    for path in ("**/status/*", "**/events/*"):
        page.route(path, lambda route: route.abort())
    choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg")])]))
    page.get_by_role("button", name="Halve it").click()
    away = page.get_by_text("The server cannot be reached. This page goes on")
    expect(away).to_be_visible(timeout=PATIENCE)
    page.unroute_all()
    expect(page.locator("#request-view .pill")).to_have_text("completed", timeout=PATIENCE)
    expect(away).to_be_hidden()
    context.close()


def test_what_could_not_be_asked_at_the_end_is_asked_again(browser: Browser, base: str, origin: Origin) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(base)
    page.route("**/results/*", lambda route: route.abort())
    choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg"), origin.url("/gone.jpg")])]))
    with page.expect_event("requestfailed", lambda request: "state=failed" in request.url, timeout=PATIENCE):
        page.get_by_role("button", name="Halve it").click()
    expect(page.locator("#request-view .pill")).to_have_text("completed", timeout=PATIENCE)
    page.unroute_all()
    expect(page.locator(".pictures li")).to_have_count(1, timeout=PATIENCE)
    expect(page.get_by_role("table")).to_contain_text("not found (404)", timeout=PATIENCE)
    context.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, "<h1>Bad gateway</h1>"), (200, "null"), (200, '{"message": "limit exceeded"}'), (502, '{"detail": [1]}'), (200, "")],
)
def test_what_a_proxy_answers_in_our_place_is_said_to_be_no_answer(
    browser: Browser, base: str, origin: Origin, status: int, body: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(base)
    page.route("**/upload", lambda route: route.fulfill(status=status, body=body))
    choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg")])]))
    page.get_by_role("button", name="Halve it").click()
    expect(page.get_by_role("alert")).to_have_text(f"The server answered {status}.")
    expect(page.get_by_role("button", name="Halve it")).to_be_enabled()
    assert page.url == f"{base}/"
    context.close()


def test_a_failed_picture_can_be_retried_and_a_sheet_erased(page: Page, base: str, origin: Origin) -> None:
    late = origin.flaky("/late.jpg", photo("coffee", width=320), failures=1, status=404)
    choose(page, sheet_of([("Mug", [late])]), name="late.csv")
    page.get_by_role("button", name="Halve it").click()
    view = page.locator("#request-view")
    expect(view.locator(".pill")).to_have_text("failed", timeout=PATIENCE)
    view.get_by_role("button", name="Retry failed").click()
    expect(view.locator(".pill")).to_have_text("completed", timeout=PATIENCE)
    expect(view).to_contain_text("1 of 1 picture done")
    page.on("dialog", lambda dialog: dialog.accept())
    view.get_by_role("button", name="Erase").click()
    expect(page.get_by_role("heading", name="Half the weight")).to_be_visible()
    expect(page.locator("#recent")).not_to_contain_text("late.csv")


def test_who_clicks_twice_is_served_once(page: Page, base: str, origin: Origin) -> None:
    late = origin.flaky("/twice.jpg", photo("coffee", width=320), failures=1, status=404)
    choose(page, sheet_of([("Mug", [late])]))
    page.get_by_role("button", name="Halve it").click()
    view = page.locator("#request-view")
    expect(view.locator(".pill")).to_have_text("failed", timeout=PATIENCE)
    view.get_by_role("button", name="Retry failed").evaluate(TWICE)
    expect(view.locator(".pill")).to_have_text("completed", timeout=PATIENCE)
    expect(view.get_by_role("alert")).to_be_empty()
    for _ in range(16):
        hand_in(base, sheet_of([("Mug", [late])]))
    view.get_by_role("link", name="Another sheet").click()
    expect(page.locator("#recent-list li")).to_have_count(8)
    page.get_by_role("button", name="Show more").evaluate(TWICE)
    expect(page.locator("#recent-list li")).to_have_count(16)
    links = [item.get_attribute("href") for item in page.locator("#recent-list a").all()]
    assert len(set(links)) == len(links)


def test_who_skips_to_the_content_of_a_request_stays_there(page: Page, origin: Origin) -> None:
    choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg")])]))
    page.get_by_role("button", name="Halve it").click()
    view = page.locator("#request-view")
    expect(view.locator(".pill")).to_have_text("completed", timeout=PATIENCE)
    address = page.url
    page.get_by_role("link", name="To the content").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    assert page.url == address
    expect(view.get_by_role("heading", level=1)).to_have_text("catalogue.csv")


def test_what_is_erased_elsewhere_is_said_to_be_gone(page: Page, base: str, origin: Origin) -> None:
    slow = origin.serve("/erased.jpg", photo("coffee", width=320), latency=30)
    choose(page, sheet_of([("Mug", [slow])]))
    page.get_by_role("button", name="Halve it").click()
    view = page.locator("#request-view")
    expect(view.locator(".pill")).to_have_text("processing", timeout=PATIENCE)
    requests.delete(f"{base}/requests/{page.url.partition('#')[2]}", timeout=10)
    expect(view.get_by_role("heading", level=1)).to_have_text("Not here", timeout=PATIENCE)
    expect(view.locator(".pill")).to_be_hidden()
    page.wait_for_timeout(100)


def test_what_was_erased_elsewhere_can_be_erased(page: Page, base: str, origin: Origin) -> None:
    choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg")])]))
    page.get_by_role("button", name="Halve it").click()
    expect(page.locator("#request-view .pill")).to_have_text("completed", timeout=PATIENCE)
    page.wait_for_event("response", lambda response: "/status/" in response.url)  # it has looked how its notifications go
    requests.delete(f"{base}/requests/{page.url.partition('#')[2]}", timeout=10)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Erase").click()
    expect(page.locator("#upload-view")).to_be_visible()


def test_what_is_no_number_is_not_passed_over(page: Page, origin: Origin) -> None:
    choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg")])]))
    page.get_by_label("Longest edge").press_sequentially("2e")
    page.get_by_role("button", name="Halve it").click()
    expect(page.get_by_role("alert")).to_contain_text("must be a number")
    expect(page.get_by_label("Longest edge")).to_be_focused()
    page.get_by_label("Longest edge").fill("200")
    page.get_by_label("Quality, 1 to 100").fill("")
    page.get_by_label("Quality, 1 to 100").press_sequentially("-")
    page.get_by_text("By eye").click()  # then it is no matter
    page.get_by_role("button", name="Halve it").click()
    expect(page.locator("#request-view .pill")).to_have_text("completed", timeout=PATIENCE)


def test_with_keys_one_is_asked_for_and_everything_works_with_it(browser: Browser, tmp_path: Path, origin: Origin) -> None:
    with serving(tmp_path, api_keys="ann:let-me-in") as base:
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(base)
        for wrong in ("\u201clet-me-in\u201d", "wrong"):
            page.get_by_role("textbox", name="API key").fill(wrong)
            page.get_by_role("button", name="Go on").click()
            expect(page.get_by_role("alert").filter(has_text="not known")).to_be_visible()
        page.get_by_role("textbox", name="API key").fill("let-me-in")
        page.get_by_role("button", name="Go on").click()
        choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg")])]))
        page.get_by_role("button", name="Halve it").click()
        view = page.locator("#request-view")
        expect(view.locator(".pill")).to_have_text("completed", timeout=PATIENCE)
        with page.expect_download() as download:
            view.get_by_role("link", name="Download sheet").click()
        download.value.save_as(tmp_path / "out.csv")
        assert (tmp_path / "out.csv").stat().st_size > 0
        context.close()


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_narrow_screens_and_can_be_read(browser: Browser, base: str, width: int, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme)
    page = context.new_page()
    page.goto(base)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.get_by_text("Sheet and notifications").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRASTS) == []
    context.close()


def test_with_the_readers_own_colours_nothing_is_lost(browser: Browser, base: str, origin: Origin) -> None:
    """What Windows calls contrast themes: no background of ours is left."""
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(base)

    def colour(of: str) -> str:
        shown: str = page.locator(of).first.evaluate("one => getComputedStyle(one).backgroundColor")
        return shown

    assert colour(".segments input:checked + span") != colour(".segments input:not(:checked) + span")
    choose(page, sheet_of([("Mug", [origin.url("/coffee.jpg"), origin.url("/gone.jpg")])]))
    page.get_by_role("button", name="Halve it").click()
    expect(page.locator("#request-view .pill")).to_have_text("completed", timeout=PATIENCE)
    shown = {colour(part) for part in (".card", ".bar i:first-child", ".bar i + i")}
    assert len(shown) == 3
    assert colour(".weights i") != colour(".card") != colour(".weights .after i")
    context.close()


CONTRASTS = """() => {
  // WCAG 2.2, 1.4.3: text that is too faint on what is behind it.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return rgba("white");
  };
  const faint = [];
  for (const element of document.querySelectorAll("main *, header *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest("noscript, dialog")) continue;
    const style = getComputedStyle(element);
    const pair = [light(rgba(style.color)), light(behind(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) faint.push(`${element.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""
