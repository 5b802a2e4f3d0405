<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** The exporter did not answer, or had no room (`status` 429 or 5xx, else 0): nothing is lost, ask the same again. */
final class NotReached extends \RuntimeException
{
    public function __construct(string $message, public readonly int $status = 0, public readonly ?int $retryAfter = null)
    {
        parent::__construct($message, $status);
    }
}
