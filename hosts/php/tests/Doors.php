<?php

declare(strict_types=1);

namespace CrewCard\Xero\Tests;

use Nyholm\Psr7\Response;
use Psr\Http\Client\ClientInterface;
use Psr\Http\Client\NetworkExceptionInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;

/** The exporter's doors at the wire: what came, and how each is answered. */
final class Doors implements ClientInterface
{
    /** @var list<RequestInterface> */
    public array $came = [];

    /** @param \Closure(RequestInterface): array{int, array<string, mixed>} $answer a status and a body; status 0: no answer */
    public function __construct(public \Closure $answer)
    {
    }

    public function sendRequest(RequestInterface $request): ResponseInterface
    {
        $this->came[] = $request;
        [$status, $body] = ($this->answer)($request);
        if ($status === 0) {
            throw new class ($request) extends \RuntimeException implements NetworkExceptionInterface {
                public function __construct(private readonly RequestInterface $asked)
                {
                    parent::__construct('nobody is there');
                }

                public function getRequest(): RequestInterface
                {
                    return $this->asked;
                }
            };
        }
        return new Response($status, [], (string) json_encode($body));
    }

    /** @return list<string> the exact bodies that came */
    public function bodies(): array
    {
        return array_map(static fn (RequestInterface $one): string => (string) $one->getBody(), $this->came);
    }
}
