<?php

declare(strict_types=1);

namespace CrewCard\Xero;

/**
 * The name of a request, made when its button is drawn and sent along with the click.
 *
 * A double click says the same name twice and counts once; a page that is drawn anew, after a failure was mended or
 * on the same day, has a new one. It holds no date and no invoice: those are what makes two clicks look like one.
 */
final class ButtonId
{
    public static function make(string $prefix = 'click'): string
    {
        return $prefix . '-' . bin2hex(random_bytes(12));
    }

    /** The id that came with a click; what is none of ours is refused. */
    public static function check(string $given): string
    {
        if (preg_match('/^[a-z]{1,20}-[0-9a-f]{24,40}$/D', $given) !== 1) {
            throw new \InvalidArgumentException('button: this is not the id of a button of ours');
        }
        return $given;
    }
}
