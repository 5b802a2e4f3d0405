<?php
// publish URL KEY SECRET EVENT | read URL TOKEN COMPANY REQUEST, by the client that openapi-generator (php) made in MADE.
declare(strict_types=1);

use GuzzleHttp\Client;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Middleware;
use OpenAPI\Client\Api\EventsApi;
use OpenAPI\Client\Api\ReadsApi;
use OpenAPI\Client\Configuration;
use OpenAPI\Client\Model;
use Psr\Http\Message\RequestInterface;

require_once 'GuzzleHttp/autoload.php';
spl_autoload_register(static function (string $class): void {
    $file = getenv('MADE') . '/lib/' . str_replace(['OpenAPI\\Client\\', '\\'], ['', '/'], $class) . '.php';
    if (is_file($file)) {
        require $file;
    }
});
[, $what, $url, $one, $two] = $argv;
if ($what === 'publish') {
    $sign = static function (RequestInterface $request) use ($two): RequestInterface {
        $target = $request->getMethod() . ' ' . $request->getRequestTarget();
        $said = $request->getHeaderLine('webhook-id') . '.' . $request->getHeaderLine('webhook-timestamp');
        $key = base64_decode(substr($two, strlen('whsec_')));
        $mac = hash_hmac('sha256', "$said.$target\n" . $request->getBody(), $key, true);
        return $request->withHeader('webhook-signature', 'v2,' . base64_encode($mac));
    };
    $stack = HandlerStack::create();
    $stack->push(Middleware::mapRequest($sign));
    $configuration = (new Configuration())->setHost($url)->setApiKey('x-crewcard-key', $one);
    $said = json_decode($argv[5], true);
    $invoice = $said['data']['invoices'][0];
    $invoice['client'] = new Model\InClient($invoice['client']);
    $invoice['lines'] = array_map(static fn (array $line): Model\InLineItem => new Model\InLineItem($line), $invoice['lines']);
    foreach (['date', 'due_date'] as $name) {
        $invoice[$name] = new DateTime($invoice[$name]);
    }
    $said['data']['requested_by'] = new Model\InPerson($said['data']['requested_by']);
    $said['data']['invoices'] = [new Model\InInvoice($invoice)];
    $said['data'] = new Model\InInvoiceExportRequested($said['data']);
    $event = new Model\InInvoiceExportRequestedEvent($said);
    $answer = (new EventsApi(new Client(['handler' => $stack]), $configuration))
        ->publishEvents(bin2hex(random_bytes(8)), (string) time(), 'v2,', $event);
    echo json_encode(['request' => $answer->getRequest(), 'invoices' => $answer->getInvoices()]);
} else {
    $configuration = (new Configuration())->setHost($url)->setAccessToken($one);
    $found = (new ReadsApi(new Client(), $configuration))->readRequest($two, $argv[5]);
    echo json_encode(['total' => $found->getTotal(), 'exported' => $found->getExported(), 'failed' => $found->getFailed()]);
}
