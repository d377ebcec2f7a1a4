// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/http/target.h"
#include "runtime/api/call.h"
#include "runtime/api/create_body.h"
#include "runtime/engine/model_json.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/unit/check.h"

using namespace ballast;

namespace {

fuzz::Verdict refused(const Error &error) {
    if (error.code != EINVAL && error.code != EFBIG) {
        return {false, "a code that is neither EINVAL nor EFBIG"};
    }
    return {false, fuzz::bad_message(error.message)};
}

std::string has_nul(const engine::CreateRequest &request) {
    const auto nul = [](const std::string &text) { return text.contains('\0'); };
    const bool bad = nul(request.config.image) || std::ranges::any_of(request.config.env, nul) ||
                     std::ranges::any_of(request.host.binds, nul) ||
                     std::ranges::any_of(request.config.cmd.value_or(engine::Texts()), nul);
    return bad ? "a NUL byte" : "";
}

fuzz::Verdict read_body(std::string_view input) {
    Result<JsonDocument> document = JsonDocument::parse(input, "invalid JSON");
    if (!document.has_value()) {
        return refused(document.error());
    }
    const engine::CreateRequest request = api::read_create_request(JsonCursor(*document));
    if (const Status status = document->status(); !status.has_value()) {
        return refused(status.error());
    }
    // What was read is what `inspect` shows, and reads as the same again.
    const std::string shown = api::text_of(engine::host_config_json(request.host));
    JsonDocument again = must(JsonDocument::parse(shown, "again"));
    engine::HostConfig host;
    engine::read_host_config(JsonCursor(again), host);
    if (!again.status().has_value() || api::text_of(engine::host_config_json(host)) != shown) {
        return {true, "does not read what it wrote"};
    }
    return {true, has_nul(request)};
}

fuzz::Verdict read_filters(std::string_view input) {
    // As a client sends it, and through the decoder of targets.
    std::string target = "/containers/json?filters=";
    for (const char c : input) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(c);
        target += std::string{'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
    (void)http::parse_target(input); // must only not fall over
    const std::optional<http::Target> parsed = http::parse_target(target);
    if (!parsed) {
        return {false, input.contains('\0') ? "" : "does not decode what was encoded"};
    }
    if (parsed->query.get("filters") != input) {
        return {false, "decodes something else than what was encoded"};
    }
    const Result<engine::Filters> filters = api::parse_filters(input);
    return filters.has_value() ? fuzz::Verdict{true, ""} : refused(filters.error());
}

} // namespace

TEST_CASE("the body of create keeps its promises for any text", "[fuzz]") {
    fuzz::check(
        {.name = "create-body",
         .corpus = "tests/fuzz/corpus/create-body",
         .parse = read_body,
         .duration = std::chrono::seconds(10),
         .words = {"Image", "HostConfig", "Cmd", "Env", "Mounts", "Binds", "Memory", "NetworkingConfig", "Labels"}});
}

TEST_CASE("filters keep their promises for any text", "[fuzz]") {
    fuzz::check({.name = "filters",
                 .corpus = "tests/fuzz/corpus/filters",
                 .parse = read_filters,
                 .duration = std::chrono::seconds(4),
                 .words = {"label", "status", "true", "until", "%00", "&", "="}});
}
