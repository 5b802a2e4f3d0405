#!/usr/bin/env bash
# The demo with this host beside it: one terminal, one browser, Ctrl-C ends all.   make host-demo
set -euo pipefail
cd "$(dirname "$0")/../.."
port=${HOST_PORT:-8088}
secret="whsec_$(head -c 24 /dev/urandom | base64)"
export WEBHOOK_URL="http://127.0.0.1:$port/xero_webhook.php" WEBHOOK_SECRET="$secret" WEBHOOK_PRIVATE_ADDRESSES=true
rm -f var/demo/env var/host.sqlite*
.venv/bin/crewcard-xero demo & demo=$!
trap 'kill $demo 2>/dev/null; wait' EXIT
until [ -f var/demo/env ]; do kill -0 $demo || exit 1; sleep 0.2; done
made=$(set -a; . var/demo/env; set +a; .venv/bin/crewcard-xero keys make php-host --company harbour-crew --json)
export CREWCARD_XERO_URL CREWCARD_XERO_KEY CREWCARD_XERO_SECRET CREWCARD_XERO_WEBHOOK_SECRET="$secret" HOST_DSN="sqlite:$PWD/var/host.sqlite"
CREWCARD_XERO_URL=$(. var/demo/env; echo "$PUBLIC_URL")
CREWCARD_XERO_KEY=php-host
CREWCARD_XERO_SECRET=$(.venv/bin/python -c 'import json, sys; print(json.loads(sys.argv[1])["secret"])' "$made")
echo "The host: http://127.0.0.1:$port/"
PHP_CLI_SERVER_WORKERS=4 php -S "127.0.0.1:$port" examples/php-host/index.php
