<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** Whoever asks: the id in the host, a name that people know, and the role (`admin` may change Xero Client IDs). */
final class Person
{
    public function __construct(
        public readonly string $id,
        public readonly ?string $name = null,
        public readonly ?string $role = null,
    ) {
    }

    /** @return array<string, string> */
    public function fields(): array
    {
        return array_filter(get_object_vars($this), static fn (?string $one): bool => $one !== null);
    }
}
