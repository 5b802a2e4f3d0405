"""Clicks at a host's endpoint, against a whole installation: nothing is said to be over before it was answered."""

import pytest

from benchmarks import popup


@pytest.mark.ci
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("live")
def test_of_a_hundred_clicks_none_is_completed_at_the_endpoint_before_its_answer():
    """`python -m benchmarks popup` has the long form, 1,000, and the time until the pop-up."""
    assert popup.at_the_endpoint(100) == (0, 0)
