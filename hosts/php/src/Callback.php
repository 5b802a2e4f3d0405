<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/**
 * Xero's redirect, for a host whose Xero app keeps the host's own `callback.php`: hands what Xero brought to the
 * exporter, asks which organisation where the login opens several, and leads back to the host's page.
 */
final class Callback
{
    /** @param (\Closure(Person): bool)|null $mayConnect as of `Endpoints` */
    public function __construct(
        private readonly Xero $xero,
        private readonly Application $application,
        private readonly string $backTo,
        private readonly ?\Closure $mayConnect = null,
    ) {
    }

    /** Answers the PHP request at hand. */
    public function answer(): void
    {
        $method = is_string($_SERVER['REQUEST_METHOD'] ?? null) ? $_SERVER['REQUEST_METHOD'] : '';
        [$status, $page] = $this->handle(new Document($method === 'POST' ? $_POST : $_GET), $method === 'POST');
        http_response_code($status);
        header('Cache-Control: no-store');
        header("Content-Security-Policy: default-src 'none'; form-action 'self'; frame-ancestors 'none'");
        header('Referrer-Policy: no-referrer');  // the address has Xero's code in it
        if ($status === 303) {
            header("Location: $page");
            return;
        }
        header('Content-Type: text/html; charset=utf-8');
        echo $page;
    }

    /** @return array{int, string} a status, and the page, or of a 303 the address */
    public function handle(Document $given, bool $isPost): array
    {
        $person = $this->application->person();
        if ($person === null || !($this->mayConnect?->__invoke($person) ?? true)) {
            return [403, $this->page('Not logged in to Xero', 'Sign in as somebody who may connect the company, and log in to Xero again.')];
        }
        $own = $this->application->token();
        if ($isPost && ($own === '' || !hash_equals($own, (string) $given->text('token')))) {
            return [403, $this->page('Not logged in to Xero', 'This page is too old. Log in to Xero again.')];
        }
        [$exporter, $company] = [$this->xero->exporter->within(30), $this->application->company()];
        try {
            $login = $isPost
                ? $exporter->chooseOrganisation($company, (string) $given->text('login'), (string) $given->text('tenant'))
                : $exporter->finishLogin($company, (string) $given->text('state'), $given->text('code'), $given->text('error'));
        } catch (NotReached) {
            return [503, $this->page('Not logged in to Xero', 'The exporter does not answer at the moment. Log in to Xero again in a minute.')];
        } catch (NotAccepted $refused) {
            return [422, $this->page('Not logged in to Xero', $refused->sentences())];
        }
        return $login->text('connected') !== null ? [303, $this->backTo] : [200, $this->choice($login)];
    }

    private function choice(Document $login): string
    {
        $choices = '';
        foreach ($login->each('organisations') as $one) {
            $state = $one->isTrue('taken') ? ' disabled' : ($one->isTrue('current') ? ' checked' : '');
            $note = $one->isTrue('taken') ? ' (used by another company)' : ($one->isTrue('current') ? ' (connected now)' : '');
            $choices .= '<p><label><input type="radio" name="tenant" required value="' . self::html($one->text('tenant')) . "\"$state> "
                . self::html($one->text('name')) . "$note</label></p>";
        }
        $hidden = ['token' => $this->application->token(), 'login' => $login->text('login')];
        foreach ($hidden as $name => $value) {
            $choices .= "<input type=\"hidden\" name=\"$name\" value=\"" . self::html($value) . '">';
        }
        $form = "<form method=\"post\">$choices<p><button>Continue with Organization</button></p></form>";
        return $this->page('Choose an organisation', 'Which one do the invoices of this company go to?', $form);
    }

    private function page(string $title, string $message, string $more = ''): string
    {
        $back = $more === '' ? '<p><a href="' . self::html($this->backTo) . '">Back</a></p>' : '';
        return '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            . '<title>' . self::html($title) . '</title><main><h1>' . self::html($title) . '</h1><p>' . self::html($message)
            . "</p>$more$back</main></html>";
    }

    private static function html(?string $text): string
    {
        return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE);
    }
}
