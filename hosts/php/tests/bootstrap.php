<?php

// Composer's autoloader where there is one; else this package as it stands, and the interfaces as Debian packages them.

declare(strict_types=1);

if (is_file(__DIR__ . '/../vendor/autoload.php')) {
    require __DIR__ . '/../vendor/autoload.php';
} else {
    foreach (['Nyholm/Psr7', 'Psr/Http/Client'] as $package) {
        require_once "$package/autoload.php";
    }
    spl_autoload_register(static function (string $class): void {
        foreach (['CrewCard\\Xero\\Tests\\' => __DIR__, 'CrewCard\\Xero\\' => __DIR__ . '/../src'] as $prefix => $folder) {
            $file = $folder . '/' . str_replace('\\', '/', substr($class, strlen($prefix))) . '.php';
            if (str_starts_with($class, $prefix) && is_file($file)) {
                require $file;
                return;
            }
        }
    });
}
