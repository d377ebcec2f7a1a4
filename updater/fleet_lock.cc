// SPDX-License-Identifier: Apache-2.0
#include "updater/fleet_lock.h"

#include <array>
#include <nlohmann/json.hpp>
#include <systemd/sd-id128.h>

#include "base/file_io.h"
#include "base/http/client.h"
#include "base/json/json_cursor.h"
#include "base/quote.h"

namespace ballast::updater {
namespace {

constexpr std::uint64_t kLongestAnswer = 64ULL << 10;
// Ours for ever: sd_id128_get_machine_app_specific(3) mixes it with the machine's id.
constexpr sd_id128_t kApplication = SD_ID128_MAKE(5b, 0d, 6a, 1e, f2, 47, 4c, 93, 8e, 11, d0, 7a, 36, c9, 42, b5);

// {"kind": "...", "value": "..."}, as the protocol has it for whatever is not 200.
std::string answer_text(const http::ClientResponse &response) {
    Result<JsonDocument> document = JsonDocument::parse(response.body, "answer");
    if (document.has_value()) {
        const JsonCursor root(*document);
        const std::string kind = root.at("kind").text(), value = root.at("value").text();
        if (!document->failed() && !value.empty()) {
            return quote(value) + (kind.empty() ? "" : " (" + escaped(kind) + ")");
        }
    }
    return "status " + std::to_string(response.head.status);
}

} // namespace

Status FleetLock::ask(const std::string &endpoint) const {
    http::ClientRequest request;
    request.method = "POST";
    request.url = TRY(http::parse_url(server_.url + endpoint));
    request.headers = {{"fleet-lock-protocol", "true"}, {"Content-Type", "application/json"}};
    request.body = nlohmann::json{{"client_params", {{"id", id_}, {"group", server_.group}}}}.dump();
    request.most_body = kLongestAnswer;
    request.patience.total = server_.timeout;
    request.tls.certificate = tls_.certificate;
    request.tls.key = tls_.key;
    if (!tls_.authorities.empty()) {
        request.tls.authorities = TRY(read_file(tls_.authorities));
    }
    http::Client client;
    const http::ClientResponse response = TRY(client.send(request));
    if (response.head.status != 200) {
        return fail(EAGAIN, server_.url + " refuses: " + answer_text(response));
    }
    return {};
}

Status FleetLock::acquire() const { return ask("/v1/pre-reboot").within("take the reboot lock"); }
Status FleetLock::release() const { return ask("/v1/steady-state").within("give back the reboot lock"); }

Result<std::string> machine_lock_id() {
    sd_id128_t id{};
    if (const int result = sd_id128_get_machine_app_specific(kApplication, &id); result < 0) {
        return fail_errno("read the machine's id", -result);
    }
    std::array<char, SD_ID128_STRING_MAX> text{};
    return std::string(sd_id128_to_string(id, text.data()));
}

} // namespace ballast::updater
