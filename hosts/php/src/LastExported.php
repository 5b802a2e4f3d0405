<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** When an invoice was last exported (UTC), and where it is in Xero. */
final class LastExported
{
    public function __construct(public readonly \DateTimeImmutable $at, public readonly ?string $deepLink)
    {
    }

    /** As people read it: 20 Nov 2026, 14:05, in the time zone of whoever looks. */
    public function shown(?\DateTimeZone $zone = null): string
    {
        return $this->at->setTimezone($zone ?? new \DateTimeZone('UTC'))->format('j M Y, H:i');
    }
}
