<?php

declare(strict_types=1);

namespace CrewCard\Xero\Tests;

use CrewCard\Xero\ButtonId;
use CrewCard\Xero\DaySummary;
use CrewCard\Xero\Document;
use CrewCard\Xero\Events;
use CrewCard\Xero\Exporter;
use CrewCard\Xero\Inbox;
use CrewCard\Xero\Patient;
use CrewCard\Xero\Person;
use CrewCard\Xero\Signature;
use CrewCard\Xero\StreamClient;
use CrewCard\Xero\Tables;
use CrewCard\Xero\Webhook;
use CrewCard\Xero\Xero;
use Nyholm\Psr7\Factory\Psr17Factory;
use PDO;
use PHPUnit\Framework\TestCase;
use Psr\Http\Client\ClientInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;

/** On the database of CREWCARD_XERO_TEST_DSN (and _USER): SQLite in memory without one. */
final class HostTest extends TestCase
{
    private const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    private Tables $tables;
    private Doors $doors;
    private Xero $xero;
    private Person $anna;

    protected function setUp(): void
    {
        $this->tables = new Tables(self::database());
        foreach (['migrations', 'outbox', 'inbox', 'markers', 'requests', 'log', 'feed', 'payments'] as $table) {
            $this->tables->database->exec("DROP TABLE IF EXISTS xero_$table");
        }
        $this->tables->migrate();
        $this->doors = new Doors(static fn (): array => [202, ['invoices' => 1]]);
        $this->xero = $this->host($this->doors);
        $this->anna = new Person('anna', 'Anna Berg');
    }

    public function testADayIsToldWithItsSentencesAndNoOtherEventIsOne(): void
    {
        $found = [];
        $also = static function (Document $event) use (&$found): void {
            $found[] = DaySummary::ofEvent($event);
        };
        $inbox = new Inbox($this->tables, $also);
        $data = [
            'company' => 'harbour',
            'day' => '2026-11-21',
            'exported' => 55,
            'failed' => 5,
            'waiting' => ['invoices' => 3, 'message' => 'The organisation is offline at Xero.'],
            'connection' => ['message' => 'The login to Xero ends in 9 days.', 'ends_in_days' => 9],
            'notification' => ['title' => 'Xero export: 55 exported', 'message' => "One.\nTwo."],
        ];
        $event = new Document(['id' => 'd1', 'type' => 'company.day_summarised', 'data' => $data]);
        self::assertSame([true, false], [$inbox->take($event), $inbox->take($event)]);
        $inbox->take(new Document(['id' => 'd2', 'type' => 'company.settings.updated', 'data' => ['company' => 'harbour']]));
        [$day, $other] = $found;
        self::assertSame(['harbour', '2026-11-21', 55, 5, 3, 9], [
            $day->company, $day->day, $day->exported, $day->failed, $day->waiting, $day->loginEndsInDays,
        ]);
        self::assertSame(['Xero export: 55 exported', ['One.', 'Two.']], [$day->title, $day->lines]);
        self::assertNull($other);
        self::assertCount(2, $found);
        $quiet = ['id' => 'd3', 'type' => 'company.day_summarised', 'data' => ['company' => 'harbour']];
        self::assertNull(DaySummary::ofEvent(new Document($quiet))?->loginEndsInDays);
    }

    public function testMigrationsAreRunOnce(): void
    {
        self::assertSame([], $this->tables->migrate());
    }

    public function testASecondClickOnTheSameButtonChangesNothingAndANewButtonIsANewRequest(): void
    {
        self::assertTrue($this->click('click-a'));
        self::assertFalse($this->click('click-a'));
        self::assertCount(1, $this->doors->came);
        self::assertTrue($this->click('click-b'));
        $ids = array_map(static fn (string $body): ?string => Document::parse($body)->text('id'), $this->doors->bodies());
        self::assertCount(2, array_unique($ids));
        self::assertNotSame(ButtonId::make(), ButtonId::make());
        self::assertMatchesRegularExpression('/^click-/', ButtonId::check(ButtonId::make()));
    }

