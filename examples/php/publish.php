<?php
// “Export Invoice to XERO” and “Xero Bulk Send”:  php publish.php COMPANY REQUEST FILE [INVOICE ID]
declare(strict_types=1);

require_once __DIR__ . '/markers.php';

[, $company, $request, $file] = $argv;
$invoices = json_decode(file_get_contents($file), true, 64, JSON_THROW_ON_ERROR);
if (isset($argv[4])) {
    $invoices = array_values(array_filter($invoices, fn (array $one): bool => $one['id'] === $argv[4]));
}
$database = markers_database();
markers_queue($database, $company, $request, $invoices);
try {
    crewcard_export($company, $request, 'anna', $invoices);
    echo count($invoices), " on their way\n";
} catch (RuntimeException $refused) {
    markers_refuse($database, $company, $invoices, $refused->getMessage());
    fwrite(STDERR, $refused->getMessage() . "\n");
    exit(1);
}
