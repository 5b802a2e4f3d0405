<?php

declare(strict_types=1);

namespace CrewCard\Xero\Tests;

use CrewCard\Xero\Application;
use CrewCard\Xero\ButtonId;
use CrewCard\Xero\Callback;
use CrewCard\Xero\Document;
use CrewCard\Xero\Endpoints;
use CrewCard\Xero\Exporter;
use CrewCard\Xero\Person;
use CrewCard\Xero\Tables;
use CrewCard\Xero\Xero;
use Nyholm\Psr7\Factory\Psr17Factory;
use PDO;
use PHPUnit\Framework\TestCase;

final class EndpointsTest extends TestCase
{
    private ?Person $person;
    private Doors $doors;
    private Xero $xero;
    private Application $application;
    private Endpoints $endpoints;

    protected function setUp(): void
    {
        $this->person = new Person('anna', 'Anna Berg', 'clerk');
        $this->doors = new Doors(static fn (): array => [202, []]);
        $messages = new Psr17Factory();
        $exporter = new Exporter('http://exporter.test', 'k', 'whsec_eA==', $this->doors, $messages, $messages);
        $this->xero = new Xero($exporter, new Tables(new PDO('sqlite::memory:')));
        $this->xero->tables->migrate();
        $person = fn (): ?Person => $this->person;
        $this->application = new class ($person) implements Application {
            public function __construct(private readonly \Closure $signed)
            {
            }

            public function person(): ?Person
            {
                return ($this->signed)();
            }

            public function company(): string
            {
                return 'harbour';
            }

            public function token(): string
            {
                return 'token';
            }

            public function invoices(array $ids): array
            {
                return in_array('mine', $ids, true) ? [['id' => 'mine']] : [];
            }
        };
        $this->endpoints = new Endpoints($this->xero, $this->application);
    }

    public function testNobodyActsWithoutASignInAndThePagesToken(): void
    {
        self::assertSame(403, $this->post('export', ['button' => ButtonId::make(), 'ids' => ['mine']], 'other')[0]);
        $this->person = null;
        self::assertSame(401, $this->post('export', ['button' => ButtonId::make(), 'ids' => ['mine']])[0]);
        self::assertSame([], $this->doors->came);
    }

    public function testAClickExportsWhatThePersonMayExportAndNothingElseAndADoubleClickCountsOnce(): void
    {
        $body = ['button' => ButtonId::make(), 'ids' => ['mine', 'of another company']];
        self::assertSame([true, false], [$this->post('export', $body)[1]['new'], $this->post('export', $body)[1]['new']]);
        self::assertCount(1, $this->doors->came);
        $sent = Document::parse($this->doors->bodies()[0]);
        self::assertSame(['harbour', 'mine'], [$sent->text('data.company'), $sent->each('data.invoices')[0]->text('id')]);
        self::assertSame('Anna Berg', $sent->text('data.requested_by.name'));
        self::assertSame(422, $this->post('export', ['button' => ButtonId::make(), 'ids' => ['of another company']])[0]);
        self::assertSame(422, $this->post('export', ['button' => 'a date of today', 'ids' => ['mine']])[0]);
    }

    public function testAChangeIsAnsweredUnderItsOwnName(): void
    {
        $said = ['button' => ButtonId::make('contact'), 'client' => 'C01', 'pasted' => 'x'];
        $request = $this->post('contact', $said)[1]['request'];
        self::assertSame(['queued', false], $this->state($request));
        $data = ['company' => 'harbour', 'client' => 'C01', 'message' => 'There is no such contact.', 'how' => 'Paste another.'];
        $type = 'client.xero_contact.rejected';
        $this->xero->inbox->take(new Document(['id' => 'e1', 'type' => $type, 'causationid' => $request, 'data' => $data]));
        self::assertSame(['complete', true], $this->state($request));
        self::assertSame('There is no such contact. Paste another.', $this->get('request', ['request' => $request])['message']);
    }

    public function testALoginLeadsBackToThePageWhereTheExporterHasItOnItsListAndElsewhereStillBegins(): void
    {
        $this->doors->answer = static fn (): array => [201, ['url' => 'https://exporter.test/connect/x']];
        $said = ['return_to' => 'https://host.test/profile'];
        self::assertSame([200, ['url' => 'https://exporter.test/connect/x']], $this->post('login', $said));
        self::assertSame(['company' => 'harbour'] + $said, json_decode($this->doors->bodies()[0], true));
        $this->doors->answer = static fn ($asked): array => str_contains((string) $asked->getBody(), 'return_to')
            ? [422, ['problems' => ['return_address: is not on the list']]]
            : [201, ['url' => 'https://exporter.test/connect/y']];
        self::assertSame([200, ['url' => 'https://exporter.test/connect/y']], $this->post('login', $said));
        $this->doors->answer = static fn (): array => [403, ['problems' => ['key: may not']]];
        self::assertSame(502, $this->post('login', $said)[0]);
    }

    public function testWhoMayNotConnectTheCompanyGetsNoLogin(): void
    {
        $mayConnect = static fn (Person $one): bool => $one->role === 'admin';
        $this->endpoints = new Endpoints($this->xero, $this->application, $mayConnect);
        $this->doors->answer = static fn (): array => [201, ['url' => 'https://exporter.test/connect/x']];
        self::assertSame(403, $this->post('login', [])[0]);
        $this->person = new Person('bo', 'Bo Lind', 'admin');
        self::assertSame(200, $this->post('login', [])[0]);
    }

