<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/**
 * What is to be said to the exporter: written in the host's own transaction, sent by whoever flushes next.
 *
 * An event is sent under its one id until it is answered. Of one company they go in their order. While nobody answers,
 * none is tried before the next try is due: a click need not wait to learn what the last one learned.
 */
final class Outbox
{
    private const WAITS = [5, 15, 30, 60, 120, 300];
    private const CLAIM_SECONDS = 90;  // longer than a call may take: a process that dies gives the event back
    /** What is not about this one event: a clock that goes wrong, a secret that was rotated. */
    private const OF_EVERYBODY = [401];

    public function __construct(private readonly Tables $tables)
    {
    }

    /** @param list<array<string, mixed>> $events as `Events` builds them */
    public function put(array $events): void
    {
        foreach ($events as $event) {
            $document = new Document($event);
            $this->tables->insertNew('xero_outbox', [
                'event_id' => (string) $document->text('id'),
                'company' => (string) $document->text('data.company'),
                'body' => Events::json($event),
                'state' => 'waiting',
                'tries' => 0,
                'next_at' => 0,
                'away' => 0,
                'created_at' => time(),
            ]);
        }
    }

    /** Sends what is due, for at most so many seconds; gives how many events were answered. Raises nothing of theirs. */
    public function flush(Exporter $exporter, float $seconds = 20.0): int
    {
        $end = microtime(true) + $seconds;
        $answered = 0;
        while (($left = $end - microtime(true)) > 0.05 && ($row = $this->claim()) !== null) {
            try {
                $exporter->within($left)->publish((string) $row->text('body'), (string) $row->text('event_id'));
                $this->sent($row);
            } catch (NotAccepted $refused) {
                if (in_array($refused->status, self::OF_EVERYBODY, true)) {
                    $this->rest($row, new NotReached($refused->getMessage()));
                    error_log('crewcard xero: nothing is sent. ' . $refused->getMessage());
                    break;
                }
                $this->refuse($row, $refused);
            } catch (NotReached $lost) {
                $this->rest($row, $lost);
                if ($lost->status !== 429) {
                    break;
                }
                continue;  // too much of this company waits there: others go on
            }
            $answered++;
        }
        return $answered;
    }

    /**
     * How many events wait to be sent, since when (seconds since 1970), and the `problem` that the last try of the oldest
     * one met; for whoever watches the host.
     */
    public function backlog(): Document
    {
        $asked = "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest FROM xero_outbox WHERE state = 'waiting'";
        $tried = "SELECT problem FROM xero_outbox WHERE state = 'waiting' AND tries > 0 ORDER BY id LIMIT 1";
        $problem = ($this->tables->rows($tried)[0] ?? new Document([]))->text('problem');
        return new Document($this->tables->rows($asked)[0]->fields + ['problem' => $problem]);
    }

    /**
     * What the exporter refused, newest first, with its sentences.
     *
     * @return list<Document>
     */
    public function refused(string $company): array
    {
        $asked = "SELECT event_id, body, problem, created_at FROM xero_outbox WHERE state = 'refused' AND company = ?";
        return $this->tables->rows("$asked ORDER BY id DESC LIMIT 100", [$company]);
    }

    private function claim(): ?Document
    {
        $due = "SELECT o.id, o.event_id, o.company, o.body, o.tries, o.next_at FROM xero_outbox o
            WHERE o.state = 'waiting' AND o.next_at <= ? AND NOT EXISTS (SELECT 1 FROM xero_outbox e
                WHERE e.state = 'waiting' AND e.next_at > ? AND (e.away = 1 OR (e.company = o.company AND e.id < o.id)))
            ORDER BY o.id LIMIT 1";
        $mine = "UPDATE xero_outbox SET next_at = ? WHERE id = ? AND state = 'waiting' AND next_at = ?";
        do {
            $now = time();
            $row = $this->tables->rows($due, [$now, $now])[0] ?? null;
            if ($row === null) {
                return null;
            }
            $given = [$now + self::CLAIM_SECONDS, $row->number('id'), $row->number('next_at')];
        } while ($this->tables->run($mine, $given)->rowCount() !== 1);
        return $row;
    }

    private function sent(Document $row): void
    {
        $this->tables->run('DELETE FROM xero_outbox WHERE id = ?', [$row->number('id')]);
        $this->tables->run("UPDATE xero_outbox SET away = 0, next_at = 0 WHERE away = 1 AND state = 'waiting'");
    }

    private function rest(Document $row, NotReached $lost): void
    {
        $tries = $row->number('tries');
        $wait = $lost->retryAfter ?? self::WAITS[min($tries, count(self::WAITS) - 1)];
        $this->tables->run(
            'UPDATE xero_outbox SET tries = ?, next_at = ?, away = ?, problem = ? WHERE id = ?',
            [$tries + 1, time() + min($wait, 3600), $lost->status === 429 ? 0 : 1, $lost->getMessage(), $row->number('id')],
        );
    }

    /** Refused for good: nothing of it was sent to Xero, and whoever looks at its invoices is told so. */
    private function refuse(Document $row, NotAccepted $refused): void
    {
        $this->tables->transaction(function () use ($row, $refused): void {
            $problem = implode("\n", $refused->problems);
            $kept = "UPDATE xero_outbox SET state = 'refused', away = 0, problem = ? WHERE id = ?";
            $this->tables->run($kept, [$problem, $row->number('id')]);
            $event = Document::parse((string) $row->text('body'));
            (new Inbox($this->tables))->refuse((string) $row->text('event_id'), $event->in('data'), $problem);
        });
    }
}
