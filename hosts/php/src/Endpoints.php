<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/**
 * The two endpoints, one to read and one to act, that the elements of `hosts/elements/crewcard-xero.js` ask:
 * GET and POST of one address of the host's, with `what` in the query.
 */
final class Endpoints
{
    private const ASKING_SECONDS = 0.8;
    private const MOST_BYTES = 1_000_000;  // ids of invoices, or what somebody pasted

    /**
     * @param (\Closure(Person): bool)|null $mayConnect who may log the company in to Xero, that is choose where its
     *     invoices go; without it everybody who is signed in
     */
    public function __construct(
        private readonly Xero $xero,
        private readonly Application $application,
        private readonly ?\Closure $mayConnect = null,
    ) {
    }

    /** Answers the PHP request at hand. */
    public function answer(): void
    {
        $given = static fn (string $name): string => is_string($_SERVER[$name] ?? null) ? $_SERVER[$name] : '';
        $body = Document::parse((string) file_get_contents('php://input', false, null, 0, self::MOST_BYTES));
        [$status, $said] = $this->handle($given('REQUEST_METHOD'), new Document($_GET), $body, $given('HTTP_X_CSRF_TOKEN'));
        http_response_code($status);
        header('Content-Type: application/json');
        header('Cache-Control: no-store');
        header('X-Content-Type-Options: nosniff');
        echo Events::json($said);
    }

    /** @return array{int, array<string, mixed>} a status, and what is said */
    public function handle(string $method, Document $query, Document $body, string $token = ''): array
    {
        $person = $this->application->person();
        if ($person === null) {
            return [401, ['message' => 'Sign in first.']];
        }
        foreach ([...$query->texts('id'), $query->text('id'), $query->text('request')] as $given) {
            if (preg_match('/^[^\0]*$/Du', (string) $given) !== 1) {  // PostgreSQL would refuse the whole question
                return [422, ['message' => 'This is no id.']];
            }
        }
        if ($method === 'POST' && $query->text('what') === 'login' && !($this->mayConnect?->__invoke($person) ?? true)) {
            return [403, ['message' => 'You may not log in to Xero for this company. Ask an admin.']];
        }
        $own = $this->application->token();
        if ($method === 'POST' && ($own === '' || !hash_equals($own, $token))) {
            return [403, ['message' => 'This page is too old. Load it anew.']];
        }
        try {
            $what = "$method " . $query->text('what');
            $said = match ($what) {
                'GET invoices' => ['invoices' => $this->invoices($query->texts('id'))],
                'GET request' => $this->request((string) $query->text('request')),
                'GET log' => ['entries' => $this->log((string) $query->text('id'))],
                'GET contact' => $this->contact((string) $query->text('client'), $person),
                'GET connection' => $this->connection(),
                'POST export' => $this->export($body, $person),
                'POST contact' => $this->link($body, $person),
                'POST login' => ['url' => $this->login($body->text('return_to'))],
                default => null,
            };
            return $said === null ? [404, ['message' => 'There is nothing here.']] : [200, $said];
        } catch (NotReached) {
            return [503, ['message' => 'The exporter does not answer at the moment. Nothing is lost.']];
        } catch (NotAccepted $refused) {
            return [502, ['message' => $refused->sentences()]];
        } catch (\InvalidArgumentException $wrong) {
            return [422, ['message' => $wrong->getMessage()]];
        }
    }

    /**
     * @param list<string> $ids
     * @return list<array<string, mixed>>
     */
    private function invoices(array $ids): array
    {
        $shown = [];
        foreach ($this->xero->markers->of($this->application->company(), array_slice($ids, 0, 1000)) as $one) {
            $shown[] = [
                'invoice' => $one->invoice,
                'marker' => $one->marker,
                'words' => $one->words(),
                'open' => $one->isOpen(),
                'last_exported' => $one->lastExported?->at->format(DATE_ATOM),
                'deep_link' => $one->lastExported?->deepLink,
                'failure' => $one->failure === null ? null : get_object_vars($one->failure),
                'payment' => $one->payment === null ? null : [
                    'state' => $one->payment->state,
                    'words' => $one->payment->words(),
                    'seen_at' => $one->payment->seenAt->format(DATE_ATOM),
                ],
            ];
        }
        return $shown;
    }

    /**
     * How far it is. Until it is over, whoever asks sends what is due: its click may have found nobody, and a bulk send
     * of more events than fit into a click's second goes on here.
     *
     * @return array<string, mixed>
     */
    private function request(string $request): array
    {
        $found = $this->xero->markers->progress($this->application->company(), $request);
        if ($found !== null && !$found->isOver()) {
            $this->xero->outbox->flush($this->xero->exporter, self::ASKING_SECONDS);
        }
        return $found === null ? ['state' => 'unknown', 'over' => false]
            : [...get_object_vars($found), 'over' => $found->isOver()];
    }

    /** @return list<array<string, mixed>> */
    private function log(string $invoice): array
    {
        return array_map(
            static fn (LogEntry $one): array => [...get_object_vars($one), 'at' => $one->at->format(DATE_ATOM)],
            $this->xero->markers->log($this->application->company(), $invoice),
        );
    }

    /** @return array<string, mixed> */
    private function contact(string $client, Person $person): array
    {
        $asked = $this->xero->exporter->within(5);
        $found = $asked->contact($this->application->company(), $client, $person->role ?? 'none');
        $shown = ['value', 'name', 'link', 'editable', 'why_not', 'being_checked', 'warnings'];
        return array_intersect_key($found->fields, array_flip($shown));
    }

    /** @return array<string, mixed> */
    private function connection(): array
    {
        $found = $this->xero->exporter->within(5)->connection($this->application->company());
        $shown = ['state', 'well', 'wrong', 'who', 'how', 'organisation', 'waiting'];
        return array_intersect_key($found->fields, array_flip($shown));
    }

    /** A link for who clicked; it leads back to their page where RETURN_ADDRESSES of the exporter have that. */
    private function login(?string $returnTo): string
    {
        [$exporter, $company] = [$this->xero->exporter->within(10), $this->application->company()];
        try {
            return $exporter->loginLink($company, $returnTo);
        } catch (NotAccepted $refused) {
            return $returnTo === null ? throw $refused : $exporter->loginLink($company);
        }
    }

    /** @return array<string, mixed> */
    private function export(Document $body, Person $person): array
    {
        $button = ButtonId::check((string) $body->text('button'));
        $ids = array_values(array_unique($body->texts('ids')));
        $invoices = $this->application->invoices($ids);
        if ($invoices === []) {
            throw new \InvalidArgumentException('Choose at least one invoice.');
        }
        $isBulk = $body->isTrue('bulk');
        $origin = ['page' => $isBulk ? 'jobs_page' : 'invoice_page'];
        $mode = $isBulk ? 'bulk' : 'single';
        $isNew = $this->xero->export($this->application->company(), $button, $person, $invoices, $mode, $origin);
        return ['request' => $button, 'new' => $isNew, 'total' => count($invoices)];
    }

    /** @return array<string, mixed> */
    private function link(Document $body, Person $person): array
    {
        $button = ButtonId::check((string) $body->text('button'));
        [$client, $name] = [(string) $body->text('client'), (string) $body->text('name')];
        $pasted = (string) $body->text('pasted');
        $event = $this->xero->events->contact($this->application->company(), $button, $person, $client, $pasted, $name);
        return ['request' => $this->xero->ask($event, $person)];
    }
}
