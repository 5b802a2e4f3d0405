<?php

declare(strict_types=1);

namespace CrewCard\Xero;

use Psr\Http\Client\ClientInterface;

/** An HTTP client that can be told how long it may take: a click has less time than a worker. */
interface Patient extends ClientInterface
{
    public function within(float $seconds): static;
}
