<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/**
 * What stands beside an invoice number: `not_exported`, `queued`, `exporting`, `exported`, `failed`, `waiting`,
 * `uncertain`, `excluded`, or what a later version adds; `failure` only while it is `failed`, `payment`
 * once something was told of it.
 */
final class Marker
{
    private const WORDS = [
        'not_exported' => 'Not exported',
        'exported' => 'Exported',
        'failed' => 'Failed to export',
        'excluded' => 'Do not send',
    ];

    public function __construct(
        public readonly string $company,
        public readonly string $invoice,
        public readonly string $marker = 'not_exported',
        public readonly ?LastExported $lastExported = null,
        public readonly ?Failure $failure = null,
        public readonly ?Payment $payment = null,
    ) {
    }

    public static function ofRow(Document $row, ?Payment $payment = null): self
    {
        $at = $row->text('last_exported');
        $failed = $row->text('marker') === 'failed';
        return new self(
            (string) $row->text('company'),
            (string) $row->text('invoice'),
            $row->text('marker') ?? 'not_exported',
            $at === null ? null : new LastExported(new \DateTimeImmutable($at), self::address($row, 'deep_link')),
            !$failed ? null : new Failure(
                $row->text('title') ?? Failure::TITLE,
                (string) $row->text('message'),
                $row->text('how'),
                $row->text('who'),
                self::address($row, 'link'),
            ),
            $payment,
        );
    }

    /** In words: what is under way is “Being exported”. */
    public function words(): string
    {
        return self::WORDS[$this->marker] ?? 'Being exported';
    }

    /** Whether an answer is still to come. */
    public function isOpen(): bool
    {
        return !isset(self::WORDS[$this->marker]);
    }

    /** Only what a browser may open: a link is never a script. */
    private static function address(Document $row, string $name): ?string
    {
        $link = $row->text($name);
        return $link !== null && preg_match('#^https?://#i', $link) === 1 ? $link : null;
    }
}
