<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** Builds what a host sends, as CloudEvents. Ids derive from what is said, so that the same said twice counts once. */
final class Events
{
    public const MOST_INVOICES = 500;
    private const MOST_BYTES = 4_500_000;  // of the invoices in one event, which may have 5 MB

    public function __construct(private readonly string $source = 'crewcard')
    {
    }

    /**
     * One click or one bulk send: an event for every 500 invoices, or less where they are large.
     *
     * @param list<array<string, mixed>> $invoices as docs/host.md shows them; amounts are strings like "12.50"
     * @param 'single'|'bulk'|null $mode null: one invoice alone is a person's click
     * @param array<string, mixed> $origin `page` (`invoice_page`, `jobs_page`) and `job_ids`
     * @return list<array<string, mixed>>
     */
    public function export(
        string $company,
        string $request,
        Person $by,
        array $invoices,
        ?string $mode = null,
        array $origin = [],
    ): array {
        $parts = self::parts($invoices);
        $events = [];
        foreach ($parts as $number => $part) {
            $said = [
                'request' => $request,
                'part' => $number + 1,
                'parts' => count($parts),
                'requested_by' => $by->fields(),
                'mode' => $mode ?? (count($invoices) === 1 ? 'single' : 'bulk'),
                'invoices' => $part,
            ] + ($origin === [] ? [] : ['origin' => $origin]);
            $events[] = $this->event('invoice.export.requested', $company, $request . '/' . ($number + 1), $said);
        }
        return $events;
    }

    /**
     * Do not send these after all. `$button` is the id of the button that was clicked, as for every order.
     *
     * @param array<string, mixed> $which `request` and/or `invoices`
     * @return array<string, mixed>
     */
    public function cancel(string $company, string $button, Person $by, string $why, array $which): array
    {
        return $this->order('invoice.export.cancel_requested', $company, $button, $by, $why, $which);
    }

    /**
     * Try the failed ones again with the newest content that the exporter has.
     *
     * @param array<string, mixed> $which `request`, `invoices`, `reason`, `causes`; `as_request` names the new request
     * @return array<string, mixed>
     */
    public function replay(string $company, string $button, Person $by, string $why, array $which): array
    {
        $which += ['as_request' => $button];
        return $this->order('invoice.export.replay_requested', $company, $button, $by, $why, $which);
    }

    /**
     * Raise again what is voided, deleted or gone in Xero.
     *
     * @param array<string, mixed> $which `invoices`, for one of them `number`; `as_request` names the new request
     * @return array<string, mixed>
     */
    public function raiseAnew(string $company, string $button, Person $by, string $why, array $which): array
    {
        $which += ['as_request' => $button];
        return $this->order('invoice.export.raise_anew_requested', $company, $button, $by, $why, $which);
    }

    /**
     * Bill this client as the contact whose id or address a person pasted; an empty text ends the link.
     *
     * @return array<string, mixed>
     */
    public function contact(
        string $company,
        string $button,
        Person $by,
        string $client,
        string $pasted,
        string $name = '',
    ): array {
        $said = ['client' => $client, 'client_name' => $name, 'xero_contact' => $pasted];
        $said['requested_by'] = $by->fields();
        return $this->event('client.xero_contact.update_requested', $company, $button, $said);
    }

    /**
     * Create a contact in Xero for this client, which has none, and bill it as that one.
     *
     * @return array<string, mixed>
     */
    public function newContact(string $company, string $button, Person $by, string $client, string $name = ''): array
    {
        $said = ['client' => $client, 'client_name' => $name, 'requested_by' => $by->fields()];
        return $this->event('client.xero_contact.create_requested', $company, $button, $said);
    }

    /**
     * A file that goes to its invoice in Xero, for the invoice's `attachments`: at a signed address, good for hours.
     *
     * @return array<string, mixed>
     */
    public static function attachment(
        string $name,
        string $url,
        bool $includeOnline = false,
        ?string $sha256 = null,
        ?string $mediaType = null,
    ): array {
        $said = ['name' => $name, 'url' => $url, 'include_online' => $includeOnline];
        $said += $sha256 === null ? [] : ['sha256' => $sha256];
        return $said + ($mediaType === null ? [] : ['media_type' => $mediaType]);
    }

    /**
     * An admin changed settings of the company.
     *
     * @param array<string, mixed> $settings
     * @return array<string, mixed>
     */
    public function settings(string $company, string $button, Person $by, array $settings): array
    {
        $said = ['settings' => $settings, 'requested_by' => $by->fields()];
        return $this->event('company.settings.changed', $company, $button, $said);
    }

    /**
     * @param array<string, mixed> $which
     * @return array<string, mixed>
     */
    private function order(string $type, string $company, string $button, Person $by, string $why, array $which): array
    {
        return $this->event($type, $company, $button, [...$which, 'requested_by' => $by->fields(), 'why' => $why]);
    }

    /**
     * @param array<string, mixed> $said
     * @return array<string, mixed>
     */
    private function event(string $type, string $company, string $name, array $said): array
    {
        return [
            'specversion' => '1.0',
            'id' => hash('sha256', "$type/$company/$name"),
            'source' => $this->source,
            'type' => $type,
            'datacontenttype' => 'application/json',
            'data' => ['company' => $company, ...$said],
        ];
    }

    /**
     * @param list<array<string, mixed>> $invoices
     * @return list<list<array<string, mixed>>>
     */
    private static function parts(array $invoices): array
    {
        $parts = [];
        [$part, $size] = [[], 0];
        foreach ($invoices as $invoice) {
            $own = strlen(self::json($invoice));
            if ($part !== [] && (count($part) === self::MOST_INVOICES || $size + $own > self::MOST_BYTES)) {
                $parts[] = $part;
                [$part, $size] = [[], 0];
            }
            $part[] = $invoice;
            $size += $own;
        }
        return $part === [] ? $parts : [...$parts, $part];
    }

    /** @param array<string, mixed> $said */
    public static function json(array $said): string
    {
        return json_encode($said, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    }
}
