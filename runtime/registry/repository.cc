// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/repository.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/json/json_cursor.h"
#include "base/quote.h"
#include "runtime/registry/registry_error.h"

namespace ballast::registry {
namespace {

constexpr int kOk = 200;
constexpr int kPartial = 206;
constexpr int kNotFound = 404;
constexpr int kUnsatisfiable = 416;
constexpr std::uint64_t kWorthwhile = 1UL << 20; // bytes that make an interrupted attempt a success
constexpr std::size_t kMostTags = 10'000;
constexpr unsigned kMostTagPages = 100;

bool is_success(int status) { return status >= 200 && status < 300; }

// The first byte of "bytes FIRST-LAST/SIZE".
std::optional<std::uint64_t> first_byte(std::string_view content_range) {
    constexpr std::string_view kUnit = "bytes ";
    std::uint64_t first = 0;
    if (!content_range.starts_with(kUnit)) {
        return std::nullopt;
    }
    const auto [end, error] =
        std::from_chars(content_range.data() + kUnit.size(), content_range.data() + content_range.size(), first);
    return error == std::errc() && end != content_range.data() + content_range.size() && *end == '-'
               ? std::optional(first)
               : std::nullopt;
}

// The target of a Link header with rel="next" (RFC 8288), as registries write it.
std::string_view next_link(std::string_view link) {
    const std::size_t start = link.find('<');
    const std::size_t end = link.find('>');
    if (start == std::string_view::npos || end == std::string_view::npos || end < start ||
        !link.substr(end).contains("next")) {
        return {};
    }
    return link.substr(start + 1, end - start - 1);
}

std::string scope_of(const image::Reference &reference, Purpose purpose) {
    return "repository:" + reference.path + (purpose == Purpose::kPush ? ":pull,push" : ":pull");
}

} // namespace

http::ClientHeader accepted_manifests() {
    std::string types;
    for (const std::string_view type :
         {image::kOciIndex, image::kDockerList, image::kOciManifest, image::kDockerManifest}) {
        types.append(types.empty() ? "" : ", ").append(type);
    }
    return {"Accept", types + ", */*;q=0.1"};
}

Repository::Repository(const RegistrySettings &settings, const Endpoint &endpoint, image::Reference reference,
                       Purpose purpose, const Credentials &credentials, std::stop_token stop)
    : session_(settings, endpoint, credentials, std::move(stop)), reference_(std::move(reference)), purpose_(purpose),
      scope_(scope_of(reference_, purpose)) {}

Session::Ask Repository::ask(const std::string &method, const std::string &rest) const {
    return {.method = method, .url = session_.url(target(rest)), .scope = scope_};
}

Error Repository::refused(const http::ClientResponse &response) const {
    const RegistryError error = registry_error_of(response);
    return purpose_ == Purpose::kPush ? push_error(error, reference_) : pull_error(error, reference_);
}

Result<Repository::Document> Repository::manifest(const std::string &name) {
    Session::Ask request = ask("GET", "manifests/" + name);
    request.headers = {accepted_manifests()};
    request.most_body = image::kLargestManifest;
    http::ClientResponse response = TRY(session_.ask(request));
    if (response.head.status != kOk) {
        return std::unexpected(refused(response));
    }
    const std::string_view type = response.head.header("Content-Type");
    const Result<image::Digest> wanted = image::Digest::parse(name);
    const auto algorithm = wanted.has_value() ? wanted->algorithm() : image::Digest::Algorithm::kSha256;
    Document document{.descriptor = {.media_type = std::string(type.substr(0, type.find(';'))),
                                     .digest = image::Digest::of(response.body, algorithm),
                                     .size = response.body.size()},
                      .bytes = std::move(response.body)};
    if (wanted.has_value() && document.descriptor.digest != *wanted) {
        return fail(EBADMSG, "manifest verification failed for digest " + name + ": " +
                                 session_.endpoint().url.authority() + " sent " + document.descriptor.digest.text());
    }
    return document;
}

Result<std::optional<image::Digest>> Repository::digest_of(const std::string &tag) {
    Session::Ask request = ask("HEAD", "manifests/" + tag);
    request.headers = {accepted_manifests()};
    const http::ClientResponse response = TRY(session_.ask(request));
    if (response.head.status == kNotFound) {
        return std::unexpected(refused(response));
    }
    Result<image::Digest> digest = image::Digest::parse(response.head.header("Docker-Content-Digest"));
    return response.head.status == kOk && digest.has_value() ? std::optional(std::move(*digest)) : std::nullopt;
}

Result<std::string> Repository::small_blob(const image::Descriptor &descriptor, std::uint64_t limit) {
    if (descriptor.size > limit) {
        return fail(EFBIG, "blob " + descriptor.digest.text() + ": " + std::to_string(descriptor.size) +
                               " bytes are more than " + std::to_string(limit));
    }
    std::string bytes;
    const Target target{.offset = [&] { return static_cast<std::uint64_t>(bytes.size()); },
                        .restart =
                            [&] {
                                bytes.clear();
                                return Status();
                            },
                        .write =
                            [&](std::string_view piece) {
                                bytes.append(piece);
                                return Status();
                            }};
    TRY(blob(descriptor, target));
    if (image::Digest::of(bytes, descriptor.digest.algorithm()) != descriptor.digest) {
        return fail(EBADMSG, "blob " + descriptor.digest.text() + ": " + session_.endpoint().url.authority() +
                                 " sent other bytes");
    }
    return bytes;
}

Result<std::vector<std::string>> Repository::tags() {
    const std::string name = "tags of " + reference_.familiar_repository();
    std::vector<std::string> tags;
    Session::Ask request = ask("GET", "tags/list");
    for (unsigned page = 0; page < kMostTagPages && tags.size() <= kMostTags; ++page) {
        const http::ClientResponse response = TRY(session_.ask(request));
        if (response.head.status != kOk) {
            return std::unexpected(refused(response));
        }
        JsonDocument document = TRY(JsonDocument::parse(response.body, name));
        for (const JsonCursor item : JsonCursor(document).at("tags").items()) {
            tags.push_back(item.text());
            if (!image::is_tag(tags.back())) {
                item.refuse("a tag");
            }
        }
        TRY(document.status());
        const std::string_view next = next_link(response.head.header("Link"));
        if (next.empty()) {
            return tags;
        }
        request.url = TRY(http::resolve_url(request.url, next));
        if (!request.url.same_origin(session_.endpoint().url)) {
            return fail(EPROTO, name + ": the registry's next page is on another host");
        }
    }
    return fail(EFBIG, name + ": a list without end");
}

// What became of one request for a blob.
struct Repository::Attempt {
    Failure failure;        // of a temporary kind, or not
    std::uint64_t skip = 0; // bytes to drop: the server began anew
};

// From where the target stands to the blob's end.
Status Repository::fetch_part(const image::Descriptor &descriptor, const http::Url &url, const Target &target,
                              Attempt &attempt) {
    const std::uint64_t start = target.offset();
    const std::string name = "blob " + descriptor.digest.text();
    const std::string host = session_.endpoint().url.authority();
    std::uint64_t have = start;
    Session::Ask request{.method = "GET", .url = url, .scope = scope_};
    if (start > 0) {
        request.headers.push_back({"Range", "bytes=" + std::to_string(start) + "-"});
    }
    request.on_head = [&](const http::ResponseHead &head) -> Status {
        const bool is_part = head.status == kPartial;
        if (is_part && first_byte(head.header("Content-Range")) != start) {
            return fail(EPROTO, name + ": " + host + " sent another range than it was asked for");
        }
        attempt.skip = is_part ? 0 : start;
        const auto length = head.content_length();
        if (length && *length != descriptor.size - (is_part ? start : 0)) {
            return fail(EBADMSG, name + ": " + host + " has " + std::to_string(*length + (is_part ? start : 0)) +
                                     " bytes, the manifest says " + std::to_string(descriptor.size));
        }
        return {};
    };
    request.sink = [&](std::string_view piece) -> Status {
        const std::size_t dropped = std::min<std::uint64_t>(attempt.skip, piece.size());
        attempt.skip -= dropped;
        piece.remove_prefix(dropped);
        if (piece.size() > descriptor.size - have) {
            return fail(EBADMSG, name + ": " + host + " sent more bytes than the manifest says, " +
                                     std::to_string(descriptor.size));
        }
        have += piece.size();
        return piece.empty() ? Status() : target.write(piece);
    };
    Result<http::ClientResponse> response = session_.ask_once(request);
    if (!response.has_value()) {
        attempt.failure = {.code = response.error().code};
        return std::unexpected(std::move(response.error()));
    }
    if (!is_success(response->head.status)) {
        attempt.failure = {.status = response->head.status,
                           .retry_after = parse_retry_after(response->head.header("Retry-After"), std::time(nullptr))};
        Error error = other_error(registry_error_of(*response), name);
        return std::unexpected(std::move(error));
    }
    if (have < descriptor.size) { // a body that ended early without saying so
        attempt.failure = {.code = ECONNRESET};
        return fail(ECONNRESET, name + ": " + host + " sent " + std::to_string(have) + " of " +
                                    std::to_string(descriptor.size) + " bytes");
    }
    return {};
}

Status Repository::blob(const image::Descriptor &descriptor, const Target &target) {
    std::vector<http::Url> places{session_.url(this->target("blobs/" + descriptor.digest.text()))};
    for (const std::string &text : descriptor.urls) {
        const Result<http::Url> url = http::parse_url(text);
        if (url.has_value() && (url->is_secure() || !session_.endpoint().url.is_secure())) {
            places.push_back(*url);
        }
    }
    Status status;
    for (const http::Url &place : places) {
        for (unsigned made = 1; target.offset() < descriptor.size; ++made) {
            Attempt attempt;
            const std::uint64_t before = target.offset();
            status = fetch_part(descriptor, place, target, attempt);
            if (status.has_value()) {
                break;
            }
            if (attempt.failure.status == kUnsatisfiable && before > 0) {
                TRY(target.restart());
                continue;
            }
            // A server must not keep us for ever with a byte at a time.
            made = target.offset() - before >= kWorthwhile ? 1 : made;
            const auto delay = next_delay(session_.settings().retry, attempt.failure, made, random_jitter());
            if (!delay) {
                break;
            }
            if (target.retrying) {
                target.retrying(*delay);
            }
            TRY(wait(*delay, session_.stop()));
        }
        if (target.offset() >= descriptor.size) {
            return {};
        }
        if (status.error().code != ENOENT) {
            break;
        }
    }
    return status;
}

} // namespace ballast::registry