    public function testABulkSendOfSixHundredGoesInTwoPartsOfOneRequest(): void
    {
        $invoices = array_map(static fn (int $n): array => ['id' => "i$n"], range(1, 600));
        $this->xero->export('harbour', 'bulk-a', $this->anna, $invoices, null, ['page' => 'jobs_page']);
        $data = array_map(static fn (string $body): Document => Document::parse($body)->in('data'), $this->doors->bodies());
        self::assertSame([500, 100], array_map(static fn (Document $one): int => count($one->each('invoices')), $data));
        self::assertSame(['1/2', '2/2'], array_map(
            static fn (Document $one): string => $one->text('part') . '/' . $one->text('parts'),
            $data,
        ));
        self::assertSame(['bulk', 'jobs_page'], [$data[0]->text('mode'), $data[0]->text('origin.page')]);
        self::assertSame(600, $this->xero->markers->progress('harbour', 'bulk-a')?->total);
    }

    public function testWhileTheExporterIsAwayAClickAnswersWithinASecondAndIsSentLaterWithTheSameBytes(): void
    {
        $deaf = stream_socket_server('tcp://127.0.0.1:0');  // it is there and says nothing
        self::assertIsResource($deaf);
        $messages = new Psr17Factory();
        $away = $this->host(new StreamClient($messages, $messages), 'http://' . stream_socket_get_name($deaf, false));
        $began = microtime(true);
        $away->export('harbour', 'click-a', $this->anna, [['id' => '4711']]);
        self::assertLessThan(1.0, microtime(true) - $began);
        $began = microtime(true);
        $away->export('other', 'click-b', $this->anna, [['id' => '1']]);  // it need not learn the same again
        self::assertLessThan(0.3, microtime(true) - $began);
        self::assertSame('queued', $this->marker('4711'));
        self::assertSame(2, $away->outbox->backlog()->number('waiting'));
        self::assertSame(0, $this->xero->outbox->flush($this->xero->exporter));
        $kept = $this->tables->rows('SELECT body FROM xero_outbox ORDER BY id');
        $this->later();
        self::assertSame(2, $this->xero->outbox->flush($this->xero->exporter));
        self::assertSame(array_map(static fn (Document $one): ?string => $one->text('body'), $kept), $this->doors->bodies());
        self::assertSame(0, $away->outbox->backlog()->number('waiting'));
        fclose($deaf);
    }

    public function testARefusedRequestSaysSoBesideItsInvoicesAndHoldsBackNoOther(): void
    {
        $this->doors->answer = static fn (RequestInterface $asked): array => str_contains((string) $asked->getBody(), 'nobody')
            ? [422, ['problems' => ['data.company: there is no company “nobody” here']]] : [202, []];
        $this->xero->export('nobody', 'click-a', $this->anna, [['id' => '1']]);
        $this->click('click-b');
        self::assertSame(0, $this->xero->outbox->backlog()->number('waiting'));
        $marker = $this->xero->markers->of('nobody', ['1'])['1'];
        self::assertSame(['failed', 'Invoice Failed to Export'], [$marker->marker, $marker->failure?->title]);
        self::assertStringContainsString('there is no company', (string) $marker->failure?->how);
        self::assertTrue($this->xero->markers->progress('nobody', 'click-a')?->isOver());
        self::assertSame('refused', $this->xero->markers->log('nobody', '1')[0]->outcome);
        self::assertCount(1, $this->xero->outbox->refused('nobody'));
        self::assertSame('queued', $this->marker('4711'));
    }

    public function testWhatOneCompanyHasTooMuchOfHoldsBackNoOtherAndItsOwnOrderStays(): void
    {
        $this->doors->answer = static fn (RequestInterface $asked): array => str_contains((string) $asked->getBody(), 'busy')
            ? [429, ['problems' => ['too much'], 'retry_after' => 30]] : [202, []];
        $this->xero->export('busy', 'click-a', $this->anna, [['id' => '1']]);
        $this->xero->send($this->xero->events->cancel('busy', 'click-b', $this->anna, 'wrong', ['request' => 'click-a']));
        $this->click('click-c');
        self::assertCount(2, $this->doors->came);
        self::assertSame(2, $this->xero->outbox->backlog()->number('waiting'));
        $this->doors->answer = static fn (): array => [202, []];
        $this->later();
        $this->xero->outbox->flush($this->xero->exporter);
        $types = array_map(static fn (string $body): ?string => Document::parse($body)->text('type'), $this->doors->bodies());
        $last = array_slice($types, -2);
        self::assertSame(['invoice.export.requested', 'invoice.export.cancel_requested'], $last);
    }

