<?php
// Talking with the CrewCard → Xero exporter: plain PHP 8, no composer. Copy this file into the host.
declare(strict_types=1);

/** A setting from the environment, or an end that names it. */
function crewcard_setting(string $name): string
{
    $value = getenv($name);
    if ($value === false || $value === '') {
        throw new RuntimeException("$name is not set");
    }
    return $value;
}

/** The signature of Standard Webhooks: HMAC-SHA256 over id, time and the exact body. */
function crewcard_signature(string $secret, string $id, string $timestamp, string $body): string
{
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
    if ($key === false) {
        throw new RuntimeException('the signing secret is not whsec_ and base64');
    }
    return 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
}

/** Whether a webhook is genuine and at most five minutes old. Header names in lower case. */
function crewcard_is_genuine(string $secret, array $headers, string $body): bool
{
    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if ($id === '' || !ctype_digit($timestamp) || abs(time() - (int) $timestamp) > 300) {
        return false;
    }
    $expected = crewcard_signature($secret, $id, $timestamp, $body);
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $given) {
        if (hash_equals($expected, $given)) {
            return true;
        }
    }
    return false;
}

/**
 * Export invoices; more than 500 go as parts of one request. The same request again changes nothing.
 *
 * $invoices is a list of arrays (docs/host.md shows their fields; amounts are strings like "12.50").
 * Throws RuntimeException with the exporter's own sentences when it does not accept.
 */
function crewcard_export(string $company, string $request, string $person, array $invoices, ?string $mode = null): void
{
    $mode ??= count($invoices) === 1 ? 'single' : 'bulk';
    $parts = array_chunk($invoices, 500);
    foreach ($parts as $number => $part) {
        crewcard_publish([
            'specversion' => '1.0',
            'id' => hash('sha256', "$company/$request/" . ($number + 1)),
            'source' => 'crewcard',
            'type' => 'invoice.export.requested',
            'data' => [
                'company' => $company,
                'request' => $request,
                'part' => $number + 1,
                'parts' => count($parts),
                'requested_by' => ['id' => $person],
                'mode' => $mode,
                'invoices' => $part,
            ],
        ]);
    }
}

/** Send one event until it is answered: the same bytes under the same id, so that nothing happens twice. */
function crewcard_publish(array $event, int $tries = 5): array
{
    $body = json_encode($event, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE);
    for ($try = 1; ; $try++) {
        [$status, $answer] = crewcard_post($event['id'], $body);
        if ($status === 202) {
            return $answer;
        }
        $wait = (int) ($answer['retry_after'] ?? 2 ** $try);
        $is_passing = $status === 0 || $status === 429 || $status >= 500;
        if (!$is_passing || $wait > 60 || $try >= $tries) {
            $problems = implode('; ', $answer['problems'] ?? ['no reason given']);
            throw new RuntimeException("The exporter answered $status: $problems");
        }
        sleep($wait);
    }
}

/** One signed POST; gives the status (0: no answer) and the answer. */
function crewcard_post(string $id, string $body): array
{
    $timestamp = (string) time();
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'content' => $body,
        'timeout' => 30,
        'ignore_errors' => true,
        'follow_location' => 0,
        'header' => [
            'Content-Type: application/cloudevents+json',
            'X-CrewCard-Key: ' . crewcard_setting('CREWCARD_XERO_KEY'),
            "Webhook-Id: $id",
            "Webhook-Timestamp: $timestamp",
            'Webhook-Signature: ' . crewcard_signature(crewcard_setting('CREWCARD_XERO_SECRET'), $id, $timestamp, $body),
        ],
    ]]);
    $answer = @file_get_contents(crewcard_setting('CREWCARD_XERO_URL') . '/v1/events', false, $context);
    if ($answer === false) {
        return [0, ['problems' => ['it cannot be reached']]];
    }
    $status = (int) explode(' ', $http_response_header[0])[1];
    return [$status, json_decode($answer, true) ?? []];
}
