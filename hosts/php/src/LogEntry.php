<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** A line of an invoice's log: `outcome` is created, updated, adopted, unchanged, failed or refused; `by` who asked. */
final class LogEntry
{
    public function __construct(
        public readonly \DateTimeImmutable $at,
        public readonly string $outcome,
        public readonly ?string $message,
        public readonly ?string $by,
        public readonly string $request,
    ) {
    }
}
