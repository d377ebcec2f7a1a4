// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/call.h"

#include <algorithm>
#include <charconv>
#include <format>

#include "runtime/api/version.h"

namespace ballast::api {

unsigned status_of(int code) {
    switch (code) {
    case EINVAL:
        return 400;
    case EACCES:
        return 401;
    case EPERM:
        return 403;
    case ENOENT:
        return 404;
    case EEXIST:
    case EBUSY:
    case EALREADY:
        return 409;
    case EFBIG:
        return 413;
    case ENOTSUP:
        return 501;
    default:
        return 500;
    }
}

std::string text_of(const Json &json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string error_body(std::string_view message) { return text_of(Json{{"message", message}}) + "\n"; }

bool Call::flag(std::string_view key, bool otherwise) const {
    if (!has(key)) {
        return otherwise;
    }
    std::string value(query(key));
    std::ranges::transform(value, value.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return !value.empty() && value != "0" && value != "no" && value != "false" && value != "none";
}

Result<std::optional<std::int64_t>> Call::number(std::string_view key, std::int64_t least, std::int64_t most) const {
    const std::string_view text = query(key);
    if (text.empty()) {
        return std::nullopt;
    }
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
        return fail(EINVAL, std::format("{}: want a whole number from {} to {}, have {}", key, least, most,
                                        shortly_quoted(text)));
    }
    return std::optional(value);
}

Result<engine::Filters> Call::filters() const { return parse_filters(query("filters")); }

Result<std::unique_ptr<JsonDocument>> Call::json_body(bool required) {
    const http::Request &request = exchange_.request();
    const std::string_view type = request.header("Content-Type");
    // A page in a browser can make it send forms anywhere, but not JSON.
    if (request.has_body && !type.starts_with("application/json")) {
        return fail(EINVAL, std::format("unsupported Content-Type header ({}): must be 'application/json'",
                                        shortly_quoted(type)));
    }
    std::string text = TRY(exchange_.whole_body(kLargestBody));
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
        if (required) {
            return fail(EINVAL, "invalid JSON: got EOF while reading request body");
        }
        text = "{}";
    }
    auto document = std::make_unique<JsonDocument>(TRY(JsonDocument::parse(text, "invalid JSON")));
    if (JsonCursor(*document).given() && document->tree().node(JsonTree::kRoot).kind != JsonTree::Kind::kObject) {
        JsonCursor(*document).refuse("an object");
        TRY(document->status());
    }
    return document;
}

http::Headers Call::headers(std::string_view content_type, const http::Headers &extra) const {
    http::Headers headers{{"Api-Version", std::string(kNewestText)},
                          {"Docker-Experimental", "false"},
                          {"Ostype", "linux"},
                          {"Server", "Ballast/" + backend_.version + " (linux)"}};
    if (!content_type.empty()) {
        headers.emplace_back("Content-Type", content_type);
    }
    headers.insert(headers.end(), extra.begin(), extra.end());
    return headers;
}

Status Call::answer(unsigned status, const Json &json) {
    return exchange_.answer(status, headers("application/json"), text_of(json) + "\n");
}

Status Call::nothing(unsigned status) { return exchange_.answer(status, headers({}), {}); }

Status Call::refuse(unsigned status, std::string_view message, const http::Headers &extra) {
    return exchange_.answer(status, headers("application/json", extra), error_body(message));
}

Result<engine::Filters> parse_filters(std::string_view text) {
    engine::Filters filters;
    if (text.empty()) {
        return filters;
    }
    JsonDocument document = TRY(JsonDocument::parse(text, "invalid filters"));
    const JsonTree &tree = document.tree();
    const JsonCursor root(document);
    (void)root.members(); // refuses what is no object, and names with NUL
    for (JsonTree::Place place = tree.first_child(JsonTree::kRoot);
         !document.failed() && place != tree.node(JsonTree::kRoot).next; place = tree.node(place).next) {
        const JsonCursor value = root.at(tree.text(tree.node(place).name));
        std::vector<std::string> &values = filters[std::string(tree.text(tree.node(place).name))];
        if (tree.node(place).kind == JsonTree::Kind::kArray) { // the form of clients before 1.22
            values = value.texts();
            continue;
        }
        for (const JsonCursor item : value.members()) {
            if (item.boolean()) {
                values.emplace_back(item.name());
            }
        }
    }
    TRY(document.status());
    return filters;
}

Status check_filters(const engine::Filters &filters, std::initializer_list<std::string_view> known) {
    for (const auto &[name, values] : filters) {
        if (std::ranges::find(known, name) == known.end()) {
            return fail(EINVAL, "invalid filter '" + name + "'");
        }
    }
    return {};
}

} // namespace ballast::api