    public function testAWrongSecretIsSaidToWhoeverWatchesTheHost(): void
    {
        self::assertNull($this->xero->outbox->backlog()->text('problem'));
        $this->doors->answer = static fn (): array => [401, ['problems' => ['webhook-signature: does not fit']]];
        $this->click('click-a');
        $this->click('click-b');
        $backlog = $this->xero->outbox->backlog();
        self::assertSame(2, $backlog->number('waiting'));
        self::assertSame('The exporter answered 401: webhook-signature: does not fit', $backlog->text('problem'));
    }

    public function testTablesThatWereNeverMadeAreNamedWithTheCommandThatMakesThem(): void
    {
        $this->tables->database->exec('DROP TABLE xero_requests');
        $this->expectExceptionMessage('crewcard-xero-host migrate');
        $this->click('click-a');
    }

    public function testAWrongClockOrAProxysAnswerFailsNoInvoice(): void
    {
        foreach ([[401, ['problems' => ['webhook-timestamp: too old']]], [404, []], [301, []], [0, []]] as $number => $answer) {
            $this->doors->answer = static fn (): array => $answer;
            $this->click("click-$number");
            self::assertSame('queued', $this->marker('4711'));
            $this->later();
        }
        $this->doors->answer = static fn (): array => [202, []];
        self::assertSame(4, $this->xero->outbox->flush($this->xero->exporter));
    }

    public function testTwoProcessesSendAnEventOnce(): void
    {
        $second = new Xero($this->exporter($this->doors), new Tables(self::database()));
        $this->doors->answer = function () use ($second): array {
            if (count($this->doors->came) === 1 && $this->tables->driver !== 'sqlite') {
                self::assertSame(0, $second->outbox->flush($second->exporter));
            }
            return [202, []];
        };
        $this->click('click-a');
        self::assertCount(1, $this->doors->came);
    }

    public function testWhatTheHostRollsBackIsNeitherSentNorShown(): void
    {
        $this->tables->database->beginTransaction();
        $this->click('click-a');
        self::assertSame([], $this->doors->came);
        $this->tables->database->rollBack();
        self::assertSame(0, $this->xero->outbox->flush($this->xero->exporter));
        self::assertSame('not_exported', $this->marker('4711'));
        self::assertTrue($this->click('click-a'));
    }

    public function testAnEventCountsOnceAndAnOlderOneThatComesLateChangesNothingShown(): void
    {
        $large = 9_007_199_254_740_993;  // neither 32 bits nor the 53 of a float hold it
        self::assertTrue($this->succeeded('e1', '4711', $large));
        self::assertFalse($this->succeeded('e1', '4711', $large));
        self::assertTrue($this->failed('e2', '4711', $large - 1));
        $marker = $this->xero->markers->of('harbour', ['4711'])['4711'];
        self::assertSame('exported', $marker->marker);
        self::assertSame('https://go.xero.com/i/1', $marker->lastExported?->deepLink);
        self::assertNull($marker->failure);
        self::assertTrue($this->failed('e3', '4711', $large + 1));
        $marker = $this->xero->markers->of('harbour', ['4711'])['4711'];
        self::assertSame(['failed', 'bookkeeper'], [$marker->marker, $marker->failure?->who]);
        self::assertNull($marker->failure?->link);  // a script is no address
        self::assertSame('20 Nov 2026, 10:15', $marker->lastExported?->shown());
        self::assertCount(3, $this->xero->markers->log('harbour', '4711'));
    }

    public function testAPaymentStandsBesideTheMarkerAndAnOlderOneThatComesLateChangesNothing(): void
    {
        $this->succeeded('e1', '4711', 1);
        self::assertNull($this->xero->markers->of('harbour', ['4711'])['4711']->payment);
        self::assertTrue($this->paid('e2', 'invoice.paid', 2, 'paid', '110.00', '0.00'));
        self::assertTrue($this->paid('e3', 'invoice.part_paid', 1, 'part_paid', '40.00', '70.00'));
        $marker = $this->xero->markers->of('harbour', ['4711'])['4711'];
        self::assertSame(['exported', 'Paid'], [$marker->marker, $marker->payment?->words()]);
        self::assertTrue($this->paid('e4', 'invoice.part_paid', 3, 'part_paid', '40.00', '70.00'));
        $payment = $this->xero->markers->of('harbour', ['4711'])['4711']->payment;
        self::assertSame('40.00 of 110.00 USD paid, 70.00 due', $payment?->words());
        self::assertNull($this->xero->markers->of('quay', ['4711'])['4711']->payment);
    }

