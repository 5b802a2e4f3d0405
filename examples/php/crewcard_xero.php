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

/** The base64 of HMAC-SHA256 over id, time and content; the secret is whsec_ and base64. */
function crewcard_mac(string $secret, string $id, string $timestamp, string $content): string
{
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
    if ($key === false) {
        throw new RuntimeException('the signing secret is not whsec_ and base64');
    }
    return base64_encode(hash_hmac('sha256', "$id.$timestamp.$content", $key, true));
}

/** The signature of a webhook from the exporter: version 1, that of Standard Webhooks, over the exact body. */
function crewcard_signature(string $secret, string $id, string $timestamp, string $body): string
{
    return 'v1,' . crewcard_mac($secret, $id, $timestamp, $body);
}

/** The signature of a request to the exporter: version 2, over method, path with query, a line feed and the exact body. */
function crewcard_request_signature(
    string $secret, string $id, string $timestamp, string $method, string $target, string $body
): string {
    return 'v2,' . crewcard_mac($secret, $id, $timestamp, "$method $target\n$body");
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

/** An id for a button, made when it is drawn: it names the click as a request, so that a double click counts once. */
function crewcard_button_id(string $prefix = 'click'): string
{
    return $prefix . '-' . bin2hex(random_bytes(12));
}

/**
 * Export invoices; more than 500 go as parts of one request. The same request again changes nothing.
 *
 * $person is who clicked, as ['id' => …, 'name' => …]; every answer says so again. $invoices is a list of arrays
 * (docs/host.md shows their fields; amounts are strings like "12.50").
 * Throws RuntimeException with the exporter's own sentences when it does not accept.
 */
function crewcard_export(string $company, string $request, string|array $person, array $invoices, ?string $mode = null): void
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
                'requested_by' => is_array($person) ? $person : ['id' => $person],
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
    for ($try = 1;; $try++) {
        [$status, $answer] = crewcard_ask('POST', '/v1/events', $body, $event['id']);
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

/**
 * A login link for a person of the company who wants to log in to Xero now: ['url' => …, 'ends_at' => …].
 *
 * Ask for it when that person clicks and send the browser there; it is good once and for nobody else's eyes. The key
 * needs the scope “logins”. Throws RuntimeException with the exporter's own sentences when there is none.
 */
function crewcard_login_link(string $company, string $return_to = ''): array
{
    $said = ['company' => $company] + ($return_to === '' ? [] : ['return_to' => $return_to]);
    $target = '/v1/companies/' . rawurlencode($company) . '/login-links';
    [$status, $answer] = crewcard_ask('POST', $target, json_encode($said, JSON_THROW_ON_ERROR));
    if ($status !== 201) {
        $problems = implode('; ', $answer['problems'] ?? ['no reason given']);
        throw new RuntimeException("The exporter answered $status: $problems");
    }
    return $answer;
}

/**
 * One signed request; gives the status (0: no answer) and the answer.
 *
 * Without an $id the request has one of its own, as everything but an event needs; an event keeps its id at every try.
 */
function crewcard_ask(string $method, string $target, string $body = '', ?string $id = null): array
{
    $url = rtrim(crewcard_setting('CREWCARD_XERO_URL'), '/') . $target;
    $signed = parse_url($url, PHP_URL_PATH) . (str_contains($target, '?') ? strstr($target, '?') : '');
    $timestamp = (string) time();
    $id ??= bin2hex(random_bytes(16));
    $secret = crewcard_setting('CREWCARD_XERO_SECRET');
    $context = stream_context_create(['http' => [
        'method' => $method,
        'content' => $body,
        'timeout' => 30,
        'ignore_errors' => true,
        'follow_location' => 0,
        'header' => [
            'Content-Type: ' . ($target === '/v1/events' ? 'application/cloudevents+json' : 'application/json'),
            'X-CrewCard-Key: ' . crewcard_setting('CREWCARD_XERO_KEY'),
            "Webhook-Id: $id",
            "Webhook-Timestamp: $timestamp",
            'Webhook-Signature: ' . crewcard_request_signature($secret, $id, $timestamp, $method, $signed, $body),
        ],
    ]]);
    $answer = @file_get_contents($url, false, $context);
    if ($answer === false) {
        return [0, ['problems' => ['it cannot be reached']]];
    }
    $status = (int) explode(' ', $http_response_header[0])[1];
    return [$status, json_decode($answer, true) ?? []];
}