    public function testXerosRedirectIsHandedOverAndTheOrganisationChosenByWhoMay(): void
    {
        $callback = new Callback($this->xero, $this->application, '/profile', static fn (Person $one): bool => $one->role === 'admin');
        $given = new Document(['state' => 's1', 'code' => 'c1']);
        self::assertSame(403, $callback->handle($given, false)[0]);
        self::assertSame([], $this->doors->came);
        $this->person = new Person('bo', 'Bo Lind', 'admin');
        $two = [['tenant' => 't1', 'name' => 'Harbour <b>', 'current' => true], ['tenant' => 't2', 'name' => 'River', 'taken' => true]];
        $this->doors->answer = static fn (): array => [200, ['connected' => null, 'login' => 'l1', 'organisations' => $two]];
        [$status, $page] = $callback->handle($given, false);
        self::assertSame(200, $status);
        self::assertStringContainsString('Continue with Organization', $page);
        self::assertStringContainsString('value="t1" checked> Harbour &lt;b&gt;', $page);
        self::assertStringContainsString('value="t2" disabled> River', $page);
        $chosen = ['login' => 'l1', 'tenant' => 't1'];
        self::assertSame(403, $callback->handle(new Document($chosen), true)[0]);
        $this->doors->answer = static fn (): array => [200, ['connected' => 'Harbour']];
        self::assertSame([303, '/profile'], $callback->handle(new Document($chosen + ['token' => 'token']), true));
        self::assertSame(['company' => 'harbour', 'state' => 's1', 'code' => 'c1'], json_decode($this->doors->bodies()[0], true));
        self::assertSame(['company' => 'harbour'] + $chosen, json_decode($this->doors->bodies()[1], true));
    }

    public function testALoginThatWasRefusedIsToldInItsSentence(): void
    {
        $callback = new Callback($this->xero, $this->application, '/profile');
        $problem = 'denied: Xero says that the login was declined. Log in again & accept.';
        $this->doors->answer = static fn (): array => [422, ['problems' => [$problem]]];
        [$status, $page] = $callback->handle(new Document(['state' => 's1', 'error' => 'access_denied']), false);
        self::assertSame(422, $status);
        self::assertStringContainsString('<p>Xero says that the login was declined. Log in again &amp; accept.</p>', $page);
        self::assertStringContainsString('"error":"access_denied"', $this->doors->bodies()[0]);
        $this->doors->answer = static fn (): array => [0, []];
        self::assertSame(503, $callback->handle(new Document(['state' => 's1', 'code' => 'c']), false)[0]);
    }

    public function testABulkSendOfManyEventsGoesOnWhileItsPageIsOpenAndItsTotalNeverFalls(): void
    {
        $this->doors->answer = static fn (): array => [0, []];
        $invoices = array_map(static fn (int $one): array => ['id' => "i$one"], range(1, 1200));
        $request = ButtonId::make('bulk');
        $this->xero->export('harbour', $request, $this->person, $invoices, 'bulk');
        $this->doors->answer = static fn (): array => [202, []];
        $progress = ['company' => 'harbour', 'request' => $request, 'total' => 500, 'exported' => 400, 'failed' => 0];
        $this->xero->inbox->take(new Document(['id' => 'p1', 'type' => 'invoice.export.progressed', 'data' => $progress]));
        $this->xero->tables->database->exec('UPDATE xero_outbox SET next_at = 0');
        self::assertSame(['running', false], $this->state($request));
        self::assertSame(0, $this->xero->outbox->backlog()->number('waiting'));
        self::assertSame([1200, 400], array_values(array_intersect_key(
            $this->get('request', ['request' => $request]),
            ['total' => 0, 'exported' => 0],
        )));
        $over = ['total' => 1100, 'exported' => 1100, 'failed' => 0] + $progress;
        $this->xero->inbox->take(new Document(['id' => 'p2', 'type' => 'invoice.export.completed', 'data' => $over]));
        self::assertSame(1100, $this->get('request', ['request' => $request])['total']);
    }

    public function testWhatIsNoTextIsNoId(): void
    {
        foreach (["\xff", "a\0b"] as $id) {
            foreach ([['invoices', ['id' => [$id]]], ['log', ['id' => $id]], ['request', ['request' => $id]]] as [$what, $asked]) {
                $query = new Document(['what' => $what] + $asked);
                self::assertSame(422, $this->endpoints->handle('GET', $query, new Document([]))[0]);
            }
        }
    }

    public function testAClickThatFoundNobodyIsSentByWhoeverAsksHowFarItIs(): void
    {
        $this->doors->answer = static fn (): array => [0, []];
        $request = $this->post('export', ['button' => ButtonId::make(), 'ids' => ['mine']])[1]['request'];
        $this->doors->answer = static fn (): array => [202, []];
        self::assertSame(['queued', false], $this->state($request));
        self::assertCount(1, $this->doors->came);  // it is not due yet
        $this->xero->tables->database->exec('UPDATE xero_outbox SET next_at = 0');
        self::assertSame(['queued', false], $this->state($request));
        self::assertCount(2, $this->doors->came);
    }

    public function testWhileTheExporterIsAwayAReadSaysSo(): void
    {
        $this->doors->answer = static fn (): array => [0, []];
        self::assertSame(503, $this->endpoints->handle('GET', new Document(['what' => 'connection']), new Document([]))[0]);
    }

    /**
     * @param array<string, mixed> $body
     * @return array{int, array<string, mixed>}
     */
    private function post(string $what, array $body, string $token = 'token'): array
    {
        return $this->endpoints->handle('POST', new Document(['what' => $what]), new Document($body), $token);
    }

    /**
     * @param array<string, mixed> $query
     * @return array<string, mixed>
     */
    private function get(string $what, array $query): array
    {
        return $this->endpoints->handle('GET', new Document(['what' => $what] + $query), new Document([]))[1];
    }

    /** @return array{mixed, mixed} */
    private function state(mixed $request): array
    {
        $said = $this->get('request', ['request' => $request]);
        return [$said['state'], $said['over']];
    }
}