    public function testOfACreditNoteOtherWordsAreSaid(): void
    {
        $this->succeeded('e1', '4711', 1);
        $this->paid('e2', 'invoice.part_paid', 1, 'part_paid', '40.00', '70.00', 'credit_note');
        $note = $this->xero->markers->of('harbour', ['4711'])['4711']->payment;
        self::assertSame('40.00 of 110.00 USD refunded, 70.00 left', $note?->words());
        $this->paid('e3', 'invoice.paid', 2, 'paid', '110.00', '0.00', 'credit_note');
        self::assertSame('Used', $this->xero->markers->of('harbour', ['4711'])['4711']->payment?->words());
    }

    public function testAnEventThatIsMarkedAsATestChangesNothing(): void
    {
        $this->succeeded('e1', '4711', 1);
        $example = ['marker' => 'failed', 'outcome' => null] + self::answer('4711', 2);
        $event = ['id' => 'e2', 'type' => 'invoice.export.failed', 'test' => true, 'data' => $example];
        self::assertFalse($this->xero->inbox->take(new Document($event)));
        self::assertSame('exported', $this->marker('4711'));
        self::assertCount(1, $this->xero->markers->log('harbour', '4711'));
        self::assertTrue($this->xero->inbox->take(new Document(['test' => false] + $event)));
        self::assertSame('failed', $this->marker('4711'));
    }

    public function testAPostOfManyEventsIsTakenWholeOrNotAtAll(): void
    {
        $post = function (string $body): int {
            $headers = ['webhook-id' => 'batch_1', 'webhook-timestamp' => (string) time()];
            $headers['webhook-signature'] = Signature::ofWebhook(self::SECRET, 'batch_1', time(), $body);
            return (new Webhook($this->xero->inbox, [self::SECRET]))->handle($headers, $body);
        };
        $two = [$this->event('e1', '4711'), $this->event('e2', '4712')];
        self::assertSame(500, $post(json_encode([...$two, ['id' => 'e3']], JSON_THROW_ON_ERROR)));
        self::assertSame('not_exported', $this->marker('4711'));
        self::assertSame(200, $post(json_encode($two, JSON_THROW_ON_ERROR)));
        self::assertSame(200, $post(json_encode([$two[1]], JSON_THROW_ON_ERROR)));
        self::assertSame(['exported', 'exported'], [$this->marker('4711'), $this->marker('4712')]);
        self::assertCount(1, $this->xero->markers->log('harbour', '4712'));
        self::assertSame(200, $post(json_encode($this->event('e4', '4713'), JSON_THROW_ON_ERROR)));
        self::assertSame('exported', $this->marker('4713'));
    }

    public function testTheLogSaysWhoAsked(): void
    {
        $this->click('click-a');
        $this->succeeded('e1', '4711', 1, 'click-a');
        self::assertSame('Anna Berg', $this->xero->markers->log('harbour', '4711')[0]->by);
        $this->take('e2', 'invoice.export.succeeded', ['requested_by' => ['id' => 'support']] + self::answer('4711', 2, 'replay'));
        self::assertSame('support', $this->xero->markers->log('harbour', '4711')[0]->by);
    }

    public function testIdsAreComparedLetterByLetterAndCompaniesNeverMeet(): void
    {
        foreach (['inv-a', 'INV-A', 'inv-ä'] as $number => $invoice) {
            $this->succeeded("e$number", $invoice, 1);
        }
        $markers = $this->xero->markers->of('harbour', ['inv-a', 'INV-A', 'inv-ä', 'inv-á', str_repeat('x', 255)]);
        $shown = array_map(static fn (object $one): string => $one->marker, array_values($markers));
        self::assertSame(['exported', 'exported', 'exported', 'not_exported', 'not_exported'], $shown);
        self::assertSame('not_exported', $this->xero->markers->of('other', ['inv-a'])['inv-a']->marker);
        self::assertTrue($this->succeeded('long', str_repeat('ü', 255), 1));
    }

