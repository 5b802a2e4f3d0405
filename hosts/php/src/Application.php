<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/** What the host's own application says to `Endpoints`: who is signed in, for which company, and what an invoice says. */
interface Application
{
    /** Whoever is signed in; null: nobody, and nothing is answered. */
    public function person(): ?Person;

    /** The company whose pages these are; never one that came with the request. */
    public function company(): string;

    /** The session's own token, which each POST has to bring (`X-CSRF-Token`). */
    public function token(): string;

    /**
     * The company's invoices of these ids that this person may export, as they stand now; what is not theirs is left out.
     *
     * @param list<string> $ids
     * @return list<array<string, mixed>>
     */
    public function invoices(array $ids): array;
}
