<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** A JSON object, asked for its fields by their names; `a.b` is a field of a field. What is not there is empty. */
final class Document
{
    /** @param array<array-key, mixed> $fields */
    public function __construct(public readonly array $fields)
    {
    }

    /** Reads a JSON text; what is no object is an empty one. */
    public static function parse(string $text): self
    {
        $found = json_decode($text, true, 64);
        return new self(is_array($found) ? $found : []);
    }

    /**
     * The objects of a JSON text: those of its list, or the one that it is.
     *
     * @return list<self>
     */
    public static function listed(string $text): array
    {
        $found = json_decode($text, true, 64);
        $each = is_array($found) && array_is_list($found) ? $found : [$found];
        return array_map(static fn (mixed $one): self => new self(is_array($one) ? $one : []), $each);
    }

    public function text(string $name): ?string
    {
        $found = $this->find($name);
        return is_string($found) || is_int($found) || is_float($found) ? (string) $found : null;
    }

    public function number(string $name): int
    {
        $found = $this->find($name);
        return is_numeric($found) ? (int) $found : 0;
    }

    public function isTrue(string $name): bool
    {
        return $this->find($name) === true;
    }

    public function in(string $name): self
    {
        $found = $this->find($name);
        return new self(is_array($found) ? $found : []);
    }

    /** @return list<self> the objects of a list */
    public function each(string $name): array
    {
        $found = $this->find($name);
        $objects = array_filter(is_array($found) ? $found : [], is_array(...));
        return array_values(array_map(static fn (array $one): self => new self($one), $objects));
    }

    /** @return list<string> the texts of a list */
    public function texts(string $name): array
    {
        $found = $this->find($name);
        return array_values(array_filter(is_array($found) ? $found : [], is_string(...)));
    }

    private function find(string $name): mixed
    {
        $found = $this->fields;
        foreach (explode('.', $name) as $part) {
            if (!is_array($found) || !array_key_exists($part, $found)) {
                return null;
            }
            $found = $found[$part];
        }
        return $found;
    }
}
