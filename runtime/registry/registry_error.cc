// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/registry_error.h"

#include <algorithm>

#include "base/json/json_cursor.h"
#include "base/quote.h"
#include "runtime/registry/challenge.h"

namespace ballast::registry {
namespace {

constexpr std::size_t kLongestMessage = 500;
constexpr std::size_t kLongestCode = 64;
constexpr std::size_t kLongestBody = 64UL << 10;

constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kTooMany = 429;

std::string printable(std::string_view text) {
    std::string safe = escaped(text.substr(0, kLongestMessage));
    if (safe.size() > kLongestMessage) {
        safe = safe.substr(0, kLongestMessage - 3) + "...";
    }
    return safe;
}

// A code is an identifier; what looks different is part of the message at best.
std::string code_of(std::string_view text) {
    const bool fits = !text.empty() && text.size() <= kLongestCode && std::ranges::all_of(text, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == ' ';
    });
    return fits ? std::string(text) : "";
}

std::string lower(std::string text) {
    for (char &c : text) {
        c = c == '_' ? ' ' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    }
    return text;
}

std::string_view status_text(int status) {
    switch (status) {
    case 400:
        return "Bad Request";
    case kUnauthorized:
        return "Unauthorized";
    case kForbidden:
        return "Forbidden";
    case kNotFound:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 416:
        return "Range Not Satisfiable";
    case kTooMany:
        return "Too Many Requests";
    case 500:
        return "Internal Server Error";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    default:
        return "";
    }
}

bool is_code(const RegistryError &error, std::string_view code) { return lower(error.code) == code; }

int code_of_status(int status) {
    switch (status) {
    case kUnauthorized:
    case kForbidden:
        return EACCES;
    case kNotFound:
        return ENOENT;
    case kTooMany:
        return EAGAIN;
    default:
        return EIO;
    }
}

} // namespace

std::string RegistryError::text() const {
    if (code.empty() && message.empty()) {
        std::string text = "unexpected status from the registry: " + std::to_string(status);
        const std::string_view words = status_text(status);
        return words.empty() ? text : text + " " + std::string(words);
    }
    if (code.empty() || message.empty()) {
        return code.empty() ? message : lower(code);
    }
    return lower(code) + ": " + message;
}

RegistryError parse_registry_error(int status, std::string_view body) {
    RegistryError read{.status = status};
    if (body.size() > kLongestBody) {
        return read;
    }
    Result<JsonDocument> document = JsonDocument::parse(body, "answer");
    if (!document.has_value()) {
        return read;
    }
    // Another type than expected leaves a text empty, and that is all there is to say about it.
    const JsonCursor root(*document);
    if (const JsonCursor errors = root.at("errors"); errors.given()) {
        for (const JsonCursor error : errors.items()) {
            read.code = code_of(error.at("code").view());
            read.message = printable(error.at("message").view());
            break;
        }
    } else {
        read.message = printable(root.at("details").view());
        if (read.message.empty()) {
            read.message = printable(root.at("error_description").view());
        }
        if (read.message.empty()) {
            read.message = printable(root.at("error").view());
        }
    }
    return read;
}

RegistryError registry_error_of(const http::ClientResponse &response) {
    RegistryError error = parse_registry_error(response.head.status, response.body);
    if (response.head.status != kUnauthorized) {
        return error;
    }
    for (const Challenge &challenge : parse_challenges(response.head.all("WWW-Authenticate"))) {
        const std::string_view what = challenge.parameter("error");
        if (challenge.scheme == "bearer" && what == "insufficient_scope") {
            return {kUnauthorized, "DENIED", "requested access to the resource is denied"};
        }
        if (challenge.scheme == "bearer" && what == "invalid_token") {
            return {kUnauthorized, "UNAUTHORIZED", "authentication required"};
        }
    }
    if (error.code.empty() && error.message.empty()) {
        return {kUnauthorized, "UNAUTHORIZED", "authentication required"};
    }
    return error;
}

Error pull_error(const RegistryError &error, const image::Reference &reference) {
    // As docker: a registry that denies does not say whether there is something.
    if (is_code(error, "denied") || (error.status == kForbidden && error.code.empty())) {
        return {ENOENT, "pull access denied for " + reference.familiar_repository() +
                            ", repository does not exist or may require 'docker login': " + error.text()};
    }
    if (is_code(error, "manifest unknown") || (error.status == kNotFound && error.code.empty())) {
        return {ENOENT, "manifest for " + reference.familiar() + " not found: " +
                            (error.code.empty() ? "manifest unknown: manifest unknown" : error.text())};
    }
    if (is_code(error, "name unknown")) {
        return {ENOENT, "repository " + reference.familiar_repository() + " not found: " + error.text()};
    }
    return other_error(error, "pull " + reference.familiar());
}

Error push_error(const RegistryError &error, const image::Reference &reference) {
    return other_error(error, "push " + reference.familiar());
}

Error other_error(const RegistryError &error, const std::string &what) {
    const int code = is_code(error, "denied") || is_code(error, "unauthorized") ? EACCES : code_of_status(error.status);
    std::string message = error.text();
    if (error.status == kTooMany) {
        message += " (the registry limits how often it answers: wait, or log in)";
    }
    return {code, code == EACCES ? message : what + ": " + message};
}

Error with_advice(Error error, const std::string &domain) {
    switch (error.code) {
    case EKEYREJECTED:
        error.message += "; put the certificate of its authority into /etc/ballast/certs.d/" + domain +
                         "/ca.crt, or add the registry to \"insecure-registries\"";
        break;
    case EPROTO:
        error.message += "; a registry without TLS must be listed in \"insecure-registries\"";
        break;
    case EHOSTUNREACH:
    case ETIMEDOUT:
    case ECONNREFUSED:
        error.message += "; check the registry's name, and proxies and firewalls on the way";
        break;
    default:
        break;
    }
    return error;
}

} // namespace ballast::registry
