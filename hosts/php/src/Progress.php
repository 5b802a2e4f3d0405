<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** How far a click or a bulk send is: `queued`, `running`, `waiting`, `complete` or `refused`; the pop-up at its end. */
final class Progress
{
    public function __construct(
        public readonly string $request,
        public readonly string $state,
        public readonly int $total,
        public readonly int $exported,
        public readonly int $failed,
        public readonly ?string $title,
        public readonly ?string $message,
    ) {
    }

    public function isOver(): bool
    {
        return in_array($this->state, ['complete', 'refused'], true);
    }
}
