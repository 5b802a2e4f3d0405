"""The reference pages, written from the code they are about: `make reference`."""
