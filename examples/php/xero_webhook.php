<?php
// The address that the exporter's webhooks go to. 200 means: taken for good; anything else comes again later.
declare(strict_types=1);

require_once __DIR__ . '/markers.php';

$body = file_get_contents('php://input');
$headers = [
    'webhook-id' => $_SERVER['HTTP_WEBHOOK_ID'] ?? '',
    'webhook-timestamp' => $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '',
    'webhook-signature' => $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '',
];
if (!crewcard_is_genuine(crewcard_setting('CREWCARD_XERO_WEBHOOK_SECRET'), $headers, $body)) {
    http_response_code(401);
    exit('not genuine');
}
try {
    $is_news = markers_take(markers_database(), json_decode($body, true, 64, JSON_THROW_ON_ERROR));
    echo $is_news ? 'taken' : 'known';
} catch (Throwable $broken) {
    error_log('xero_webhook.php: ' . get_class($broken) . ' at line ' . $broken->getLine());
    http_response_code(500);
}
