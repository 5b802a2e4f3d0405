<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** What became of a company's exports in a day, as `company.day_summarised` tells it: to be mailed as it is. */
final class DaySummary
{
    /** @param list<string> $lines sentences, one of each thing there is to tell */
    public function __construct(
        public readonly string $company,
        public readonly string $day,
        public readonly string $title,
        public readonly array $lines,
        public readonly int $exported,
        public readonly int $failed,
        public readonly int $waiting,
        public readonly ?int $loginEndsInDays,
    ) {
    }

    /** Null of any other event. */
    public static function ofEvent(Document $event): ?self
    {
        if ($event->text('type') !== 'company.day_summarised') {
            return null;
        }
        $data = $event->in('data');
        $days = $data->text('connection.ends_in_days');
        return new self(
            (string) $data->text('company'),
            (string) $data->text('day'),
            (string) $data->text('notification.title'),
            explode("\n", (string) $data->text('notification.message')),
            $data->number('exported'),
            $data->number('failed'),
            $data->number('waiting.invoices'),
            $days === null ? null : (int) $days,
        );
    }
}
