<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** Signatures of both directions: version 2 on requests to the exporter, Standard Webhooks (version 1) on what it sends. */
final class Signature
{
    private const OLDEST_SECONDS = 300;

    /** The signature of a request: over id, time, method, path with query, a line feed and the exact body. */
    public static function ofRequest(
        string $secret,
        string $id,
        int $at,
        string $method,
        string $target,
        string $body,
    ): string {
        return 'v2,' . self::mac($secret, "$id.$at.$method $target\n$body");
    }

    /** The signature of a webhook: over id, time and the exact body. */
    public static function ofWebhook(string $secret, string $id, int $at, string $body): string
    {
        return 'v1,' . self::mac($secret, "$id.$at.$body");
    }

    /**
     * Whether a webhook is the exporter's and at most five minutes old.
     *
     * @param array<string, string> $headers by lower-case names
     * @param list<string> $secrets the endpoint's, and while it is rotated the one before
     */
    public static function isGenuine(array $secrets, array $headers, string $body, int $now): bool
    {
        $id = $headers['webhook-id'] ?? '';
        $at = $headers['webhook-timestamp'] ?? '';
        if ($id === '' || preg_match('/^[0-9]{1,12}$/D', $at) !== 1 || abs($now - (int) $at) > self::OLDEST_SECONDS) {
            return false;
        }
        foreach ($secrets as $secret) {
            $expected = self::ofWebhook($secret, $id, (int) $at, $body);
            foreach (explode(' ', $headers['webhook-signature'] ?? '') as $given) {
                if (hash_equals($expected, $given)) {
                    return true;
                }
            }
        }
        return false;
    }

    private static function mac(#[\SensitiveParameter] string $secret, string $content): string
    {
        $key = base64_decode((string) preg_replace('/^whsec_/', '', $secret), true);
        if ($key === false || $key === '') {
            throw new \InvalidArgumentException('the signing secret is not whsec_ and base64');
        }
        return base64_encode(hash_hmac('sha256', $content, $key, true));
    }
}
