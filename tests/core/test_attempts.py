from halve.core.attempts import MOST_CRASHES, after_failure, pause, poisoned, settled
from halve.core.errors import CodecCrashed, ImageFailed, Postponed
from halve.core.models import ImageResult, ImageState

FRESH = ImageResult()


def test_a_lasting_failure_ends_the_image_at_once() -> None:
    result, wait = after_failure(FRESH, ImageFailed("not found (404)", code="not_found"), round=0, retries=3)
    assert (result.state, result.error, result.error_code, result.attempts) == (
        ImageState.FAILED,
        "not found (404)",
        "not_found",
        1,
    )
    assert wait == 0


def test_a_passing_failure_is_tried_again_as_often_as_is_set_and_no_oftener() -> None:
    error = ImageFailed("server error (503)", code="server_error", transient=True)
    result, attempts = FRESH, 0
    while result.state is ImageState.PENDING:
        result, wait = after_failure(result, error, round=0, retries=3)
        attempts += 1
        assert (wait > 0) == (result.state is ImageState.PENDING)
    assert attempts == result.attempts == 4


def test_a_turn_that_did_not_come_is_no_attempt_however_often() -> None:
    result, _ = after_failure(FRESH, ImageFailed("server error (503)", transient=True), round=0, retries=1)
    for _ in range(9):
        result, wait = after_failure(result, Postponed("waiting", retry_after=15.0), round=0, retries=1)
        assert (result.state, result.attempts, wait) == (ImageState.PENDING, 1, 15.0)


def test_no_retries_means_none() -> None:
    result, _ = after_failure(FRESH, ImageFailed("timeout", transient=True), round=0, retries=0)
    assert result.state is ImageState.FAILED


def test_the_origin_may_ask_for_a_longer_pause_but_not_for_a_shorter_one() -> None:
    long = ImageFailed("busy", transient=True, retry_after=90)
    short = ImageFailed("busy", transient=True, retry_after=0)
    assert after_failure(FRESH, long, round=0, retries=3)[1] == 90
    assert after_failure(FRESH, short, round=0, retries=3)[1] >= 0.4


def test_pauses_grow_and_are_bounded() -> None:
    assert pause(1) < pause(2) < pause(3) < pause(4)
    assert pause(20) <= 66


def test_the_third_crash_makes_an_image_poison_and_charges_no_download() -> None:
    result = FRESH
    for _ in range(MOST_CRASHES - 1):
        result, wait = after_failure(result, CodecCrashed("the codec died"), round=0, retries=0)
        assert (result.state, wait, result.attempts) == (ImageState.PENDING, 0, 0)
    result, _ = after_failure(result, CodecCrashed("the codec died"), round=0, retries=0)
    assert (result.state, result.error_code) == (ImageState.FAILED, "poison")
    assert result.error == "given up after 3 times: the codec died"


def test_a_failure_of_an_earlier_round_is_open_again_and_a_success_never() -> None:
    failed = poisoned(FRESH, round=0, times=10)
    assert settled(failed, 0)
    assert not settled(failed, 1)
    assert settled(ImageResult(state=ImageState.KEPT), 5)
    assert not settled(FRESH, 0)
