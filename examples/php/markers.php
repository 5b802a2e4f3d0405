<?php
// What the host keeps: an inbox, so that no event counts twice, and a marker per invoice. SQLite here; any database will do.
declare(strict_types=1);

require_once __DIR__ . '/crewcard_xero.php';

function markers_database(): PDO
{
    $database = new PDO('sqlite:' . crewcard_setting('HOST_DATABASE'));
    $database->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
    $database->exec('PRAGMA busy_timeout = 10000');
    $database->exec('PRAGMA journal_mode = WAL');
    $database->exec('CREATE TABLE IF NOT EXISTS inbox (event_id VARCHAR(255) PRIMARY KEY, type TEXT, received_at TEXT)');
    $database->exec('CREATE TABLE IF NOT EXISTS markers (
        company VARCHAR(255), invoice VARCHAR(255), sequence BIGINT NOT NULL DEFAULT 0, marker TEXT, last_exported TEXT,
        deep_link TEXT, title TEXT, message TEXT, how TEXT, PRIMARY KEY (company, invoice))');
    $database->exec('CREATE TABLE IF NOT EXISTS history (
        company TEXT, invoice TEXT, sequence BIGINT, event_id TEXT, said TEXT, at TEXT)');
    $database->exec('CREATE TABLE IF NOT EXISTS requests (
        company VARCHAR(255), request VARCHAR(255), total INTEGER, exported INTEGER, failed INTEGER, complete INTEGER DEFAULT 0,
        message TEXT, PRIMARY KEY (company, request))');
    return $database;
}

/** Show at once that these invoices are on their way. A request that is known, a second click, changes nothing. */
function markers_queue(PDO $database, string $company, string $request, array $invoices): void
{
    $queue = $database->prepare("INSERT INTO markers (company, invoice, marker) VALUES (?, ?, 'queued')
        ON CONFLICT (company, invoice) DO UPDATE SET marker = 'queued', title = NULL, message = NULL, how = NULL");
    $database->exec('BEGIN IMMEDIATE');
    $ask = $database->prepare('INSERT OR IGNORE INTO requests (company, request, total) VALUES (?, ?, ?)');
    $ask->execute([$company, $request, count($invoices)]);
    foreach ($ask->rowCount() === 1 ? $invoices : [] as $invoice) {
        $queue->execute([$company, $invoice['id']]);
    }
    $database->exec('COMMIT');
}

/** The exporter did not take them, and said why: nothing was sent. */
function markers_refuse(PDO $database, string $company, array $invoices, string $why): void
{
    $refuse = $database->prepare("UPDATE markers SET marker = 'failed', title = 'Invoice Failed to Export', message = ?
        WHERE company = ? AND invoice = ? AND marker = 'queued'");
    foreach ($invoices as $invoice) {
        $refuse->execute([$why, $company, $invoice['id']]);
    }
}

/** Take one event: whole or not at all, and once however often it comes. Gives whether it was news. */
function markers_take(PDO $database, array $event): bool
{
    if ($event['test'] ?? false) {
        return false;  // an example: its invoice may have the id of one of ours
    }
    $database->exec('BEGIN IMMEDIATE');
    try {
        $inbox = $database->prepare('INSERT OR IGNORE INTO inbox (event_id, type, received_at) VALUES (?, ?, ?)');
        $inbox->execute([$event['id'], $event['type'], gmdate('c')]);
        $is_news = $inbox->rowCount() === 1;
        if ($is_news) {
            markers_apply($database, $event);
        }
        $database->exec('COMMIT');
        return $is_news;
    } catch (Throwable $broken) {
        $database->exec('ROLLBACK');
        throw $broken;
    }
}

function markers_apply(PDO $database, array $event): void
{
    $data = $event['data'];
    switch ($event['type']) {
        case 'invoice.export.succeeded':
        case 'invoice.export.failed':
            markers_of_invoice($database, $event['id'], $data);
            break;
        case 'invoice.export.progressed':
        case 'invoice.export.completed':
            markers_of_request($database, $data, $event['type'] === 'invoice.export.completed');
            break;
        default:  // an event we do not use, or one that is new: both are fine
    }
}

/** `sequence` grows with each event of an invoice: an older one that comes late changes nothing that is shown. */
function markers_of_invoice(PDO $database, string $event_id, array $data): void
{
    $note = $database->prepare('INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)');
    $said = $data['notification']['message'] ?? $data['outcome'];
    $note->execute([$data['company'], $data['invoice'], $data['sequence'], $event_id, $said, gmdate('c')]);
    $show = $database->prepare('INSERT INTO markers
        (company, invoice, sequence, marker, last_exported, deep_link, title, message, how) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (company, invoice) DO UPDATE SET sequence = excluded.sequence, marker = excluded.marker,
            last_exported = coalesce(excluded.last_exported, last_exported),
            deep_link = coalesce(excluded.deep_link, deep_link),
            title = excluded.title, message = excluded.message, how = excluded.how
        WHERE excluded.sequence > markers.sequence');
    $show->execute([
        $data['company'], $data['invoice'], $data['sequence'], $data['marker'],
        $data['exported_at'] ?? null, $data['deep_link'] ?? null,
        $data['notification']['title'] ?? null, $data['notification']['message'] ?? null, $data['how'] ?? null,
    ]);
}

/** A request's numbers; once it is complete, late progress changes nothing. */
function markers_of_request(PDO $database, array $data, bool $is_complete): void
{
    $show = $database->prepare('INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (company, request) DO UPDATE SET total = excluded.total, exported = excluded.exported,
            failed = excluded.failed, complete = excluded.complete, message = excluded.message
        WHERE requests.complete = 0');
    $show->execute([
        $data['company'], $data['request'], $data['total'], $data['exported'], $data['failed'],
        (int) $is_complete, $data['notification']['message'] ?? null,
    ]);
}
