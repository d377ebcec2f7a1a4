// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/repository.h"

#include <algorithm>
#include <charconv>

#include "base/quote.h"
#include "runtime/registry/registry_error.h"

// What a push asks of a repository.
namespace ballast::registry {
namespace {

constexpr int kOk = 200;
constexpr int kCreated = 201;
constexpr int kAccepted = 202;
constexpr int kNoContent = 204;
constexpr int kNotFound = 404;
constexpr int kTooLarge = 413;
constexpr std::size_t kChunk = 8UL << 20; // bytes; held in memory, so that a broken request can be repeated

bool is_success(int status) { return status >= 200 && status < 300; }

http::Url with_digest(http::Url url, const image::Digest &digest) {
    url.target += (url.target.contains('?') ? "&digest=" : "?digest=") + http::url_encode(digest.text());
    return url;
}

// How much of an upload a registry has, from "Range: 0-LAST" (distribution specification, "Pushing a blob in chunks").
// An upload without a byte has "0-0" or no such header.
std::optional<std::uint64_t> uploaded(std::string_view range) {
    const std::size_t dash = range.find('-');
    std::uint64_t last = 0;
    if (dash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto [end, error] = std::from_chars(range.data() + dash + 1, range.data() + range.size(), last);
    if (error != std::errc() || end != range.data() + range.size()) {
        return std::nullopt;
    }
    return last == 0 ? 0 : last + 1;
}

Result<std::string> read_chunk(const image::ByteSource &source) {
    std::string chunk(kChunk, '\0');
    std::size_t size = 0;
    while (size < chunk.size()) {
        const std::size_t got = TRY(source(std::span(chunk).subspan(size)));
        if (got == 0) {
            break;
        }
        size += got;
    }
    chunk.resize(size);
    return chunk;
}

} // namespace

Result<bool> Repository::has_blob(const image::Digest &digest) {
    const http::ClientResponse response = TRY(session_.ask(ask("HEAD", "blobs/" + digest.text())));
    if (response.head.status == kNotFound) {
        return false;
    }
    if (response.head.status != kOk) {
        return std::unexpected(refused(response));
    }
    return true;
}

// Where to send a blob to.
Result<http::Url> Repository::start_upload(const std::string &query, const std::string &scope,
                                           http::ClientResponse *answer) {
    Session::Ask request = ask("POST", "blobs/uploads/" + query);
    request.scope = scope;
    *answer = TRY(session_.ask(request));
    if (answer->head.status != kAccepted && answer->head.status != kCreated) {
        return std::unexpected(refused(*answer));
    }
    http::Url place = TRY(http::resolve_url(request.url, answer->head.header("Location")));
    if (request.url.is_secure() && !place.is_secure()) {
        return fail(EACCES, "push " + reference_.familiar() + ": " + request.url.authority() +
                                " wants the upload by plain HTTP: refused; its proxy has to tell it X-Forwarded-Proto");
    }
    return place;
}

Result<bool> Repository::mount(const image::Digest &digest, const std::string &from_path) {
    http::ClientResponse answer;
    const std::string query = "?mount=" + http::url_encode(digest.text()) + "&from=" + http::url_encode(from_path);
    const Result<http::Url> place = start_upload(query, scope_ + " repository:" + from_path + ":pull", &answer);
    if (answer.head.status == kCreated) {
        return true;
    }
    if (!place.has_value() && place.error().code == ECANCELED) {
        return std::unexpected(place.error());
    }
    if (place.has_value()) {                                                           // an upload that nobody will use
        (void)session_.ask_once({.method = "DELETE", .url = *place, .scope = scope_}); // it expires by itself otherwise
    }
    return false; // whatever was wrong: sending the blob will tell
}

// One that is worth another try has a code that says so.
Error Repository::failed_upload(const http::ClientResponse &response) const {
    Error error = refused(response);
    error.code = is_temporary({.status = response.head.status}) ? ECONNRESET : error.code;
    return error;
}

// EFBIG: try it in chunks.
Status Repository::send_whole(const http::Url &location, const image::Descriptor &descriptor,
                              const image::ByteSource &source, const std::function<void(std::uint64_t)> &sent) {
    std::uint64_t count = 0;
    const auto counted = [&](std::span<char> piece) {
        Result<std::size_t> got = source(piece);
        if (got.has_value()) {
            count += *got;
            sent(count);
        }
        return got;
    };
    const http::ClientResponse response =
        TRY(session_.ask_once({.method = "PUT",
                               .url = with_digest(location, descriptor.digest),
                               .scope = scope_,
                               .headers = {{"Content-Type", "application/octet-stream"}},
                               .source = counted,
                               .source_size = descriptor.size}));
    if (response.head.status == kTooLarge) {
        return fail(EFBIG, "the registry refuses a blob of " + std::to_string(descriptor.size) + " bytes at once");
    }
    return response.head.status == kCreated ? Status() : std::unexpected(failed_upload(response));
}

// The bytes from `start` on; gives the place for what follows. After a broken request the registry knows how far it
// came.
Result<http::Url> Repository::send_chunk(http::Url location, std::uint64_t start, const std::string &chunk) {
    std::uint64_t from = start;
    const std::uint64_t end = start + chunk.size();
    for (unsigned made = 1; from < end; ++made) {
        Result<http::ClientResponse> answer =
            session_.ask_once({.method = "PATCH",
                               .url = location,
                               .scope = scope_,
                               .headers = {{"Content-Type", "application/octet-stream"},
                                           {"Content-Range", std::to_string(from) + "-" + std::to_string(end - 1)}},
                               .body = chunk.substr(from - start)});
        if (answer.has_value() && (answer->head.status == kAccepted || answer->head.status == kNoContent)) {
            return http::resolve_url(location, answer->head.header("Location"));
        }
        const Error error = answer.has_value() ? failed_upload(*answer) : answer.error();
        const auto delay = next_delay(session_.settings().retry, {.code = error.code}, made, random_jitter());
        if (!delay) {
            return std::unexpected(error);
        }
        TRY(wait(*delay, session_.stop()));
        const http::ClientResponse state = TRY(session_.ask({.method = "GET", .url = location, .scope = scope_}));
        const std::uint64_t have = uploaded(state.head.header("Range")).value_or(0);
        if (!is_success(state.head.status) || have < start || have > end) {
            return std::unexpected(error);
        }
        from = have;
        if (!state.head.header("Location").empty()) {
            location = TRY(http::resolve_url(location, state.head.header("Location")));
        }
    }
    return location;
}

Status Repository::send_chunks(const http::Url &location, const image::Descriptor &descriptor,
                               const image::ByteSource &source, const std::function<void(std::uint64_t)> &sent) {
    http::Url place = location;
    for (std::uint64_t start = 0; start < descriptor.size;) {
        const std::string chunk = TRY(read_chunk(source));
        if (chunk.empty()) {
            return fail(EIO, "blob " + descriptor.digest.text() + " is shorter than its manifest says");
        }
        place = TRY(send_chunk(place, start, chunk));
        start += chunk.size();
        sent(start);
    }
    return end_upload(place, descriptor);
}

Status Repository::end_upload(const http::Url &location, const image::Descriptor &descriptor) {
    const http::ClientResponse response =
        TRY(session_.ask_once({.method = "PUT", .url = with_digest(location, descriptor.digest), .scope = scope_}));
    return response.head.status == kCreated ? Status() : std::unexpected(failed_upload(response));
}

Status Repository::upload(const image::Descriptor &descriptor, const std::function<Result<image::ByteSource>()> &open,
                          const std::function<void(std::uint64_t)> &sent) {
    bool in_chunks = false;
    for (unsigned made = 1;; ++made) {
        const image::ByteSource source = TRY(open());
        http::ClientResponse answer;
        const http::Url location = TRY(start_upload("", scope_, &answer));
        Status status = in_chunks ? send_chunks(location, descriptor, source, sent)
                                  : send_whole(location, descriptor, source, sent);
        if (status.has_value()) {
            return {};
        }
        if (status.error().code == EFBIG && !in_chunks) {
            in_chunks = true;
            continue;
        }
        const auto delay = next_delay(session_.settings().retry, {.code = status.error().code}, made, random_jitter());
        if (!delay) {
            return status;
        }
        TRY(wait(*delay, session_.stop()));
    }
}

Result<bool> Repository::has_manifest(const image::Digest &digest) {
    Session::Ask request = ask("HEAD", "manifests/" + digest.text());
    request.headers = {accepted_manifests()};
    return TRY(session_.ask(request)).head.status == kOk;
}

Status Repository::put_manifest(const std::string &name, const image::Descriptor &descriptor,
                                const std::string &bytes) {
    Session::Ask request = ask("PUT", "manifests/" + name);
    request.headers = {{"Content-Type", descriptor.media_type}};
    request.body = bytes;
    const http::ClientResponse response = TRY(session_.ask(request));
    if (!is_success(response.head.status)) {
        return std::unexpected(refused(response));
    }
    const std::string_view stored = response.head.header("Docker-Content-Digest");
    if (!stored.empty() && stored != descriptor.digest.text()) {
        return fail(EBADMSG, "push " + reference_.familiar() + ": the registry keeps the manifest as " +
                                 shortly_quoted(stored) + ", it was sent as " + descriptor.digest.text());
    }
    return {};
}

} // namespace ballast::registry
