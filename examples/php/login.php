<?php
// The button “Log in to Xero”: a link made for the person who clicked, and the browser sent there.
declare(strict_types=1);

require_once __DIR__ . '/crewcard_xero.php';

/** The companies that whoever is signed in here may connect: ask your own session; nobody may connect others. */
$companies = explode(',', crewcard_setting('HOST_COMPANIES'));
$company = $_POST['company'] ?? '';
if ($_SERVER['REQUEST_METHOD'] !== 'POST' || !in_array($company, $companies, true)) {
    http_response_code(403);
    exit('not your company');
}
try {
    header('Location: ' . crewcard_login_link($company)['url'], true, 303);
} catch (RuntimeException $refused) {
    http_response_code(502);
    echo htmlspecialchars($refused->getMessage());
}
