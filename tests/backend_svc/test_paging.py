import pytest

from backend_svc.paging import UnreadablePageTokenError, page_start, page_token


def test_a_token_leads_to_the_row_it_was_made_for() -> None:
    assert page_start(page_token("7f3c", "status=active"), "status=active") == "7f3c"


def test_no_token_starts_at_the_first_row() -> None:
    assert page_start("", "status=active") == ""


def test_a_token_of_other_filters_is_refused() -> None:
    with pytest.raises(UnreadablePageTokenError, match="other filters"):
        page_start(page_token("7f3c", "status=active"), "status=paused")


@pytest.mark.parametrize("token", ["x", "!!!!", "////", "YWJj", "übür"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(UnreadablePageTokenError):
        page_start(token, "")
