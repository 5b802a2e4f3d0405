from tests.doors.conftest import small_doors, small_host  # noqa: F401  # the same doors
