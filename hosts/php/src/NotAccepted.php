<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** The exporter refused for good: a status, and sentences that each name the field they are about. */
final class NotAccepted extends \RuntimeException
{
    /** @param list<string> $problems */
    public function __construct(public readonly int $status, public readonly array $problems)
    {
        parent::__construct("The exporter answered $status: " . (implode('; ', $problems) ?: 'no reason given'), $status);
    }

    /** The same for people: without the field or code that each begins with. */
    public function sentences(): string
    {
        $plain = static fn (string $one): string => ucfirst((string) preg_replace('/^[a-z_.\[\]0-9]+: /', '', $one));
        return implode(' ', array_map($plain, $this->problems));
    }
}
