#!/usr/bin/env bash
# Publish one event from a file: publish.sh EVENT.json     (curl, openssl; the event's id makes a second try harmless)
set -euo pipefail

body=$(cat "$1"; printf x); body=${body%x}  # the exact bytes, a last newline too
id="msg-$(printf %s "$body" | openssl dgst -sha256 -hex | sed 's/.* //')"
timestamp=$(date +%s)
key=$(printf %s "${CREWCARD_XERO_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
url="${CREWCARD_XERO_URL%/}/v1/events"
target="/${url#*://*/}"  # the path, as it is sent
signature=$(printf '%s.%s.POST %s\n%s' "$id" "$timestamp" "$target" "$body" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)

printf %s "$body" | curl --silent --show-error --fail-with-body --retry 4 \
  --header "Content-Type: application/cloudevents+json" \
  --header "X-CrewCard-Key: $CREWCARD_XERO_KEY" \
  --header "Webhook-Id: $id" \
  --header "Webhook-Timestamp: $timestamp" \
  --header "Webhook-Signature: v2,$signature" \
  --data-binary @- "$url"
