<?php

declare(strict_types=1);

namespace CrewCard\Xero;

use Psr\Http\Client\ClientExceptionInterface;
use Psr\Http\Client\ClientInterface;
use Psr\Http\Message\RequestFactoryInterface;
use Psr\Http\Message\StreamFactoryInterface;

/**
 * The exporter's doors, over any PSR-18 client: publish, read, log in. Every call may raise NotAccepted or NotReached.
 */
final class Exporter
{
    public const MOST_AT_ONCE = 200;

    public function __construct(
        private readonly string $url,
        private readonly string $key,
        #[\SensitiveParameter] private readonly string $secret,
        private ClientInterface $client,
        private readonly RequestFactoryInterface $requests,
        private readonly StreamFactoryInterface $streams,
    ) {
    }

    /** The same doors, asked in at most so many seconds where the client can be told. */
    public function within(float $seconds): self
    {
        $hurried = clone $this;
        $hurried->client = $this->client instanceof Patient ? $this->client->within($seconds) : $this->client;
        return $hurried;
    }

    /** Publishes one event, as the exact text that is repeated until it is answered; 202 means committed. */
    public function publish(string $event, string $id): Document
    {
        return $this->ask('POST', '/v1/events', $event, 202, $id, 'application/cloudevents+json');
    }

    /**
     * What stands beside invoices: marker, Last Exported, failure, deep link; in their order.
     *
     * @param list<string> $invoices
     * @return list<Document>
     */
    public function invoices(string $company, array $invoices): array
    {
        $found = [];
        foreach (array_chunk($invoices, self::MOST_AT_ONCE) as $some) {
            $ids = count($some) === 1 ? [$some[0], $some[0]] : $some;  // given once, a comma would part it
            $query = implode('&', array_map(static fn (string $id): string => 'ids=' . rawurlencode($id), $ids));
            $found = [...$found, ...$this->read($company, "invoices?$query")->each('invoices')];
        }
        return $found;
    }

    public function progress(string $company, string $request): Document
    {
        return $this->read($company, 'requests/' . rawurlencode($request));
    }

    /** The field “Xero Client ID” of a client: `value`, `name`, `link`, and for this role `editable` and `why_not`. */
    public function contact(string $company, string $client, ?string $role = null): Document
    {
        $query = $role === null ? '' : '?role=' . rawurlencode($role);
        return $this->read($company, 'clients/' . rawurlencode($client) . "/xero-contact$query");
    }

    public function connection(string $company): Document
    {
        return $this->read($company, 'connection');
    }

    /**
     * The events behind a cursor: `events`, `next`, `more`.
     *
     * @param list<string> $types
     */
    public function feed(string $after = '0', int $limit = 100, array $types = [], int $wait = 0): Document
    {
        $asked = ['after' => $after, 'limit' => $limit];
        $asked += $types === [] ? [] : ['types' => implode(',', $types)];
        $asked += $wait === 0 ? [] : ['wait' => $wait];
        $query = http_build_query($asked, '', '&', PHP_QUERY_RFC3986);
        // The first byte of an answer that is waited for comes late, and half of the time is for it.
        $patient = $wait === 0 ? $this : $this->within(2.0 * $wait + 20.0);
        return $patient->ask('GET', "/v1/events?$query");
    }

    /**
     * What an export of these would do now; nothing is sent.
     *
     * @param list<array<string, mixed>> $invoices
     */
    public function preview(string $company, array $invoices): Document
    {
        return $this->ask('POST', self::path($company, 'previews'), Events::json(['invoices' => $invoices]));
    }

    /**
     * Uploads a file for an invoice that has no address of its own: `name`, `size`, `sha256`, `state`. The same again
     * changes nothing; the client sees it with the online invoice where `includeOnline` says so.
     */
    public function attach(
        string $company,
        string $invoice,
        string $name,
        string $bytes,
        bool $includeOnline = false,
        string $type = 'application/octet-stream',
    ): Document {
        $place = 'invoices/' . rawurlencode($invoice) . '/attachments/' . rawurlencode($name);
        $query = $includeOnline ? '?include_online=true' : '';
        return $this->ask('PUT', self::path($company, $place) . $query, $bytes, 202, null, $type);
    }

    /** Where a person of the company logs in to Xero: made for who clicked, good once, for nobody else's eyes. */
    public function loginLink(string $company, ?string $returnTo = null): string
    {
        $said = ['company' => $company] + ($returnTo === null ? [] : ['return_to' => $returnTo]);
        $made = $this->ask('POST', self::path($company, 'login-links'), Events::json($said), 201);
        return $made->text('url') ?? throw new NotReached('the exporter answered without a link');
    }

    /**
     * What Xero's redirect brought to the host's own callback.php: `connected` names the organisation, or `login` and
     * `organisations` (each `tenant`, `name`, `taken`, `current`) are to be chosen from by `chooseOrganisation`.
     */
    public function finishLogin(string $company, string $state, ?string $code, ?string $error = null): Document
    {
        $said = ['company' => $company, 'state' => $state];
        $said += $error !== null ? ['error' => $error] : ['code' => (string) $code];
        return $this->ask('POST', self::path($company, 'logins'), Events::json($said));
    }

    /** The organisation that the person chose of those that `finishLogin` gave. */
    public function chooseOrganisation(string $company, string $login, string $tenant): Document
    {
        $said = ['company' => $company, 'login' => $login, 'tenant' => $tenant];
        return $this->ask('POST', self::path($company, 'logins/organisation'), Events::json($said));
    }

    public function disconnect(string $company): Document
    {
        return $this->ask('POST', self::path($company, 'disconnect'), Events::json(['company' => $company]));
    }

    private function read(string $company, string $what): Document
    {
        return $this->ask('GET', self::path($company, $what));
    }

    private static function path(string $company, string $what): string
    {
        return '/v1/companies/' . rawurlencode($company) . "/$what";
    }

    private function ask(
        string $method,
        string $target,
        string $body = '',
        int $well = 200,
        ?string $id = null,
        string $type = 'application/json',
    ): Document {
        $url = rtrim($this->url, '/') . $target;
        $path = (string) parse_url($url, PHP_URL_PATH);
        $query = parse_url($url, PHP_URL_QUERY);
        [$at, $id] = [time(), $id ?? bin2hex(random_bytes(16))];
        $signed = is_string($query) ? "$path?$query" : $path;
        $request = $this->requests->createRequest($method, $url)
            ->withHeader('Content-Type', $type)
            ->withHeader('X-CrewCard-Key', $this->key)
            ->withHeader('Webhook-Id', $id)
            ->withHeader('Webhook-Timestamp', (string) $at)
            ->withHeader('Webhook-Signature', Signature::ofRequest($this->secret, $id, $at, $method, $signed, $body));
        if ($method !== 'GET') {
            $request = $request->withBody($this->streams->createStream($body));
        }
        try {
            $response = $this->client->sendRequest($request);
        } catch (ClientExceptionInterface $lost) {
            throw new NotReached('The exporter does not answer: ' . $lost->getMessage());
        }
        $status = $response->getStatusCode();
        $answer = Document::parse((string) $response->getBody());
        if ($status === $well) {
            return $answer;
        }
        $problems = $answer->texts('problems');  // an answer without them is a proxy's and says nothing about the event
        if ($status < 400 || $status === 408 || $status === 429 || $status >= 500 || $problems === []) {
            $wait = $answer->number('retry_after') ?: (int) $response->getHeaderLine('Retry-After');
            throw new NotReached("The exporter answered $status", $status, $wait > 0 ? $wait : null);
        }
        throw new NotAccepted($status, $problems);
    }
}
