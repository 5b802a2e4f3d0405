<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/**
 * How far an exported invoice is paid in Xero, or a credit note is used: `state` is paid, part_paid, unpaid or voided;
 * amounts are texts in `currency`. `document` is invoice or credit_note.
 */
final class Payment
{
    public function __construct(
        public readonly string $state,
        public readonly string $currency,
        public readonly string $total,
        public readonly string $paid,
        public readonly string $credited,
        public readonly string $due,
        public readonly ?string $paidOn,
        public readonly \DateTimeImmutable $seenAt,
        public readonly string $document = 'invoice',
    ) {
    }

    public static function ofRow(Document $row): ?self
    {
        $state = $row->text('state');
        return $state === null ? null : new self(
            $state,
            (string) $row->text('currency'),
            (string) $row->text('total'),
            (string) $row->text('paid'),
            (string) $row->text('credited'),
            (string) $row->text('due'),
            $row->text('paid_on'),
            new \DateTimeImmutable($row->text('seen_at') ?? 'now'),
            $row->text('document') ?? 'invoice',
        );
    }

    /** In words: “Paid”, “40.00 of 110.00 USD paid, 70.00 due”, “Used”; nothing is said of what is not paid at all. */
    public function words(): string
    {
        $isNote = $this->document === 'credit_note';
        if ($this->state === 'part_paid') {
            [$paid, $credited, $due] = $isNote ? ['refunded', 'allocated', 'left'] : ['paid', 'credited', 'due'];
            $beside = (float) $this->credited === 0.0 ? '' : ", {$this->credited} $credited";
            return "{$this->paid} of {$this->total} {$this->currency} $paid$beside, {$this->due} $due";
        }
        return ['paid' => $isNote ? 'Used' : 'Paid', 'voided' => 'Voided in Xero'][$this->state] ?? '';
    }
}