    public function testAfterCompletedALateProgressChangesNothing(): void
    {
        $said = ['company' => 'harbour', 'request' => 'bulk-a', 'total' => 3, 'exported' => 2, 'failed' => 1];
        $popup = ['notification' => ['title' => 'Xero export', 'message' => '2 exported to Xero, 1 invoice failed.']];
        $this->take('e1', 'invoice.export.completed', $said + $popup);
        $this->take('e2', 'invoice.export.progressed', ['exported' => 1] + $said);
        $this->take('e3', 'invoice.export.deferred', ['message' => 'It waits.'] + $said);
        $progress = $this->xero->markers->progress('harbour', 'bulk-a');
        self::assertSame(['complete', 2, $popup['notification']['message']], [
            $progress?->state, $progress?->exported, $progress?->message,
        ]);
    }

    public function testWhatIsAboutNoCompanyIsTakenAndHoldsBackNothingBehindIt(): void
    {
        $checked = ['id' => 'e1', 'type' => 'audit.checked', 'data' => ['well' => true]];
        $page = ['events' => [$checked, $this->event('e2', '4711')], 'next' => '9', 'more' => false];
        $this->doors->answer = static fn (): array => [200, $page];
        self::assertSame(2, $this->xero->inbox->pull($this->xero->exporter));
        self::assertSame('exported', $this->marker('4711'));
        $this->expectException(\InvalidArgumentException::class);
        $this->xero->inbox->take(new Document(['what' => 'is this']));
    }

    public function testWhatTheHostDoesBesideIsInTheSameTransaction(): void
    {
        $broken = new Xero($this->exporter($this->doors), $this->tables, static fn () => throw new \LogicException('no'));
        $event = new Document(['id' => 'e1', 'type' => 'invoice.export.succeeded', 'data' => self::answer('4711', 1)]);
        try {
            $broken->inbox->take($event);
            self::fail('it was taken');
        } catch (\LogicException) {
            self::assertSame('not_exported', $this->marker('4711'));
        }
        self::assertTrue($this->xero->inbox->take($event));
    }

    public function testAHostThatPollsGoesOnWhereItStopped(): void
    {
        $this->doors->answer = fn (RequestInterface $asked): array => [200, match ($asked->getUri()->getQuery()) {
            'after=0&limit=500' => ['events' => [$this->event('e1', '1')], 'next' => '7', 'more' => true],
            'after=7&limit=500' => ['events' => [$this->event('e2', '2')], 'next' => '9', 'more' => false],
            default => ['events' => [], 'next' => '9', 'more' => false],
        }];
        self::assertSame([2, 0], [
            $this->xero->inbox->pull($this->xero->exporter),
            $this->xero->inbox->pull($this->xero->exporter),
        ]);
        self::assertStringEndsWith('after=9&limit=500', $this->doors->came[2]->getUri()->getQuery());
    }

    public function testWhoWaitsForNewsGivesTheFirstByteLongerThanThat(): void
    {
        $silent = new class ($this->doors) implements Patient {
            public float $seconds = 30.0;

            public function __construct(private readonly Doors $doors)
            {
            }

            public function within(float $seconds): static
            {
                $this->seconds = $seconds;
                return $this;
            }

            public function sendRequest(RequestInterface $request): ResponseInterface
            {
                return $this->doors->sendRequest($request);
            }
        };
        $this->doors->answer = static fn (): array => [200, ['events' => [], 'next' => '0', 'more' => false]];
        $this->host($silent)->inbox->pull($this->exporter($silent), 20);
        self::assertGreaterThan(20.0, $silent->seconds / 2);
    }

    public function testFilesAreNamedInTheInvoiceOrUploadedAsTheyAre(): void
    {
        $named = Events::attachment('invoice.pdf', 'https://files.example/1?signature=s', includeOnline: true);
        self::assertSame(['name' => 'invoice.pdf', 'url' => 'https://files.example/1?signature=s', 'include_online' => true], $named);
        $this->doors->answer = static fn (): array => [202, ['name' => 'job_7.pdf', 'state' => 'waiting']];
        $said = $this->xero->exporter->attach('harbour', 'a/1', 'job 7.pdf', "%PDF\0\xff", includeOnline: true);
        $came = $this->doors->came[array_key_last($this->doors->came)];
        self::assertSame('waiting', $said->text('state'));
        self::assertSame("%PDF\0\xff", (string) $came->getBody());
        self::assertSame('PUT', $came->getMethod());
        self::assertStringEndsWith(
            '/v1/companies/harbour/invoices/a%2F1/attachments/job%207.pdf?include_online=true',
            (string) $came->getUri(),
        );
    }

