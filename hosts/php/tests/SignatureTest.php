<?php

declare(strict_types=1);

namespace CrewCard\Xero\Tests;

use CrewCard\Xero\Signature;
use CrewCard\Xero\Xero;
use Nyholm\Psr7\Factory\Psr17Factory;
use PDO;
use PHPUnit\Framework\TestCase;

final class SignatureTest extends TestCase
{
    private const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

    /** The table of docs/doors.md. */
    public function testRequestsAreSignedAsTheDoorsSay(): void
    {
        $cases = [
            ['msg-1', 'POST', '/v1/events', '{"specversion":"1.0"}', 'v2,vOqxbDxy8Ia/0jgqLVq6vz7KsFE22fZWaUzdlzoT14w='],
            ['msg-2', 'GET', '/v1/events?after=0&limit=100', '', 'v2,gvi1LncTZZ6CRQGmraeg52OoSAy9SPdKoT4xMpouex0='],
            ['msg-3', 'POST', '/v1/companies/harbour/login-links', '{"company":"harbour"}',
                'v2,rtQMFnsRKOyjebCTqnjnNbKb/zu++2yvyQ128WfPhaM='],
        ];
        foreach ($cases as [$id, $method, $target, $body, $expected]) {
            self::assertSame($expected, Signature::ofRequest(self::SECRET, $id, 1795353600, $method, $target, $body));
        }
    }

    public function testTwoSecretsStandAsPeopleWriteThem(): void
    {
        $messages = new Psr17Factory();
        foreach (['URL' => 'http://exporter.test', 'KEY' => 'k', 'SECRET' => self::SECRET] as $name => $value) {
            putenv("CREWCARD_XERO_$name=$value");
        }
        putenv('CREWCARD_XERO_WEBHOOK_SECRET=whsec_eA==, ' . self::SECRET . ',');
        $xero = Xero::fromEnvironment(new PDO('sqlite::memory:'), $messages);
        $xero->tables->migrate();
        $body = '{"id":"e1","type":"audit.checked","data":{}}';
        $headers = ['webhook-id' => 'e1', 'webhook-timestamp' => (string) time()];
        $headers['webhook-signature'] = Signature::ofWebhook(self::SECRET, 'e1', time(), $body);
        self::assertSame(200, $xero->webhook()->handle($headers, $body));
        self::assertSame(401, $xero->webhook()->handle(['webhook-id' => 'e2'] + $headers, $body));
    }

    public function testAWebhookIsBelievedOnlyWithItsOwnBodyItsOwnTimeAndOneOfTheSecrets(): void
    {
        $other = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
        $headers = ['webhook-id' => 'e1', 'webhook-timestamp' => '1000'];
        $headers['webhook-signature'] = 'v1,eA== ' . Signature::ofWebhook(self::SECRET, 'e1', 1000, '{}');
        self::assertTrue(Signature::isGenuine([$other, self::SECRET], $headers, '{}', 1300));
        self::assertFalse(Signature::isGenuine([$other], $headers, '{}', 1300));
        self::assertFalse(Signature::isGenuine([self::SECRET], $headers, '{ }', 1300));
        self::assertFalse(Signature::isGenuine([self::SECRET], $headers, '{}', 1301));
        self::assertFalse(Signature::isGenuine([self::SECRET], ['webhook-id' => 'e2'] + $headers, '{}', 1000));
        self::assertFalse(Signature::isGenuine([self::SECRET], [], '{}', 1000));
    }
}
