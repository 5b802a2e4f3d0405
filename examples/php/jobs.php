<?php
// A page of jobs: a marker beside each invoice number, Last Exported, and why an export failed.  jobs.php?company=…
declare(strict_types=1);

require_once __DIR__ . '/markers.php';

const SIGNS = [
    'not_exported' => '–', 'queued' => '…', 'exporting' => '…', 'waiting' => '…', 'uncertain' => '?',
    'exported' => '✔', 'failed' => '✘', 'excluded' => 'do not send',
];

function html(?string $text): string
{
    return htmlspecialchars($text ?? '', ENT_QUOTES | ENT_SUBSTITUTE);
}

$company = $_GET['company'] ?? '';
$invoices = json_decode(file_get_contents(crewcard_setting('HOST_INVOICES')), true, 64, JSON_THROW_ON_ERROR);
$database = markers_database();
$asked = $database->prepare('SELECT * FROM markers WHERE company = ?');
$asked->execute([$company]);
$markers = array_column($asked->fetchAll(PDO::FETCH_ASSOC), null, 'invoice');
$asked = $database->prepare('SELECT message FROM requests WHERE company = ? AND complete = 1 ORDER BY rowid DESC LIMIT 1');
$asked->execute([$company]);
$news = $asked->fetchColumn();
?>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Jobs</title>
<style>
  body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #1c2733 }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .4rem .8rem; border-bottom: 1px solid #dde3ea }
  .popup { background: #eef6ff; border-left: 4px solid #0b78d0; padding: .6rem 1rem; margin-bottom: 1rem }
  .exported { color: #14804a } .failed { color: #c0271a } small { color: #5c6b7a; display: block }
</style>
<?php if ($news): ?><div class="popup" role="status"><?= html($news) ?></div><?php endif ?>
<table>
  <tr><th>Job</th><th>Invoice</th><th>Xero</th></tr>
<?php foreach ($invoices as $invoice): $one = $markers[$invoice['id']] ?? ['marker' => 'not_exported'] ?>
  <tr>
    <td><?= html($invoice['job'] ?? '') ?></td>
    <td><?= html($invoice['number']) ?></td>
    <td class="<?= html($one['marker']) ?>" title="<?= html($one['message'] ?? '') ?>">
      <?= html(SIGNS[$one['marker']] ?? $one['marker']) ?>
<?php if (!empty($one['last_exported'])): ?>
      <small>Last Exported: <a href="<?= html($one['deep_link']) ?>"><?= html(substr($one['last_exported'], 0, 10)) ?></a></small>
<?php endif; if ($one['marker'] === 'failed'): ?>
      <small><b><?= html($one['title']) ?></b>: <?= html($one['message']) ?> <?= html($one['how']) ?></small>
<?php endif ?>
    </td>
  </tr>
<?php endforeach ?>
</table>
</html>
