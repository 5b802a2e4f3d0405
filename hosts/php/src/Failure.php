<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** Why an invoice is not in Xero: the pop-up, `who` can mend it (clerk, admin, bookkeeper, support), how and where. */
final class Failure
{
    public const TITLE = 'Invoice Failed to Export';

    public function __construct(
        public readonly string $title,
        public readonly string $message,
        public readonly ?string $how,
        public readonly ?string $who,
        public readonly ?string $link,
    ) {
    }
}
