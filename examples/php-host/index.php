<?php
// A whole small host: sign-in, jobs, invoices, clients, profile. All that is about Xero comes from hosts/php and hosts/elements.
declare(strict_types=1);

use CrewCard\Xero\{Application, Callback, Endpoints, Person, Xero};

$path = (string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path === '/crewcard-xero.js') {
    header('Content-Type: text/javascript');
    exit(readfile(__DIR__ . '/../../hosts/elements/crewcard-xero.js') === false);
}
/** @var Xero $xero */
$xero = require __DIR__ . '/crewcard-xero.php';
if ($path === '/xero_webhook.php') {
    $xero->webhook()->answer();
    exit;
}
session_start(['cookie_httponly' => true, 'cookie_samesite' => 'Lax']);

/** The application's own part: its people, its invoices. */
final class Host implements Application
{
    public const PEOPLE = ['anna' => ['Anna Berg', 'clerk'], 'bo' => ['Bo Lind', 'admin']];

    public function __construct(private readonly PDO $database)
    {
    }

    public function person(): ?Person
    {
        $id = $_SESSION['person'] ?? '';
        return isset(self::PEOPLE[$id]) ? new Person($id, ...self::PEOPLE[$id]) : null;
    }

    public function company(): string
    {
        return 'harbour-crew';  // yours: the company of whoever is signed in
    }

    public function token(): string
    {
        return $_SESSION['token'] ??= bin2hex(random_bytes(16));
    }

    public function invoices(array $ids): array
    {
        return array_values(array_filter($this->all(), fn (array $one): bool => in_array($one['id'], $ids, true)));
    }

    public function all(): array
    {
        $kept = $this->database->query('SELECT said FROM host_invoices ORDER BY id')->fetchAll(PDO::FETCH_COLUMN);
        return array_map(fn (string $said): array => json_decode($said, true), $kept);
    }

    /** Saves what a person changed: the revision grows, so that the exporter knows the newer one. */
    public function save(string $id, string $currency): void
    {
        $invoice = $this->invoices([$id])[0];
        $invoice = ['currency' => $currency, 'revision' => $invoice['revision'] + 1] + $invoice;
        $saved = $this->database->prepare('UPDATE host_invoices SET said = ? WHERE id = ?');
        $saved->execute([json_encode($invoice), $id]);
    }

    /** Its own table and the package's, made when they are not there: `crewcard-xero-host migrate` does the latter in a release. */
    public function install(Xero $xero): void
    {
        $this->database->exec('CREATE TABLE IF NOT EXISTS host_invoices (id VARCHAR(64) PRIMARY KEY, said TEXT)');
        $xero->tables->migrate();
        foreach (json_decode(file_get_contents(__DIR__ . '/../invoices.json'), true) as $one) {
            $xero->tables->insertNew('host_invoices', ['id' => $one['id'], 'said' => json_encode($one)]);
        }
    }
}

function html(string $text): string { return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE); }

$host = new Host($xero->tables->database);
$host->install($xero);
$mayConnect = fn (Person $one): bool => $one->role === 'admin';
if ($path === '/xero' || $path === '/callback.php') {  // what the elements ask; where Xero leads back to after a login
    ($path === '/xero' ? new Endpoints($xero, $host, $mayConnect) : new Callback($xero, $host, '/profile', $mayConnect))->answer();
    exit;
}
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    if (!hash_equals($host->token(), $_POST['token'] ?? '')) {
        http_response_code(403);
        exit('Load the page anew.');
    }
    if (isset($_POST['person'])) {
        session_regenerate_id(true);
        $_SESSION['person'] = $_POST['person'];
    } elseif ($host->person() !== null && isset($_POST['currency']) && $host->invoices([$_POST['id'] ?? '']) !== []) {
        $host->save($_POST['id'], $_POST['currency']);
    }
    header('Location: ' . ($path === '/login' ? '/' : $path . '?id=' . rawurlencode($_POST['id'] ?? '')), true, 303);
    exit;
}
$person = $host->person();
$token = '<input type="hidden" name="token" value="' . html($host->token()) . '">';
$one = $host->invoices([$_GET['id'] ?? ''])[0] ?? null;
?>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="crewcard-xero" content="/xero" data-token="<?= html($host->token()) ?>">
<title>CrewCard host</title>
<script type="module" src="/crewcard-xero.js"></script>
<style>body { font: 16px/1.5 system-ui; margin: 2rem auto; max-width: 60rem; padding: 0 1rem } td, th { text-align: left; padding: .3rem .8rem .3rem 0 }</style>
<?php if ($person === null): ?>
<main><h1>Sign in</h1><form method="post" action="/login"><?= $token ?>
<?php foreach (Host::PEOPLE as $id => [$name, $role]): ?><button name="person" value="<?= $id ?>"><?= html("$name, $role") ?></button> <?php endforeach ?>
</form></main>
<?php exit; endif ?>
<nav><a href="/">Jobs</a> · <a href="/client?id=C01">Client</a> · <a href="/profile">Profile</a> · <?= html($person->name) ?></nav>
<main>
<?php if ($path === '/client'): ?>
<h1>Harbour Master Ltd</h1><xero-contact-field client="C01" name="Harbour Master Ltd"></xero-contact-field>
<?php elseif ($path === '/profile'): ?>
<h1>Profile</h1><xero-connection></xero-connection>
<?php elseif ($path === '/invoice' && $one !== null): $id = html($one['id']) ?>
<h1>Invoice <?= html($one['number']) ?></h1>
<p><xero-export-button invoice="<?= $id ?>">Export Invoice to XERO</xero-export-button> <xero-marker invoice="<?= $id ?>"></xero-marker></p>
<p>Last Exported: <xero-last-exported invoice="<?= $id ?>"></xero-last-exported></p>
<form method="post"><?= $token ?><input type="hidden" name="id" value="<?= $id ?>">
<label>Currency <input name="currency" value="<?= html($one['currency']) ?>" size="4"></label> <button>Save</button></form>
<xero-export-log invoice="<?= $id ?>"></xero-export-log>
<?php else: ?>
<h1>Jobs</h1><p><xero-bulk-action for="input[name=invoice]">Xero Bulk Send</xero-bulk-action></p>
<table><tr><th>Send</th><th>Job</th><th>Invoice</th><th>Xero</th><th>Last Exported</th></tr>
<?php foreach ($host->all() as $one): $id = html($one['id']) ?>
<tr><td><input type="checkbox" name="invoice" value="<?= $id ?>" aria-label="<?= html($one['number']) ?>"></td><td><?= html($one['job']) ?></td>
<td><a href="/invoice?id=<?= $id ?>"><?= html($one['number']) ?></a></td>
<td><xero-marker invoice="<?= $id ?>"></xero-marker></td><td><xero-last-exported invoice="<?= $id ?>"></xero-last-exported></td></tr>
<?php endforeach ?></table>
<?php endif ?>
</main>
</html>
