// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/credentials.h"

#include <algorithm>

#include "base/base64.h"
#include "base/json/json_cursor.h"

namespace ballast::registry {
namespace {

constexpr std::size_t kLongest = 64UL << 10;
constexpr std::string_view kName = "registry credentials";

std::unexpected<Error> unreadable(const char *why) { return fail(EINVAL, std::string(kName) + ": " + why); }

} // namespace

Result<Credentials> parse_auth_config(std::string_view json) {
    if (json.size() > kLongest) {
        return unreadable("too long");
    }
    // A parser's own message could show a piece of the password.
    Result<JsonDocument> document = JsonDocument::parse(json, std::string(kName));
    if (!document.has_value()) {
        return unreadable("not JSON");
    }
    const JsonCursor root(*document);
    Credentials read{.user = root.at("username").text(),
                     .password = root.at("password").text(),
                     .identity_token = root.at("identitytoken").text(),
                     .registry_token = root.at("registrytoken").text(),
                     .server = root.at("serveraddress").text()};
    const std::string auth = root.at("auth").text();
    if (document->failed()) {
        return unreadable("want an object of texts");
    }
    if (!auth.empty() && read.user.empty() && read.password.empty()) {
        const Result<std::string> pair = base64_decoded(auth);
        const std::size_t colon = pair.has_value() ? pair->find(':') : std::string::npos;
        if (colon == std::string::npos) {
            return unreadable("\"auth\" is not base64 of user:password");
        }
        read.user = pair->substr(0, colon);
        read.password = pair->substr(colon + 1);
    }
    if (read.user.contains(':') && !read.password.empty()) { // RFC 7617: the server would split it elsewhere
        return unreadable("a user name with a colon");
    }
    for (const std::string *text : {&read.user, &read.password, &read.identity_token, &read.registry_token}) {
        if (std::ranges::any_of(*text, [](unsigned char c) { return c < ' ' || c == 0x7f; })) {
            return unreadable("a control character");
        }
    }
    return read;
}

Result<Credentials> parse_registry_auth(std::string_view header) {
    if (header.empty()) {
        return Credentials{};
    }
    if (header.size() > 2 * kLongest) {
        return unreadable("too long");
    }
    const Result<std::string> json = base64_decoded(header);
    return json.has_value() ? parse_auth_config(*json) : unreadable("not base64");
}

} // namespace ballast::registry
