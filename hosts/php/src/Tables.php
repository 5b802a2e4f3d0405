<?php

declare(strict_types=1);

namespace CrewCard\Xero;

use PDO;
use PDOException;
use PDOStatement;

/** The host's tables in SQLite, PostgreSQL, MySQL or MariaDB, over the host's own connection. */
final class Tables
{
    private const MOST_TRIES = 6;
    private const PASSING = ['40001', '40P01', '55P03'];  // a deadlock, a serialisation, a lock
    private const PASSING_CODES = [5, 6, 1205, 1213];  // SQLite: busy, locked; MySQL: a lock, a deadlock
    private const DUPLICATE = 1062;
    public readonly string $driver;

    public function __construct(public readonly PDO $database)
    {
        $database->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
        $driver = $database->getAttribute(PDO::ATTR_DRIVER_NAME);
        $this->driver = is_string($driver) ? $driver : '';
        if (!in_array($this->driver, ['sqlite', 'pgsql', 'mysql'], true)) {
            throw new \InvalidArgumentException("there are no migrations for the driver “{$this->driver}”");
        }
    }

    /**
     * Brings the tables up to date; gives the names of what was done. Many processes may ask at once.
     *
     * @return list<string>
     */
    public function migrate(): array
    {
        $this->database->exec(
            'CREATE TABLE IF NOT EXISTS xero_migrations (name VARCHAR(40) NOT NULL PRIMARY KEY, at VARCHAR(32) NOT NULL)'
        );
        $done = [];
        $files = glob(dirname(__DIR__) . "/migrations/*.{$this->driver}.sql") ?: [];
        sort($files);
        foreach ($files as $file) {
            $name = basename($file, ".{$this->driver}.sql");
            $migrate = function () use ($file, $name): bool {
                if (!$this->insertNew('xero_migrations', ['name' => $name, 'at' => self::now()])) {
                    return false;
                }
                foreach (self::statements((string) file_get_contents($file)) as $statement) {
                    $this->database->exec($statement);
                }
                return true;
            };
            // MySQL commits at each CREATE TABLE by itself, so that there is no transaction round them.
            if ($this->driver === 'mysql' ? $migrate() : $this->transaction($migrate)) {
                $done[] = $name;
            }
        }
        return $done;
    }

    /**
     * The story whole or not at all, in the host's transaction where one is open; told again where others were in its way.
     *
     * @template T
     * @param callable(): T $story
     * @return T
     */
    public function transaction(callable $story): mixed
    {
        if ($this->database->inTransaction()) {
            return $story();
        }
        for ($try = 1;; $try++) {
            $this->database->beginTransaction();
            try {
                $found = $story();
                $this->database->commit();
                return $found;
            } catch (\Throwable $broken) {
                if ($this->database->inTransaction()) {
                    $this->database->rollBack();
                }
                if (!$broken instanceof PDOException || !self::passes($broken) || $try >= self::MOST_TRIES) {
                    throw $broken;
                }
                usleep(random_int(1000, 20_000 * $try));
            }
        }
    }

    /**
     * Writes a row unless its key is there; gives whether it is new. Anything else that is wrong is raised.
     *
     * @param array<string, string|int|null> $row
     */
    public function insertNew(string $table, array $row): bool
    {
        $columns = implode(', ', array_keys($row));
        $places = implode(', ', array_fill(0, count($row), '?'));
        $insert = "INSERT INTO $table ($columns) VALUES ($places)";
        if ($this->driver !== 'mysql') {
            return $this->run("$insert ON CONFLICT DO NOTHING", array_values($row))->rowCount() === 1;
        }
        try {  // INSERT IGNORE would cut what is too long and say nothing
            $this->run($insert, array_values($row));
            return true;
        } catch (PDOException $refused) {
            if (($refused->errorInfo[1] ?? null) !== self::DUPLICATE) {
                throw $refused;
            }
            return false;
        }
    }

    /** @param list<string|int|null> $given */
    public function run(string $statement, array $given = []): PDOStatement
    {
        try {
            $asked = $this->database->prepare($statement);
            $asked->execute($given);
            return $asked;
        } catch (\PDOException $wrong) {
            if (preg_match('/no such table: xero_|42S02|42P01/', $wrong->getMessage()) === 1) {
                $how = 'Its tables are not made yet, or are of an older version: run crewcard-xero-host migrate.';
                throw new \RuntimeException("$how ({$wrong->getMessage()})", 0, $wrong);
            }
            throw $wrong;
        }
    }

    /**
     * @param list<string|int|null> $given
     * @return list<Document>
     */
    public function rows(string $statement, array $given = []): array
    {
        $rows = [];
        foreach ($this->run($statement, $given)->fetchAll(PDO::FETCH_ASSOC) as $row) {
            $rows[] = new Document(is_array($row) ? $row : []);
        }
        return $rows;
    }

    public static function now(): string
    {
        return gmdate('Y-m-d\TH:i:s\Z');
    }

    private static function passes(PDOException $broken): bool
    {
        [$state, $code] = [$broken->errorInfo[0] ?? '', $broken->errorInfo[1] ?? 0];
        return in_array($state, self::PASSING, true) || in_array($code, self::PASSING_CODES, true);
    }

    /** @return list<string> */
    private static function statements(string $script): array
    {
        $without = (string) preg_replace('/--.*$/m', '', $script);
        return array_values(array_filter(array_map(trim(...), explode(';', $without))));
    }
}