    public function testReadsAskForEachIdAsItStands(): void
    {
        $this->doors->answer = static fn (): array => [200, ['invoices' => [['invoice' => 'a,b', 'marker' => 'queued']]]];
        $found = $this->xero->exporter->invoices('harbour', ['a,b']);
        self::assertSame('queued', $found[0]->text('marker'));
        self::assertSame('ids=a%2Cb&ids=a%2Cb', $this->doors->came[0]->getUri()->getQuery());
        $this->xero->exporter->progress('harbour', 'r/1');
        self::assertSame('/v1/companies/harbour/requests/r%2F1', $this->doors->came[1]->getUri()->getPath());
    }

    private static function database(): PDO
    {
        $dsn = getenv('CREWCARD_XERO_TEST_DSN') ?: 'sqlite::memory:';
        return new PDO($dsn, getenv('CREWCARD_XERO_TEST_USER') ?: null);
    }

    private function host(ClientInterface $client, string $url = 'http://exporter.test'): Xero
    {
        return new Xero($this->exporter($client, $url), $this->tables);
    }

    private function exporter(ClientInterface $client, string $url = 'http://exporter.test'): Exporter
    {
        $messages = new Psr17Factory();
        return new Exporter($url, 'crewcard', self::SECRET, $client, $messages, $messages);
    }

    private function click(string $button): bool
    {
        return $this->xero->export('harbour', $button, $this->anna, [['id' => '4711']]);
    }

    private function marker(string $invoice): string
    {
        return $this->xero->markers->of('harbour', [$invoice])[$invoice]->marker;
    }

    private function later(): void
    {
        $this->tables->database->exec('UPDATE xero_outbox SET next_at = 0, away = 0');
    }

    /** @return array<string, mixed> */
    private static function answer(string $invoice, int $sequence, string $request = 'r'): array
    {
        return [
            'company' => 'harbour', 'request' => $request, 'invoice' => $invoice, 'sequence' => $sequence,
            'marker' => 'exported', 'outcome' => 'created', 'exported_at' => '2026-11-20T10:15:30.5+00:00',
            'deep_link' => 'https://go.xero.com/i/1',
        ];
    }

    /** @return array<string, mixed> */
    private function event(string $id, string $invoice): array
    {
        return ['id' => $id, 'type' => 'invoice.export.succeeded', 'data' => self::answer($invoice, 1)];
    }

    private function paid(
        string $id,
        string $type,
        int $change,
        string $state,
        string $paid,
        string $due,
        string $document = 'invoice',
    ): bool {
        $data = ['document' => $document];
        $data += ['company' => 'harbour', 'invoice' => '4711', 'xero_invoice_id' => 'x1', 'change' => $change];
        $data += ['state' => $state, 'currency' => 'USD', 'total' => '110.00', 'paid' => $paid, 'credited' => '0.00'];
        $data += ['due' => $due, 'seen_at' => '2026-11-20T10:15:30+00:00'];
        return $this->xero->inbox->take(new Document(['id' => $id, 'type' => $type, 'data' => $data]));
    }

    private function succeeded(string $id, string $invoice, int $sequence, string $request = 'r'): bool
    {
        return $this->take($id, 'invoice.export.succeeded', self::answer($invoice, $sequence, $request));
    }

    private function failed(string $id, string $invoice, int $sequence): bool
    {
        return $this->take($id, 'invoice.export.failed', [
            'company' => 'harbour', 'request' => 'r', 'invoice' => $invoice, 'sequence' => $sequence, 'marker' => 'failed',
            'notification' => ['title' => 'Invoice Failed to Export', 'message' => 'It is in EUR, which is not set up.'],
            'who' => 'bookkeeper', 'how' => 'Add the currency.', 'link' => 'javascript:alert(1)',
        ]);
    }

    /** @param array<string, mixed> $data */
    private function take(string $id, string $type, array $data): bool
    {
        return $this->xero->inbox->take(new Document(['id' => $id, 'type' => $type, 'data' => $data]));
    }
}
