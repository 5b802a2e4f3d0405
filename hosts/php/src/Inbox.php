<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/**
 * The events that come from the exporter: each counts once, however often and in whatever order they come.
 *
 * What it does not know is taken and left alone. `$also` is told of each event in the same transaction.
 */
final class Inbox
{
    /** @param (\Closure(Document): void)|null $also */
    public function __construct(private readonly Tables $tables, private readonly ?\Closure $also = null)
    {
    }

    /**
     * Takes these events, all of them or none; those that were here before and examples are passed over.
     *
     * @param list<Document> $events
     */
    public function takeAll(array $events): void
    {
        $this->tables->transaction(function () use ($events): void {
            array_map($this->take(...), $events);
        });
    }

    /** Takes one event, whole or not at all; gives whether it was news. What is marked as a test changes nothing here. */
    public function take(Document $event): bool
    {
        [$id, $type] = [(string) $event->text('id'), (string) $event->text('type')];
        if ($id === '' || $type === '') {
            throw new \InvalidArgumentException('this is no event of the exporter');
        }
        if ($event->isTrue('test')) {
            return false;  // an example: its invoice may have the id of one of ours
        }
        return $this->tables->transaction(function () use ($id, $type, $event): bool {
            $row = ['event_id' => $id, 'type' => substr($type, 0, 100), 'received_at' => Tables::now()];
            if (!$this->tables->insertNew('xero_inbox', $row)) {
                return false;
            }
            match ($type) {
                'invoice.export.succeeded', 'invoice.export.failed' => $this->answer($id, $event->in('data'), $event),
                'invoice.export.progressed' => $this->request($event->in('data'), 'running'),
                'invoice.export.completed' => $this->request($event->in('data'), 'complete'),
                'invoice.export.deferred' => $this->request($event->in('data'), 'waiting'),
                'invoice.paid', 'invoice.part_paid', 'invoice.unpaid', 'invoice.voided',
                'invoice.edited' => $this->payment($event->in('data')),
                'client.xero_contact.updated', 'client.xero_contact.rejected',
                'company.settings.updated', 'company.settings.rejected' => $this->changed($event),
                default => null,
            };
            if ($this->also !== null) {
                ($this->also)($event);
            }
            return true;
        });
    }

    /** Takes what the feed has since the last time, for a host without webhooks or one that was away; gives how many. */
    public function pull(Exporter $exporter, int $wait = 0, string $name = 'feed'): int
    {
        $asked = 'SELECT next_cursor FROM xero_feed WHERE name = ?';
        $cursor = ($this->tables->rows($asked, [$name])[0] ?? new Document([]))->text('next_cursor') ?? '0';
        $this->tables->insertNew('xero_feed', ['name' => $name, 'next_cursor' => $cursor]);
        $news = 0;
        do {
            $page = $exporter->feed($cursor, 500, [], $wait);
            foreach ($page->each('events') as $event) {
                $news += (int) $this->take($event);
            }
            $cursor = $page->text('next') ?? $cursor;
            $this->tables->run('UPDATE xero_feed SET next_cursor = ? WHERE name = ?', [$cursor, $name]);
        } while ($page->isTrue('more'));
        return $news;
    }

    /** Forgets ids of events older than so many days; the exporter tries for three. */
    public function prune(int $days = 30): int
    {
        $before = gmdate('Y-m-d\TH:i:s\Z', time() - $days * 86400);
        return $this->tables->run('DELETE FROM xero_inbox WHERE received_at < ?', [$before])->rowCount();
    }

    /** What the exporter refused as a whole: the request's invoices stay here, and say so; a change is answered so. */
    public function refuse(string $event, Document $data, string $problem): void
    {
        $isExport = $data->each('invoices') !== [];
        $company = (string) $data->text('company');
        $request = $isExport ? (string) $data->text('request') : $event;
        $message = 'Nothing was sent to Xero: the exporter refused this request.';
        $how = "Ask support; the exporter's reason: $problem";
        $show = "UPDATE xero_markers SET marker = 'failed', title = ?, message = ?, how = ?, who = 'support', link = NULL
            WHERE company = ? AND invoice = ? AND marker = 'queued'";
        foreach ($data->each('invoices') as $invoice) {
            $id = (string) $invoice->text('id');
            $this->tables->run($show, [Failure::TITLE, $message, $how, $company, $id]);
            $refused = ['company' => $company, 'invoice' => $id, 'request' => $request, 'marker' => 'failed'];
            $this->log(hash('sha256', "$event/$id"), new Document($refused), 'refused', $message, Tables::now());
        }
        $count = count($data->each('invoices'));
        $this->tables->run(
            "UPDATE xero_requests SET failed = failed + ?, state = 'refused', title = ?, message = ?
                WHERE company = ? AND request = ?",
            [$count, ...($isExport ? [Failure::TITLE, $message] : ['Nothing was changed', $how]), $company, $request],
        );
    }

