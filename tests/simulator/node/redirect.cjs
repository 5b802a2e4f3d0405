// Sends every call to a *.xero.com host to the simulator instead: node --require redirect.cjs, SIMULATOR=http://127.0.0.1:8790
const http = require("node:http");
const https = require("node:https");

const simulator = new URL(process.env.SIMULATOR);
const isXero = (host) => /(^|\.)xero\.com(:\d+)?$/.test(host || "");

function toSimulator(options) {
  const headers = { ...options.headers, Host: simulator.host };
  const place = { protocol: "http:", hostname: simulator.hostname, host: simulator.hostname, port: simulator.port };
  return { ...options, ...place, headers, agent: undefined };
}

const original = { request: https.request, get: https.get };
https.request = function request(...given) {
  const url = typeof given[0] === "string" || given[0] instanceof URL ? new URL(given.shift()) : null;
  const options = typeof given[0] === "object" ? given.shift() : {};
  const host = options.hostname || options.host || (url && url.hostname);
  if (!isXero(host)) return original.request(...(url ? [url] : []), options, ...given);
  const path = options.path || (url ? url.pathname + url.search : "/");
  return http.request(toSimulator({ ...options, path }), ...given);
};
https.get = function get(...given) {
  const request = https.request(...given);
  request.end();
  return request;
};
