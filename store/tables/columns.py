"""Column types that both databases understand."""

from sqlalchemy import BigInteger, Integer

# SQLite counts up only plain INTEGER keys, which are 64 bits wide there.
BIG = BigInteger().with_variant(Integer(), "sqlite")
