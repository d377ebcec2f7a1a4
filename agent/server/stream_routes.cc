// SPDX-License-Identifier: Apache-2.0
// What speaks another protocol from its first answer on. The runtime carries these streams; here they are only passed
// through.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <ranges>

#include "agent/server/request.h"
#include "base/http/stream_copy.h"
#include "base/http/upgrade_client.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

constexpr std::chrono::seconds kPatience{30}; // for the runtime to answer

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

// What says which protocol is wanted. Who asks is no business of the runtime's.
http::Headers protocol_headers(const http::Headers &all) {
    http::Headers chosen;
    for (const auto &[name, value] : all) {
        const std::string known = lower(name);
        if (known == "upgrade" || known == "x-stream-protocol-version" || known.starts_with("sec-websocket-")) {
            chosen.emplace_back(name, value);
        }
    }
    return chosen;
}

// Hands the client's connection on to where the runtime waits for it.
Status pass_on(http::Exchange &exchange, const std::string &where) {
    const http::Upgraded answer = TRY(http::ask_upgrade(TRY(http::parse_url(where)), exchange.request().method,
                                                        protocol_headers(exchange.request().headers), kPatience)
                                          .within("the container runtime's streams"));
    if (!answer.switched()) {
        std::string why = answer.body;
        why.resize(why.find_last_not_of("\r\n") + 1);
        refuse(exchange, answer.status, why);
        return {};
    }
    const http::Hijacked client = TRY(exchange.upgrade(protocol_headers(answer.headers)));
    http::copy_both_ways(client, answer.connection.socket, exchange.stop_event(), answer.connection.read_ahead);
    return {};
}

Status check_upgrade(const http::Exchange &exchange) {
    return !exchange.request().header("Upgrade").empty() ? Status()
                                                         : fail(EINVAL, "want an upgrade to SPDY/3.1 or to websocket");
}

Result<StreamChoice> read_streams(const http::Query &query) {
    StreamChoice streams{.input = query.get("input") == "1",
                         .output = query.get("output") == "1",
                         .errors = query.get("error") == "1",
                         .terminal = query.get("tty") == "1"};
    streams.errors = streams.errors && !streams.terminal; // a terminal has one stream of output
    if (!streams.input && !streams.output && !streams.errors) {
        return fail(EINVAL, "you must specify at least 1 of stdin, stdout, stderr");
    }
    return streams;
}

// .../NAMESPACE/POD[/UID]/CONTAINER
struct Target {
    ShownPod pod;
    std::string container; // its name
    std::string id;
};
Result<Target> find_container(const ServerWorld &world, const PathParts &parts) {
    Target target{.pod = TRY(world.pods.pod(parts.at(1), parts.at(2), parts.size() > 4 ? parts.at(3) : "")),
                  .container = parts.back(),
                  .id = {}};
    const ObservedContainer *found = target.pod.observed.container(target.container);
    if (found == nullptr || !found->running()) {
        return fail(ENOENT, "container not found (" + quote(target.container) + ")");
    }
    target.id = found->id;
    return target;
}

// Over SPDY each stream says its port; over WebSocket the request does.
Result<std::vector<std::uint16_t>> read_ports(const http::Request &request) {
    std::vector<std::uint16_t> ports;
    for (const std::string &list : request.query.all("port")) {
        for (const auto part : std::views::split(list, ',')) {
            const std::string_view text(part.begin(), part.end());
            std::uint16_t port = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
            if (error != std::errc() || end != text.data() + text.size() || port == 0) {
                return fail(EINVAL, "port: want numbers from 1 to 65535, not " + quote(text));
            }
            ports.push_back(port);
        }
    }
    return ports;
}

} // namespace

Status serve_exec(http::Exchange &exchange, const ServerWorld &world, const PathParts &parts) {
    TRY(check_upgrade(exchange));
    const StreamChoice streams = TRY(read_streams(exchange.request().query));
    const Target target = TRY(find_container(world, parts));
    return pass_on(exchange, TRY(world.runtime.exec_url(target.id, exchange.request().query.all("command"), streams)));
}

Status serve_attach(http::Exchange &exchange, const ServerWorld &world, const PathParts &parts) {
    TRY(check_upgrade(exchange));
    StreamChoice streams = TRY(read_streams(exchange.request().query));
    const Target target = TRY(find_container(world, parts));
    // Whether it has a terminal was said when it was made.
    const Json &terminal = json_at(container_spec(target.pod.object, target.container), {"tty"});
    streams.terminal = terminal.is_boolean() && terminal.get<bool>();
    streams.errors = streams.errors && !streams.terminal;
    return pass_on(exchange, TRY(world.runtime.attach_url(target.id, streams)));
}

Status serve_forward(http::Exchange &exchange, const ServerWorld &world, const PathParts &parts) {
    TRY(check_upgrade(exchange));
    const std::vector<std::uint16_t> ports = TRY(read_ports(exchange.request()));
    const ShownPod pod = TRY(world.pods.pod(parts.at(1), parts.at(2), parts.size() > 3 ? parts.at(3) : ""));
    const ObservedSandbox *sandbox = pod.observed.sandbox();
    if (sandbox == nullptr || !sandbox->ready) {
        return fail(ENOENT, "pod " + quote(parts.at(2)) + " is not running");
    }
    return pass_on(exchange, TRY(world.runtime.forward_url(sandbox->id, ports)));
}

} // namespace ballast::agent
