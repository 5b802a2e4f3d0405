"""`python -m benchmarks`: lists the benchmarks there are; each is a module with a command of its own."""

import pkgutil
import sys

import benchmarks


def main() -> int:
    """Print the names; running them comes with the figures they make."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__")
    print("\n".join(f"python -m benchmarks.{name}" for name in names) or "There are no benchmarks yet.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
