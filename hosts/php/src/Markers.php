<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** What the host's pages show, out of its own tables: markers, Last Exported, the log, how far a request is. */
final class Markers
{
    public function __construct(private readonly Tables $tables)
    {
    }

    /**
     * The marker of each of these invoices, by their ids; one that was never sent has one too.
     *
     * @param list<string> $invoices
     * @return array<string, Marker>
     */
    public function of(string $company, array $invoices): array
    {
        $markers = [];
        foreach ($invoices as $invoice) {
            $markers[$invoice] = new Marker($company, $invoice);
        }
        foreach (array_chunk($invoices, 500) as $some) {
            $places = implode(', ', array_fill(0, count($some), '?'));
            $payments = [];
            $asked = "SELECT * FROM xero_payments WHERE company = ? AND invoice IN ($places)";
            foreach ($this->tables->rows($asked, [$company, ...$some]) as $row) {
                $payments[(string) $row->text('invoice')] = Payment::ofRow($row);
            }
            $asked = "SELECT * FROM xero_markers WHERE company = ? AND invoice IN ($places)";
            foreach ($this->tables->rows($asked, [$company, ...$some]) as $row) {
                $marker = Marker::ofRow($row, $payments[(string) $row->text('invoice')] ?? null);
                $markers[$marker->invoice] = $marker;
            }
        }
        return $markers;
    }

    /**
     * The log of an invoice, newest first.
     *
     * @return list<LogEntry>
     */
    public function log(string $company, string $invoice, int $most = 100): array
    {
        $asked = 'SELECT * FROM xero_log WHERE company = ? AND invoice = ? ORDER BY at DESC, sequence DESC';
        $rows = $this->tables->rows("$asked LIMIT " . max(1, $most), [$company, $invoice]);
        return array_map(static fn (Document $row): LogEntry => new LogEntry(
            new \DateTimeImmutable($row->text('at') ?? 'now'),
            (string) $row->text('outcome'),
            $row->text('message'),
            $row->text('asked_by'),
            (string) $row->text('request'),
        ), $rows);
    }

    public function progress(string $company, string $request): ?Progress
    {
        $asked = 'SELECT * FROM xero_requests WHERE company = ? AND request = ?';
        $row = $this->tables->rows($asked, [$company, $request])[0] ?? null;
        return $row === null ? null : new Progress(
            $request,
            (string) $row->text('state'),
            $row->number('total'),
            $row->number('exported'),
            $row->number('failed'),
            $row->text('title'),
            $row->text('message'),
        );
    }

    /**
     * Files a request and shows its invoices as queued; gives false, and changes nothing, where the request is known.
     *
     * @param list<array<string, mixed>> $invoices
     */
    public function queue(string $company, string $request, Person $by, array $invoices): bool
    {
        $row = ['company' => $company, 'request' => $request, 'asked_by' => $by->name ?? $by->id];
        $row += ['total' => count($invoices), 'exported' => 0, 'failed' => 0, 'state' => 'queued'];
        if (!$this->tables->insertNew('xero_requests', $row + ['created_at' => Tables::now()])) {
            return false;
        }
        $shown = "UPDATE xero_markers SET marker = 'queued', title = NULL, message = NULL, how = NULL, who = NULL,
            link = NULL WHERE company = ? AND invoice = ?";
        foreach ($invoices as $invoice) {
            $key = ['company' => $company, 'invoice' => (string) (new Document($invoice))->text('id')];
            if (!$this->tables->insertNew('xero_markers', $key + ['sequence' => 0, 'marker' => 'queued'])) {
                $this->tables->run($shown, array_values($key));
            }
        }
        return true;
    }
}
