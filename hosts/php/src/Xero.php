<?php

declare(strict_types=1);

namespace CrewCard\Xero;

use PDO;
use Psr\Http\Client\ClientInterface;
use Psr\Http\Message\RequestFactoryInterface;
use Psr\Http\Message\ResponseFactoryInterface;
use Psr\Http\Message\StreamFactoryInterface;

/** All of a host's side in one object: send a click, take what comes, draw what is known. */
final class Xero
{
    private const CLICK_SECONDS = 0.8;  // a click answers within a second, whoever is away
    public readonly Outbox $outbox;
    public readonly Inbox $inbox;
    public readonly Markers $markers;
    public readonly Events $events;

    public function __construct(
        public readonly Exporter $exporter,
        public readonly Tables $tables,
        ?\Closure $also = null,
        string $source = 'crewcard',
    ) {
        $this->outbox = new Outbox($tables);
        $this->inbox = new Inbox($tables, $also);
        $this->markers = new Markers($tables);
        $this->events = new Events($source);
    }

    /**
     * With CREWCARD_XERO_URL, CREWCARD_XERO_KEY and CREWCARD_XERO_SECRET of the environment; without a client of the
     * host's own, PHP's streams.
     */
    public static function fromEnvironment(
        PDO $database,
        RequestFactoryInterface&ResponseFactoryInterface&StreamFactoryInterface $messages,
        ?ClientInterface $client = null,
    ): self {
        $client ??= new StreamClient($messages, $messages);
        [$url, $key, $secret] = array_map(self::setting(...), ['URL', 'KEY', 'SECRET']);
        return new self(new Exporter($url, $key, $secret, $client, $messages, $messages), new Tables($database));
    }

    /**
     * “Export Invoice to XERO” and “Xero Bulk Send”: filed here, shown as queued, and sent at once where the exporter is
     * there; gives false where this button was clicked before. Amounts are strings.
     *
     * @param list<array<string, mixed>> $invoices
     * @param 'single'|'bulk'|null $mode
     * @param array<string, mixed> $origin
     */
    public function export(
        string $company,
        string $button,
        Person $by,
        array $invoices,
        ?string $mode = null,
        array $origin = [],
    ): bool {
        if ($invoices === []) {
            throw new \InvalidArgumentException('invoices: there is nothing to export');
        }
        $ids = array_map(static fn (array $one): ?string => (new Document($one))->text('id'), $invoices);
        if (in_array(null, $ids, true) || in_array('', $ids, true)) {
            throw new \InvalidArgumentException('invoices: each needs an id');
        }
        $isNew = $this->tables->transaction(function () use ($company, $button, $by, $invoices, $mode, $origin): bool {
            if (!$this->markers->queue($company, $button, $by, $invoices)) {
                return false;
            }
            $this->outbox->put($this->events->export($company, $button, $by, $invoices, $mode, $origin));
            return true;
        });
        $this->hurry();
        return $isNew;
    }

    /**
     * Any other event: an order, a Xero Client ID, settings (`$xero->events` builds them).
     *
     * @param array<string, mixed> $event
     */
    public function send(array $event): void
    {
        $this->tables->transaction(fn () => $this->outbox->put([$event]));
        $this->hurry();
    }

    /**
     * The same for a change that is answered once (a Xero Client ID, settings): gives the name by which
     * `$markers->progress` has its answer.
     *
     * @param array<string, mixed> $event
     */
    public function ask(array $event, Person $by): string
    {
        $document = new Document($event);
        [$company, $id] = [(string) $document->text('data.company'), (string) $document->text('id')];
        $this->tables->transaction(function () use ($company, $id, $by, $event): void {
            if ($this->markers->queue($company, $id, $by, [])) {
                $this->outbox->put([$event]);
            }
        });
        $this->hurry();
        return $id;
    }

    /** Sends what waits once the answer of this request is with the browser; for the end of any page. */
    public function flushAfterResponse(float $seconds = 20.0): int
    {
        if (function_exists('fastcgi_finish_request')) {
            fastcgi_finish_request();
            return $this->outbox->flush($this->exporter, $seconds);
        }
        return 0;  // elsewhere the browser would wait: a worker flushes
    }

    /** The handler of webhooks, with CREWCARD_XERO_WEBHOOK_SECRET (two, parted by a comma, while it is rotated). */
    public function webhook(): Webhook
    {
        $secrets = array_filter(array_map(trim(...), explode(',', self::setting('WEBHOOK_SECRET'))));
        return new Webhook($this->inbox, array_values($secrets));
    }

    /** Nothing is sent from within a transaction of the host's: it may still be rolled back. */
    private function hurry(): void
    {
        if (!$this->tables->database->inTransaction()) {
            $this->outbox->flush($this->exporter, self::CLICK_SECONDS);
        }
    }

    private static function setting(string $name): string
    {
        $value = getenv("CREWCARD_XERO_$name");
        if (!is_string($value) || $value === '') {
            throw new \InvalidArgumentException("CREWCARD_XERO_$name is not set");
        }
        return $value;
    }
}