    /** `sequence` grows with each event of an invoice: an older one that comes late is logged, and changes nothing shown. */
    private function answer(string $id, Document $data, Document $event): void
    {
        $message = $data->text('notification.message');
        $this->log($id, $data, $data->text('outcome') ?? 'failed', $message, $event->text('time') ?? Tables::now());
        $key = ['company' => (string) $data->text('company'), 'invoice' => (string) $data->text('invoice')];
        $this->tables->insertNew('xero_markers', $key + ['sequence' => 0, 'marker' => 'queued']);
        $this->tables->run(
            'UPDATE xero_markers SET sequence = ?, marker = ?, last_exported = COALESCE(?, last_exported),
                deep_link = COALESCE(?, deep_link), title = ?, message = ?, how = ?, who = ?, link = ?
                WHERE company = ? AND invoice = ? AND sequence < ?',
            [
                $data->number('sequence'),
                $data->text('marker'),
                $data->text('exported_at'),
                $data->text('deep_link'),
                $data->text('notification.title'),
                $message,
                $data->text('how'),
                $data->text('who'),
                $data->text('link'),
                $key['company'],
                $key['invoice'],
                $data->number('sequence'),
            ],
        );
        if ($data->text('xero_invoice_id') !== null) {  // raised anew: what was told is of an invoice that is gone
            $gone = 'UPDATE xero_payments SET state = NULL WHERE company = ? AND invoice = ? AND xero_invoice_id <> ?';
            $this->tables->run($gone, [$key['company'], $key['invoice'], $data->text('xero_invoice_id')]);
        }
    }

    /** What became of the invoice in Xero; `change` grows with each of these events, and its marker stays as it is. */
    private function payment(Document $data): void
    {
        $key = ['company' => (string) $data->text('company'), 'invoice' => (string) $data->text('invoice')];
        $this->tables->insertNew('xero_payments', $key + ['xero_invoice_id' => '', 'told' => 0]);
        $this->tables->run(
            'UPDATE xero_payments SET document = ?, xero_invoice_id = ?, told = ?, state = ?, currency = ?, total = ?, paid = ?,
                credited = ?, due = ?, paid_on = ?, seen_at = ? WHERE company = ? AND invoice = ? AND told < ?',
            [
                $data->text('document'),
                (string) $data->text('xero_invoice_id'),
                $data->number('change'),
                $data->text('state'),
                $data->text('currency'),
                $data->text('total'),
                $data->text('paid'),
                $data->text('credited'),
                $data->text('due'),
                $data->text('paid_on'),
                $data->text('seen_at'),
                $key['company'],
                $key['invoice'],
                $data->number('change'),
            ],
        );
    }

    /** The answer to a change that was asked for here, under the id of the event that asked. */
    private function changed(Document $event): void
    {
        $data = $event->in('data');
        $isRefused = str_ends_with((string) $event->text('type'), '.rejected');
        $problems = implode(' ', $data->texts('problems'));
        $message = $isRefused ? trim($data->text('message') . ' ' . $data->text('how') . ' ' . $problems) : 'Saved.';
        $this->tables->run(
            "UPDATE xero_requests SET state = 'complete', failed = ?, title = ?, message = ?
                WHERE company = ? AND request = ? AND state <> 'complete'",
            [
                (int) $isRefused,
                $isRefused ? 'Nothing was changed' : 'Saved',
                $message,
                $data->text('company'),
                $event->text('causationid') ?? '',
            ],
        );
    }

    private function log(string $id, Document $data, string $outcome, ?string $message, string $at): void
    {
        $key = [(string) $data->text('company'), (string) $data->text('request')];
        $asked = 'SELECT asked_by FROM xero_requests WHERE company = ? AND request = ?';
        $by = ($this->tables->rows($asked, $key)[0] ?? new Document([]))->text('asked_by')
            ?? $data->text('requested_by.name') ?? $data->text('requested_by.id');
        $this->tables->insertNew('xero_log', [
            'event_id' => $id,
            'company' => $key[0],
            'invoice' => (string) $data->text('invoice'),
            'sequence' => $data->number('sequence'),
            'request' => $key[1],
            'marker' => (string) $data->text('marker'),
            'outcome' => $outcome,
            'message' => $message,
            'asked_by' => $by,
            'at' => $at,
        ]);
    }

    /** How far a request is; after `completed` late news of it changes nothing. */
    private function request(Document $data, string $state): void
    {
        $key = ['company' => (string) $data->text('company'), 'request' => (string) $data->text('request')];
        $none = ['total' => 0, 'exported' => 0, 'failed' => 0, 'state' => 'queued', 'created_at' => Tables::now()];
        $this->tables->insertNew('xero_requests', $key + $none);
        $shown = [$data->text('notification.title'), $data->text('notification.message') ?? $data->text('message')];
        // While parts of it are on their way the exporter knows fewer than were clicked here.
        $total = $state === 'complete' ? '?' : 'CASE WHEN total > ? THEN total ELSE ? END';
        $counts = $state === 'waiting' ? '' : ", total = $total, exported = ?, failed = ?";
        $told = array_fill(0, $state === 'complete' ? 1 : 2, $data->number('total'));
        $numbers = [...$told, $data->number('exported'), $data->number('failed')];
        $this->tables->run(
            "UPDATE xero_requests SET state = ?, title = ?, message = ?$counts
                WHERE company = ? AND request = ? AND state <> 'complete'",
            [$state, ...$shown, ...($counts === '' ? [] : $numbers), $key['company'], $key['request']],
        );
    }
}
