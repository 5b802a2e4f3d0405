<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** The address that the exporter's webhooks go to: 2xx means taken for good, anything else comes again later. */
final class Webhook
{
    public const MOST_BYTES = 20_000_000;  // as much as the exporter itself takes

    /** @param list<string> $secrets the endpoint's signing secret; two of them while it is rotated */
    public function __construct(private readonly Inbox $inbox, #[\SensitiveParameter] private readonly array $secrets)
    {
    }

    /**
     * Takes one webhook, of one event or of many; gives the status to answer.
     *
     * @param array<string, string> $headers by lower-case names
     */
    public function handle(array $headers, string $body): int
    {
        if (!Signature::isGenuine($this->secrets, $headers, $body, time())) {
            return 401;
        }
        try {
            $this->inbox->takeAll(Document::listed($body));
            return 200;
        } catch (\Throwable $broken) {
            error_log('crewcard xero webhook: ' . $broken::class . ': ' . $broken->getMessage());
            return 500;
        }
    }

    /** Takes the webhook that this PHP request is, and answers it. */
    public function answer(): void
    {
        $headers = [];
        foreach (['id', 'timestamp', 'signature'] as $name) {
            $given = $_SERVER['HTTP_WEBHOOK_' . strtoupper($name)] ?? '';
            $headers["webhook-$name"] = is_string($given) ? $given : '';
        }
        $body = (string) file_get_contents('php://input', false, null, 0, self::MOST_BYTES + 1);
        http_response_code(strlen($body) > self::MOST_BYTES ? 413 : $this->handle($headers, $body));
    }
}
