<?php

declare(strict_types=1);

namespace CrewCard\Xero;

use Psr\Http\Client\NetworkExceptionInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseFactoryInterface;
use Psr\Http\Message\ResponseInterface;
use Psr\Http\Message\StreamFactoryInterface;

/** A PSR-18 client of PHP's own streams (`allow_url_fopen`), for a host that has none. It follows no redirect. */
final class StreamClient implements Patient
{
    private const MOST_BYTES = 64_000_000;

    public function __construct(
        private readonly ResponseFactoryInterface $responses,
        private readonly StreamFactoryInterface $streams,
        private readonly float $seconds = 30.0,
    ) {
    }

    public function within(float $seconds): static
    {
        return new self($this->responses, $this->streams, $seconds);
    }

    public function sendRequest(RequestInterface $request): ResponseInterface
    {
        $end = microtime(true) + $this->seconds;
        $headers = [];
        foreach ($request->getHeaders() as $name => $values) {
            $headers[] = "$name: " . implode(', ', $values);
        }
        $http = [
            'method' => $request->getMethod(),
            'header' => [...$headers, 'Connection: close'],
            'content' => (string) $request->getBody(),
            'timeout' => $this->seconds / 2,  // once to connect, once until the first byte
            'ignore_errors' => true,
            'follow_location' => 0,
            'protocol_version' => 1.1,
        ];
        $opened = @fopen((string) $request->getUri(), 'rb', false, stream_context_create(['http' => $http]));
        if ($opened === false) {
            throw $this->lost($request, 'it cannot be reached');
        }
        try {
            return $this->response($request, $opened, $end);
        } finally {
            fclose($opened);
        }
    }

    /** @param resource $opened */
    private function response(RequestInterface $request, $opened, float $end): ResponseInterface
    {
        $lines = stream_get_meta_data($opened)['wrapper_data'] ?? [];
        $lines = array_values(array_filter(is_array($lines) ? $lines : [], is_string(...)));
        $body = '';
        while (!feof($opened)) {
            $left = $end - microtime(true);
            if ($left <= 0 || strlen($body) > self::MOST_BYTES) {
                throw $this->lost($request, 'the answer took too long');
            }
            stream_set_timeout($opened, (int) $left, (int) (fmod($left, 1) * 1_000_000) + 1);
            $body .= (string) fread($opened, 65536);
            if (stream_get_meta_data($opened)['timed_out']) {
                throw $this->lost($request, 'the answer broke off');
            }
        }
        $status = preg_match('#^HTTP/\S+ ([0-9]{3})#', $lines[0] ?? '', $found) === 1 ? (int) $found[1] : 0;
        if ($status === 0) {
            throw $this->lost($request, 'this is no answer');
        }
        $response = $this->responses->createResponse($status)->withBody($this->streams->createStream($body));
        foreach (array_slice($lines, 1) as $line) {
            [$name, $value] = [...explode(':', $line, 2), ''];
            if ($value !== '') {
                $response = $response->withAddedHeader(trim($name), trim($value));
            }
        }
        return $response;
    }

    private function lost(RequestInterface $request, string $why): \RuntimeException&NetworkExceptionInterface
    {
        return new class ($request, $why) extends \RuntimeException implements NetworkExceptionInterface {
            public function __construct(private readonly RequestInterface $asked, string $why)
            {
                parent::__construct($why);
            }

            public function getRequest(): RequestInterface
            {
                return $this->asked;
            }
        };
    }
}
