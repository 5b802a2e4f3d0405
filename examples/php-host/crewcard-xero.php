<?php
// The host's one way to the exporter; `crewcard-xero-host` (migrate, work, pull) takes this file as well.
declare(strict_types=1);

require_once __DIR__ . '/../../hosts/php/tests/bootstrap.php';  // yours says: require 'vendor/autoload.php'

$database = new PDO(getenv('HOST_DSN') ?: 'sqlite:' . sys_get_temp_dir() . '/crewcard-host.sqlite', getenv('HOST_USER') ?: null);
return CrewCard\Xero\Xero::fromEnvironment($database, new Nyholm\Psr7\Factory\Psr17Factory());
