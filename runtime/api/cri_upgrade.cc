// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_upgrade.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/stream/remote_command.h"
#include "base/stream/websocket.h"

namespace ballast::api {
namespace {

constexpr const char *kSpdyProtocols = "X-Stream-Protocol-Version";
constexpr const char *kWebSocketProtocols = "Sec-WebSocket-Protocol";
constexpr std::string_view kWebSocketVersion = "13"; // RFC 6455

bool same_letters(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right,
                              [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

// The items of all headers of that name: "a, b" and a second header "c" are a, b and c.
std::vector<std::string> header_items(const http::Request &request, std::string_view name) {
    std::vector<std::string> items;
    for (const auto &[header, value] : request.headers) {
        std::string_view rest = same_letters(header, name) ? std::string_view(value) : std::string_view();
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find(','), rest.size());
            std::string_view item = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
            item = item.substr(0, item.find_last_not_of(" \t") + 1);
            if (!item.empty()) {
                items.emplace_back(item);
            }
        }
    }
    return items;
}

bool has_item(const http::Request &request, std::string_view header, std::string_view wanted) {
    return std::ranges::any_of(header_items(request, header),
                               [wanted](const std::string &item) { return same_letters(item, wanted); });
}

std::string listed(std::span<const std::string_view> protocols) {
    std::string text;
    for (const std::string_view protocol : protocols) {
        text.append(text.empty() ? "" : ", ").append(protocol);
    }
    return text;
}

Result<std::string> choose(const http::Request &request, const char *header, std::span<const std::string_view> spoken,
                           std::string_view unnamed) {
    const std::vector<std::string> offered = header_items(request, header);
    if (offered.empty() && !unnamed.empty()) {
        return std::string(unnamed);
    }
    std::optional<std::string> chosen = stream::choose_protocol(offered, spoken);
    return chosen ? Result<std::string>(std::move(*chosen))
                  : fail(EINVAL, std::string(header) + ": want one of " + listed(spoken));
}

} // namespace

Result<Upgrade> read_upgrade(const http::Request &request, std::span<const std::string_view> over_spdy,
                             std::span<const std::string_view> over_websocket, std::string_view unnamed) {
    const bool asks = has_item(request, "Connection", "Upgrade");
    if (asks && has_item(request, "Upgrade", "SPDY/3.1")) {
        Upgrade upgrade{.wire = Upgrade::Wire::kSpdy,
                        .protocol = TRY(choose(request, kSpdyProtocols, over_spdy, {})),
                        .answer = {{"Upgrade", "SPDY/3.1"}}};
        upgrade.answer.emplace_back(kSpdyProtocols, upgrade.protocol);
        return upgrade;
    }
    if (!asks || !has_item(request, "Upgrade", "websocket")) {
        return fail(EINVAL, "want an upgrade to SPDY/3.1 or to websocket");
    }
    const auto accept = stream::websocket_accept(request.header("Sec-WebSocket-Key"));
    if (!accept || request.header("Sec-WebSocket-Version") != kWebSocketVersion) {
        return fail(EINVAL, "want a Sec-WebSocket-Key, and Sec-WebSocket-Version 13");
    }
    Upgrade upgrade{.wire = Upgrade::Wire::kWebSocket,
                    .protocol = TRY(choose(request, kWebSocketProtocols, over_websocket, unnamed)),
                    .answer = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Accept", *accept}}};
    if (!request.header(kWebSocketProtocols).empty()) {
        upgrade.answer.emplace_back(kWebSocketProtocols, upgrade.protocol);
    }
    return upgrade;
}

} // namespace ballast::api
